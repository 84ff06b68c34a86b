use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use sangam_types::Mono;
use sangam_usp_proto::agent::{Agent, AgentOptions, AgentOutput, ObjectSchema, SupportedModel, TreeModel};
use sangam_usp_proto::controller::{Controller, ControllerOptions, ControllerOutput, Known};
use sangam_usp_proto::message::{CmdType, Message, ParamValueType, peek_request};
use sangam_usp_proto::path::{Path, PathLimits};
use sangam_usp_proto::record::{NoSessionContext, PayloadSecurity, Record, RecordType, SessionContext, peek_ids};
use sangam_usp_proto::session::SessionOptions;
use sangam_usp_proto::{Connect, EndpointId, UspLimits};

/// Bytes of a stranger as a record, as a message, as segments of a session, and as a path.
///
/// What is read is written and read again as the same; a controller and an agent bear it, answer with records of their own,
/// and do not answer one record with more than a few.
pub fn usp_record(bytes: &[u8]) {
    let bytes = Bytes::copy_from_slice(bytes);
    record(&bytes);
    message(&bytes);
    if let Ok(text) = std::str::from_utf8(&bytes) {
        path(text);
    }
    both(&bytes);
}

const LIMITS: UspLimits =
    UspLimits { record_bytes_max: 4_096, message_bytes_max: 8_192, elements_max: 500, depth_max: 12, id_bytes_max: 40 };

const CONTROLLER: &str = "self::ctl";
const AGENT: &str = "os::012345-A1";

fn record(bytes: &Bytes) {
    let Ok(record) = Record::decode_bounded(bytes, &LIMITS) else { return };
    assert_eq!(peek_ids(bytes), Some((record.to_id.as_str(), record.from_id.as_str())));
    let again = record.to_bytes();
    assert!(again.len() <= bytes.len(), "nothing is added");
    assert_eq!(Record::decode_bounded(&again, &LIMITS), Ok(record));
}

fn message(bytes: &Bytes) {
    let Ok(decoded) = Message::decode(bytes, &LIMITS) else { return };
    let again = decoded.message.encode();
    assert_eq!(Message::decode(&again, &LIMITS).map(|it| it.message), Ok(decoded.message.clone()));
    let asks = matches!(decoded.message.content, sangam_usp_proto::message::Content::Request(_));
    assert_eq!(peek_request(&again, &LIMITS), asks.then_some(decoded.message.msg_id));
}

fn path(text: &str) {
    let limits = PathLimits { bytes_max: 200, steps_max: 10, terms_max: 4, ..PathLimits::default() };
    if let Ok(path) = Path::parse(text, &limits) {
        assert!(text.len() <= 200 && path.steps.len() <= 11);
    }
    if let Ok(id) = text.parse::<EndpointId>() {
        assert_eq!(id.as_str(), text);
        if let Some(device) = id.device() {
            assert_eq!(device.oui.len(), 6);
        }
    }
}

/// The bytes as they are, as a message, and cut into three segments of a session: to both ends.
fn both(bytes: &Bytes) {
    let [us, agent] = [CONTROLLER, AGENT].map(|id| id.parse::<EndpointId>().expect("an endpoint id"));
    let session = Some(SessionOptions { message_bytes_max: 8_192, ..SessionOptions::default() });
    let options = ControllerOptions { limits: LIMITS, session: session.clone(), ..ControllerOptions::default() };
    let mut controller = Controller::new(options, us.clone(), agent.clone(), Known::default(), 5);
    let options = AgentOptions { limits: LIMITS, session, ..AgentOptions::default() };
    let mut device = Agent::new(options, agent, us, TreeModel::new(Arc::clone(&MODEL), 4), 5);
    controller.handle_channel_open(Mono::ZERO);
    device.handle_channel_open(Mono::ZERO, &Connect::WebSocket);
    let mut now = Mono::ZERO;
    for record in records(bytes) {
        now = now + Duration::from_secs(1);
        controller.handle_record(now, &to_bytes(&record, AGENT, CONTROLLER, bytes));
        controller.handle_timeout(now);
        drain_controller(&mut controller, now);
        device.handle_record(now, &to_bytes(&record, CONTROLLER, AGENT, bytes));
        device.handle_timeout(now);
        drain_agent(&mut device);
    }
}

fn records(bytes: &Bytes) -> Vec<Option<RecordType>> {
    let mut records = vec![None, Some(RecordType::NoSessionContext(NoSessionContext { payload: bytes.clone() }))];
    let third = bytes.len() / 3;
    let pieces = [bytes.slice(..third), bytes.slice(third..2 * third), bytes.slice(2 * third..)];
    for (index, piece) in (1_u64..).zip(pieces) {
        records.push(Some(RecordType::SessionContext(SessionContext {
            session_id: 9,
            sequence_id: index,
            expected_id: 1,
            payload_sar_state: index as i32,
            payloadrec_sar_state: index as i32,
            payload: vec![piece],
            ..SessionContext::default()
        })));
    }
    records
}

/// `None`: the input itself.
fn to_bytes(record: &Option<RecordType>, from: &str, to: &str, input: &Bytes) -> Bytes {
    record.as_ref().map_or_else(|| input.clone(), |it| Record::new(from, to, it.clone()).to_bytes())
}

fn check_record(bytes: &Bytes, from: &str) {
    // Our own may be larger than what the stranger may send.
    let record = Record::decode_bounded(bytes, &UspLimits::default()).expect("what we send is a record");
    assert_eq!(record.from_id, from);
    assert_eq!(record.payload_security(), PayloadSecurity::Plaintext);
    if let Some(RecordType::NoSessionContext(it)) = record.record_type {
        assert!(Message::decode(&it.payload, &UspLimits::default()).is_ok(), "what we say is a message");
    }
}

fn drain_controller(controller: &mut Controller, now: Mono) {
    for turn in 0.. {
        assert!(turn < 100, "a controller that does not come to rest");
        match controller.poll_output() {
            ControllerOutput::Transmit(bytes) => check_record(&bytes, CONTROLLER),
            ControllerOutput::Store { token, .. } => controller.handle_stored(now, token, true),
            ControllerOutput::Event(_) => {}
            ControllerOutput::Wait(_) => return,
        }
    }
}

fn drain_agent(device: &mut Agent<TreeModel>) {
    for turn in 0.. {
        assert!(turn < 2_000, "an agent that does not come to rest");
        match device.poll_output() {
            AgentOutput::Transmit(bytes) => check_record(&bytes, AGENT),
            AgentOutput::Event(_) => {}
            AgentOutput::Wait(_) => return,
        }
    }
}

static MODEL: LazyLock<Arc<SupportedModel>> = LazyLock::new(|| {
    use ParamValueType::{Boolean, String, UnsignedInt};
    let subscription = ["ID", "NotifType", "ReferenceList", "Recipient"]
        .into_iter()
        .fold(ObjectSchema::table().writable("Enable", Boolean), |it, name| it.writable(name, String));
    let model = SupportedModel::new("urn:fuzz")
        .with("Device.", ObjectSchema::default().command("SelfTestDiagnostics()", CmdType::Async, &[], &[]))
        .with("Device.DeviceInfo.", ObjectSchema::default().writable("FriendlyName", String))
        .with("Device.LocalAgent.Subscription.{i}.", subscription.unique(&["ID"]))
        .with("Device.LocalAgent.Request.{i}.", ObjectSchema::default().command("Cancel()", CmdType::Sync, &[], &[]))
        .with("Device.A.{i}.", ObjectSchema::table().writable("N", UnsignedInt).writable("R", String))
        .with("Device.A.{i}.B.{i}.", ObjectSchema::table().writable("S", String).unique(&["S"]));
    Arc::new(model)
});
