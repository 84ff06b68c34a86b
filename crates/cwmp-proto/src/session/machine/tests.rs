use super::*;
use crate::message::{
    AutonomousTransferComplete, GetParameterValues, GetParameterValuesResponse, Kicked, Reboot, RebootResponse,
    RequestDownload, SetParameterValuesResponse, TransferComplete,
};
use crate::{EventStruct, FaultStruct, Url};

const START: Mono = Mono::ZERO;

fn at(secs: u64) -> Mono {
    Mono::from_start(Duration::from_secs(secs))
}

/// A session and what is to come out of it.
struct Bench {
    session: Session,
    now: Mono,
}

impl Bench {
    fn new(options: SessionOptions) -> Self {
        Self { session: Session::new(options, START), now: START }
    }

    /// A bench whose Inform was answered.
    fn informed(options: SessionOptions) -> Self {
        let mut bench = Self::new(options);
        let outputs = bench.post(inform());
        assert!(matches!(outputs.as_slice(), [Output::Inform(_)]), "{outputs:?}");
        bench.durable();
        bench
    }

    fn drain(&mut self) -> Vec<Output> {
        let mut outputs = Vec::new();
        loop {
            match self.session.poll_output() {
                Output::Wait(_) => return outputs,
                output => outputs.push(output),
            }
        }
    }

    fn deadline(&mut self) -> Option<Deadline> {
        match self.session.poll_output() {
            Output::Wait(deadline) => deadline,
            output => panic!("not drained: {output:?}"),
        }
    }

    fn post(&mut self, envelope: Envelope) -> Vec<Output> {
        self.session.handle_post(self.now, Post::Envelope(Box::new(envelope)));
        self.drain()
    }

    fn empty(&mut self) -> Vec<Output> {
        self.session.handle_post(self.now, Post::Empty);
        self.drain()
    }

    fn durable(&mut self) -> Envelope {
        self.session.handle_durable(self.now, Stored::Durable).unwrap();
        sent(&self.drain())
    }

    fn work(&mut self, handle: u64, message: impl Into<Message>) -> Envelope {
        let request = AcsRequest { handle: RequestHandle(handle), message: message.into() };
        self.session.handle_work(self.now, Some(request)).unwrap();
        sent(&self.drain())
    }

    fn no_work(&mut self) -> Vec<Output> {
        self.session.handle_work(self.now, None).unwrap();
        self.drain()
    }
}

fn inform() -> Envelope {
    inform_with(Header::with_id("cpe-1"), Namespace::V1_0, &[EventCode::Periodic])
}

fn inform_with(header: Header, namespace: Namespace, events: &[EventCode]) -> Envelope {
    let device_id = DeviceId {
        manufacturer: "Example".into(),
        oui: "00D09E".into(),
        product_class: "Box".into(),
        serial_number: "1".into(),
    };
    let event = |code: &EventCode| EventStruct { code: code.clone(), command_key: String::new() };
    let inform = Inform { device_id, events: events.iter().map(event).collect(), ..Inform::default() };
    Envelope::new(namespace, header, inform)
}

fn message(id: &str, message: impl Into<Message>) -> Envelope {
    Envelope::new(Namespace::V1_0, Header::with_id(id), message)
}

/// The one envelope that a reply holds.
fn sent(outputs: &[Output]) -> Envelope {
    match outputs {
        [Output::Reply(Reply::Envelope(envelope))] => (**envelope).clone(),
        other => panic!("no single envelope: {other:?}"),
    }
}

fn ended(reply: Reply, reason: EndReason, unanswered: Option<u64>) -> [Output; 2] {
    [Output::Reply(reply), Output::Ended { reason, unanswered: unanswered.map(RequestHandle) }]
}

fn reboot() -> Reboot {
    Reboot { command_key: "k".into() }
}

#[test]
fn a_session_without_work_is_an_inform_its_response_and_an_empty_reply() {
    let mut bench = Bench::new(SessionOptions::default());
    let outputs = bench.post(inform());
    let [Output::Inform(facts)] = outputs.as_slice() else { panic!("{outputs:?}") };
    assert_eq!(facts.inform.device_id.serial_number, "1");
    let response = bench.durable();
    assert_eq!(response, message("cpe-1", InformResponse { max_envelopes: 1 }));
    assert_eq!(bench.empty(), [Output::Next]);
    assert_eq!(bench.no_work(), ended(Reply::Empty, EndReason::Done, None));
    assert!(bench.session.is_ended());
    assert_eq!(bench.deadline(), None);
    assert_eq!(bench.empty(), [Output::Reply(Reply::BadRequest)], "what comes after is no part of it");
}

#[test]
fn nothing_is_answered_before_it_is_durable() {
    let mut bench = Bench::new(SessionOptions::default());
    assert!(!bench.post(inform()).iter().any(|output| matches!(output, Output::Reply(_))));
    bench.durable();
    let transfer = TransferComplete { command_key: "k".into(), ..TransferComplete::default() };
    let outputs = bench.post(message("cpe-2", transfer.clone()));
    assert_eq!(outputs, [Output::Notice(Box::new(CpeNotice::TransferComplete(transfer)))]);
    assert_eq!(bench.durable(), message("cpe-2", TransferCompleteResponse));
}

#[test]
fn an_inform_is_always_answered_by_its_response_however_much_work_waits() {
    let mut bench = Bench::new(SessionOptions::default());
    bench.post(inform());
    let request = AcsRequest { handle: RequestHandle(1), message: reboot().into() };
    assert_eq!(bench.session.handle_work(START, Some(request)), Err(NotAsked));
    assert_eq!(bench.durable().message().unwrap().method(), "InformResponse");
}

#[test]
fn requests_go_out_one_at_a_time_with_ids_of_their_own() {
    let mut bench = Bench::informed(SessionOptions::default());
    assert_eq!(bench.empty(), [Output::Next]);
    let first = bench.work(7, reboot());
    assert_eq!(first, message("1", reboot()));
    let extra = AcsRequest { handle: RequestHandle(8), message: reboot().into() };
    assert_eq!(bench.session.handle_work(START, Some(extra)), Err(NotAsked), "one is under way");
    let outputs = bench.post(message("1", RebootResponse));
    let outcome = Outcome::Response(Box::new(RebootResponse.into()));
    assert_eq!(outputs, [Output::Answered { handle: RequestHandle(7), outcome }, Output::Next]);
    assert_eq!(bench.work(8, GetRpcMethods).header.id.as_deref(), Some("2"));
}

#[test]
fn a_fault_of_the_cpe_is_the_outcome_and_the_session_goes_on() {
    let mut bench = Bench::informed(SessionOptions::default());
    bench.empty();
    bench.work(7, reboot());
    let fault = Fault::new(FaultCode::RequestDenied);
    let outputs = bench.post(message("1", fault.clone()));
    let outcome = Outcome::Fault(Box::new(fault));
    assert_eq!(outputs, [Output::Answered { handle: RequestHandle(7), outcome }, Output::Next]);
}

#[test]
fn a_request_that_asks_to_be_repeated_is_repeated_once_under_a_new_id() {
    let mut bench = Bench::informed(SessionOptions::default());
    bench.empty();
    bench.work(7, reboot());
    let again = Fault::new(FaultCode::AcsRetryRequest);
    assert_eq!(sent(&bench.post(message("1", again.clone()))), message("2", reboot()));
    let outcome = Outcome::Fault(Box::new(again.clone()));
    let outputs = bench.post(message("2", again));
    assert_eq!(outputs, [Output::Answered { handle: RequestHandle(7), outcome }, Output::Next]);
    assert_eq!(bench.session.counts().resends, 1);
}

#[test]
fn an_answer_to_something_else_ends_the_session_and_the_request_may_have_run() {
    let wrong_kind = message("1", SetParameterValuesResponse::default());
    let wrong_id = message("2", RebootResponse);
    let nobody_knows =
        Envelope { body: Body::Unknown { method: "X_RebootResponse".into() }, ..message("1", RebootResponse) };
    for answer in [wrong_kind, wrong_id, nobody_knows] {
        let mut bench = Bench::informed(SessionOptions::default());
        bench.empty();
        bench.work(7, reboot());
        assert_eq!(bench.post(answer), ended(Reply::BadRequest, EndReason::WrongAnswer, Some(7)));
    }
}

#[test]
fn an_answer_without_an_id_is_taken_if_that_is_allowed() {
    for allow_missing_ids in [true, false] {
        let mut bench = Bench::informed(SessionOptions { allow_missing_ids, ..SessionOptions::default() });
        bench.empty();
        bench.work(7, reboot());
        let outputs = bench.post(Envelope::new(Namespace::V1_0, Header::default(), RebootResponse));
        assert_eq!(outputs.contains(&Output::Next), allow_missing_ids, "{outputs:?}");
        assert_eq!(bench.session.counts().missing_ids, u32::from(allow_missing_ids));
    }
}

#[test]
fn an_answer_past_our_bounds_is_told_and_the_session_goes_on() {
    let mut bench = Bench::informed(SessionOptions::default());
    bench.empty();
    bench.work(7, GetParameterValues { names: vec!["Device.".into()] });
    bench.session.handle_post(START, Post::TooLarge);
    let outcome = Outcome::TooLarge;
    assert_eq!(bench.drain(), [Output::Answered { handle: RequestHandle(7), outcome }, Output::Next]);
    bench.no_work();
    let mut bench = Bench::informed(SessionOptions::default());
    bench.session.handle_post(START, Post::TooLarge);
    assert_eq!(bench.drain(), ended(Reply::BadRequest, EndReason::Unreadable, None), "nothing was asked");
}

#[test]
fn an_answer_that_nothing_asked_for_and_a_missing_one_end_the_session() {
    let mut bench = Bench::informed(SessionOptions::default());
    let outputs = bench.post(message("1", RebootResponse));
    assert_eq!(outputs, ended(Reply::BadRequest, EndReason::UnexpectedAnswer, None));

    let mut bench = Bench::informed(SessionOptions::default());
    bench.empty();
    bench.work(7, reboot());
    assert_eq!(bench.empty(), ended(Reply::Empty, EndReason::MissingAnswer, Some(7)));
}

#[test]
fn a_request_of_the_cpe_in_the_middle_of_ours_is_answered_and_ours_still_waits() {
    let mut bench = Bench::informed(SessionOptions::default());
    bench.empty();
    bench.work(7, reboot());
    bench.post(message("cpe-2", TransferComplete::default()));
    assert_eq!(bench.durable(), message("cpe-2", TransferCompleteResponse));
    let outputs = bench.post(message("1", RebootResponse));
    assert!(matches!(outputs.as_slice(), [Output::Answered { .. }, Output::Next]), "{outputs:?}");
    assert_eq!(bench.session.counts().late_requests, 1);
}

#[test]
fn every_notice_of_a_cpe_has_its_response() {
    let table: [(Message, &str); 3] = [
        (AutonomousTransferComplete::default().into(), "AutonomousTransferCompleteResponse"),
        (RequestDownload::default().into(), "RequestDownloadResponse"),
        (
            TransferComplete { fault: Some(fault_struct()), ..TransferComplete::default() }.into(),
            "TransferCompleteResponse",
        ),
    ];
    let mut bench = Bench::informed(SessionOptions::default());
    for (request, expected) in table {
        assert!(matches!(bench.post(message("x", request)).as_slice(), [Output::Notice(_)]));
        assert_eq!(bench.durable().message().unwrap().method(), expected);
    }
}

fn fault_struct() -> FaultStruct {
    FaultStruct { code: FaultCode::DownloadIncomplete, text: String::new() }
}

#[test]
fn a_cpe_that_asks_for_our_methods_is_told_them() {
    let mut bench = Bench::informed(SessionOptions::default());
    let Some(Message::GetRpcMethodsResponse(response)) =
        sent(&bench.post(message("m", GetRpcMethods))).message().cloned()
    else {
        panic!("another answer")
    };
    assert_eq!(response.methods, METHODS);
}

#[test]
fn what_an_acs_does_not_do_is_answered_with_fault_8000_and_the_session_goes_on() {
    let mut bench = Bench::informed(SessionOptions::default());
    let unknown = Envelope { body: Body::Unknown { method: "X_Dance".into() }, ..message("u", reboot()) };
    for request in [unknown, message("u", reboot()), message("u", Kicked::default())] {
        let Some(Message::Fault(fault)) = sent(&bench.post(request)).message().cloned() else { panic!("no fault") };
        assert_eq!(fault.code(), Some(FaultCode::AcsMethodNotSupported));
    }
    assert_eq!(bench.session.counts().unknown_methods, 3);
    assert_eq!(bench.empty(), [Output::Next]);
}

#[test]
fn kicked_is_offered_with_a_url_of_ours_alone() {
    let url = Url::new("https://portal.example/");
    let mut bench = Bench::informed(SessionOptions { kicked_url: Some(url.clone()), ..SessionOptions::default() });
    let kicked = Kicked { next: Url::new("https://elsewhere.example/"), ..Kicked::default() };
    bench.post(message("k", kicked));
    assert_eq!(bench.durable(), message("k", KickedResponse { next_url: url }));
}

#[test]
fn replies_stand_in_the_namespace_of_the_cpe_and_without_an_id_if_it_sent_none() {
    for namespace in [Namespace::V1_0, Namespace::V1_1, Namespace::V1_2, Namespace::V1_4] {
        let mut bench = Bench::new(SessionOptions::default());
        bench.post(inform_with(Header::default(), namespace, &[]));
        let response = bench.durable();
        assert_eq!((response.namespace, response.header.id), (namespace, None));
        bench.empty();
        assert_eq!(bench.work(1, reboot()).namespace, namespace);
    }
}

#[test]
fn the_version_is_the_highest_that_both_speak_and_only_1_4_is_told_it() {
    let versions = |list: &[u16]| list.iter().map(|minor| Version::v1(*minor)).collect();
    let header = Header { supported_versions: versions(&[0, 2, 3]), ..Header::with_id("i") };
    let mut bench = Bench::new(SessionOptions::default());
    let outputs = bench.post(inform_with(header, Namespace::V1_2, &[]));
    let [Output::Inform(facts)] = outputs.as_slice() else { panic!("{outputs:?}") };
    assert_eq!(facts.version, Version::v1(3));
    assert_eq!(bench.durable().header.use_version, Some(Version::v1(3)));
    bench.empty();
    assert_eq!(bench.work(1, reboot()).header.use_version, None, "only with the InformResponse");

    let header = Header { supported_versions: vec![Version { major: 2, minor: 0 }], ..Header::with_id("i") };
    let mut bench = Bench::new(SessionOptions::default());
    let outputs = bench.post(inform_with(header, Namespace::V1_2, &[]));
    let [Output::Reply(Reply::Envelope(reply)), Output::Ended { reason: EndReason::NoCommonVersion, .. }] =
        outputs.as_slice()
    else {
        panic!("{outputs:?}")
    };
    let Some(Message::Fault(fault)) = reply.message() else { panic!("{reply:?}") };
    assert_eq!(fault.code(), Some(FaultCode::AcsVersionIncompatible));
}

#[test]
fn bootstrap_is_a_fact_of_the_inform() {
    for (events, expected) in [(&[EventCode::Boot, EventCode::Bootstrap][..], true), (&[EventCode::Boot][..], false)] {
        let mut bench = Bench::new(SessionOptions::default());
        let outputs = bench.post(inform_with(Header::default(), Namespace::V1_0, events));
        let [Output::Inform(facts)] = outputs.as_slice() else { panic!("{outputs:?}") };
        assert_eq!(facts.is_bootstrap, expected);
    }
}

#[test]
fn a_second_inform_ends_the_session_and_begins_another_of_the_same_device_alone() {
    let mut bench = Bench::informed(SessionOptions::default());
    bench.empty();
    bench.work(7, reboot());
    let outputs = bench.post(inform());
    let unanswered = Some(RequestHandle(7));
    let [Output::Ended { reason: EndReason::Superseded, unanswered: seen }, Output::Inform(_)] = outputs.as_slice()
    else {
        panic!("{outputs:?}")
    };
    assert_eq!(*seen, unanswered);
    bench.durable();
    assert_eq!(bench.empty(), [Output::Next]);
    assert_eq!(bench.work(8, reboot()).header.id.as_deref(), Some("2"), "numbers are not used twice");

    let mut other = inform();
    if let Body::Message(Message::Inform(inform)) = &mut other.body {
        inform.device_id.serial_number = "2".into();
    }
    assert_eq!(bench.post(other), ended(Reply::BadRequest, EndReason::IdentityChanged, Some(8)));
}

#[test]
fn an_inform_while_the_last_is_being_stored_begins_anew() {
    let mut bench = Bench::new(SessionOptions::default());
    bench.post(inform());
    let outputs = bench.post(inform());
    assert!(
        matches!(outputs.as_slice(), [Output::Ended { reason: EndReason::Superseded, .. }, Output::Inform(_)]),
        "{outputs:?}"
    );
    assert_eq!(bench.durable().message().unwrap().method(), "InformResponse");
    assert_eq!(bench.session.handle_durable(START, Stored::Durable), Err(NotAsked));
}

#[test]
fn a_session_begins_with_an_inform() {
    for post in [Post::Empty, Post::Envelope(Box::new(message("1", GetRpcMethods)))] {
        let mut bench = Bench::new(SessionOptions::default());
        bench.session.handle_post(START, post);
        assert_eq!(bench.drain(), ended(Reply::BadRequest, EndReason::NoInform, None));
    }
    let mut bench = Bench::new(SessionOptions::default());
    bench.session.handle_post(START, Post::Unreadable);
    assert_eq!(bench.drain(), ended(Reply::BadRequest, EndReason::Unreadable, None));
}

#[test]
fn an_impossible_identity_is_answered_with_fault_8003() {
    let mut envelope = inform();
    if let Body::Message(Message::Inform(inform)) = &mut envelope.body {
        inform.device_id.oui = "nonsense".into();
    }
    let mut bench = Bench::new(SessionOptions::default());
    let outputs = bench.post(envelope);
    let [Output::Reply(Reply::Envelope(reply)), Output::Ended { reason: EndReason::BadIdentity, .. }] =
        outputs.as_slice()
    else {
        panic!("{outputs:?}")
    };
    let Some(Message::Fault(fault)) = reply.message() else { panic!("{reply:?}") };
    assert_eq!(fault.code(), Some(FaultCode::AcsInvalidArguments));
}

#[test]
fn what_could_not_be_stored_is_asked_for_again_with_fault_8005_and_not_for_ever() {
    let mut bench = Bench::new(SessionOptions { retries_max: 2, ..SessionOptions::default() });
    for _ in 0..2 {
        assert!(matches!(bench.post(inform()).as_slice(), [Output::Inform(_)]), "the same session goes on");
        bench.session.handle_durable(START, Stored::Failed).unwrap();
        let Some(Message::Fault(fault)) = sent(&bench.drain()).message().cloned() else { panic!("no fault") };
        assert_eq!(fault.code(), Some(FaultCode::AcsRetryRequest));
    }
    bench.post(inform());
    bench.session.handle_durable(START, Stored::Failed).unwrap();
    assert_eq!(bench.drain(), ended(Reply::Unavailable, EndReason::NotStored, None));
}

#[test]
fn a_notice_that_could_not_be_stored_is_asked_for_again() {
    let mut bench = Bench::informed(SessionOptions::default());
    bench.post(message("t", TransferComplete::default()));
    bench.session.handle_durable(START, Stored::Failed).unwrap();
    let reply = sent(&bench.drain());
    assert_eq!(reply.header.id.as_deref(), Some("t"));
    bench.post(message("t", TransferComplete::default()));
    assert_eq!(bench.durable(), message("t", TransferCompleteResponse));
}

#[test]
fn a_cpe_that_is_silent_too_long_or_stays_too_long_is_left() {
    let mut bench = Bench::informed(SessionOptions::default());
    bench.empty();
    bench.work(7, reboot());
    assert_eq!(bench.deadline(), Some(Deadline { at: at(30), timer: Timer::Idle }));
    bench.session.handle_timeout(at(29));
    assert_eq!(bench.drain(), []);
    bench.session.handle_timeout(at(30));
    let unanswered = Some(RequestHandle(7));
    assert_eq!(bench.drain(), [Output::Ended { reason: EndReason::Idle, unanswered }]);

    let mut bench = Bench::informed(SessionOptions::default());
    bench.now = at(280);
    bench.empty();
    assert_eq!(bench.deadline(), Some(Deadline { at: at(300), timer: Timer::Total }), "the silence is ours");
    bench.session.handle_timeout(at(300));
    assert_eq!(bench.drain(), ended(Reply::Unavailable, EndReason::Total, None));
}

#[test]
fn a_cpe_may_ask_for_a_longer_silence_within_the_total() {
    for (asked, expected) in [(60, 60), (10, 30), (100_000, 300)] {
        let header = Header { session_timeout_secs: Some(asked), ..Header::default() };
        let mut bench = Bench::new(SessionOptions::default());
        bench.post(inform_with(header, Namespace::V1_2, &[]));
        bench.durable();
        assert_eq!(bench.deadline().map(|it| it.at), Some(at(expected)), "{asked}");
    }
}

#[test]
fn a_session_is_no_connection_but_a_lost_exchange_ends_it() {
    let mut bench = Bench::informed(SessionOptions::default());
    bench.session.handle_disconnect();
    assert_eq!(bench.drain(), []);
    bench.empty();
    bench.session.handle_disconnect();
    let expected = Output::Ended { reason: EndReason::Disconnected, unanswered: None };
    assert_eq!(bench.drain(), [expected]);
    let request = AcsRequest { handle: RequestHandle(1), message: reboot().into() };
    assert_eq!(bench.session.handle_work(START, Some(request)), Err(NotAsked), "it has not left");
}

#[test]
fn a_request_before_the_last_had_its_reply_ends_the_session() {
    let mut bench = Bench::informed(SessionOptions::default());
    bench.empty();
    assert_eq!(bench.empty(), ended(Reply::BadRequest, EndReason::Overlap, None));
}

#[test]
fn an_envelope_with_nothing_in_it_is_an_empty_post() {
    let mut bench = Bench::informed(SessionOptions::default());
    assert_eq!(bench.post(Envelope { body: Body::Empty, ..message("1", reboot()) }), [Output::Next]);
    assert_eq!(bench.session.counts().empty_envelopes, 1);
}

#[test]
fn requests_of_both_sides_are_bounded() {
    let mut bench = Bench::informed(SessionOptions { cpe_requests_max: 1, ..SessionOptions::default() });
    sent(&bench.post(message("1", GetRpcMethods)));
    let outputs = bench.post(message("2", GetRpcMethods));
    assert_eq!(outputs, ended(Reply::BadRequest, EndReason::CpeRequestsMax, None));

    let mut bench = Bench::informed(SessionOptions { acs_requests_max: 1, ..SessionOptions::default() });
    bench.empty();
    bench.work(1, reboot());
    let outputs = bench.post(message("1", RebootResponse));
    assert_eq!(outputs[1..], ended(Reply::Empty, EndReason::AcsRequestsMax, None));
}

#[test]
fn what_is_no_request_to_a_cpe_or_cannot_be_written_is_not_sent() {
    let mut bench = Bench::informed(SessionOptions::default());
    bench.empty();
    for wrong in
        [Message::from(RebootResponse), inform().message().cloned().unwrap(), TransferComplete::default().into()]
    {
        let request = AcsRequest { handle: RequestHandle(1), message: wrong };
        bench.session.handle_work(START, Some(request)).unwrap();
        let outcome = Outcome::NotSent(NotSent::NoRequest);
        assert_eq!(bench.drain(), [Output::Answered { handle: RequestHandle(1), outcome }, Output::Next]);
    }
    bench.work(2, GetParameterValues { names: vec!["\u{1}".into()] });
    let error = EncodeError::Forbidden { character: 1 };
    bench.session.handle_unwritable(START, error);
    let outcome = Outcome::NotSent(NotSent::Unwritable(error));
    assert_eq!(bench.drain(), [Output::Answered { handle: RequestHandle(2), outcome }, Output::Next]);
    assert_eq!(bench.no_work(), ended(Reply::Empty, EndReason::Done, None));
}

#[test]
fn a_device_that_begins_elsewhere_ends_the_session_here() {
    let mut bench = Bench::informed(SessionOptions::default());
    bench.empty();
    bench.session.abandon(EndReason::Superseded);
    assert_eq!(bench.drain(), ended(Reply::Unavailable, EndReason::Superseded, None));
    bench.session.abandon(EndReason::Abandoned);
    assert_eq!(bench.drain(), [], "it ends once");
}

#[test]
fn a_cpe_that_must_hold_its_requests_is_released_by_a_request_of_ours() {
    let mut bench = Bench::new(SessionOptions { hold_requests: true, ..SessionOptions::default() });
    bench.post(inform());
    assert_eq!(bench.durable().header.hold_requests, Some(true));
    assert_eq!(bench.empty(), [Output::Next]);
    assert_eq!(bench.work(7, reboot()).header.hold_requests, Some(true));
    bench.post(message("1", RebootResponse));
    // No work is left, but an empty reply cannot carry the release.
    let release = sent(&bench.no_work());
    assert_eq!((release.header.hold_requests, release.message().unwrap().method()), (Some(false), "GetRPCMethods"));
    assert_eq!(bench.post(message("2", GetRpcMethodsResponse::default())), [Output::Next], "its answer is nobody's");
    assert_eq!(bench.no_work(), [Output::Reply(Reply::Empty)], "the CPE has its turn");
    bench.post(message("t", TransferComplete::default()));
    assert_eq!(bench.durable().header.hold_requests, None);
    assert_eq!(bench.empty(), [Output::Next]);
    assert_eq!(bench.no_work(), ended(Reply::Empty, EndReason::Done, None));
}

#[test]
fn a_cpe_that_held_nothing_back_is_done_when_it_stays_silent() {
    let mut bench = Bench::new(SessionOptions { hold_requests: true, ..SessionOptions::default() });
    bench.post(inform());
    bench.durable();
    bench.empty();
    bench.no_work();
    bench.post(message("1", Fault::new(FaultCode::MethodNotSupported)));
    bench.no_work();
    bench.session.handle_timeout(at(30));
    assert_eq!(bench.drain(), [Output::Ended { reason: EndReason::Done, unanswered: None }]);
}

#[test]
fn later_cpes_are_not_told_to_hold() {
    let header = Header { supported_versions: vec![Version::v1(4)], ..Header::default() };
    let mut bench = Bench::new(SessionOptions { hold_requests: true, ..SessionOptions::default() });
    bench.post(inform_with(header, Namespace::V1_2, &[]));
    assert_eq!(bench.durable().header.hold_requests, None);
}

#[test]
fn every_reason_has_a_label_of_its_own() {
    let labels: std::collections::BTreeSet<_> = EndReason::ALL.iter().map(|reason| reason.label()).collect();
    assert_eq!(labels.len(), EndReason::ALL.len());
}

#[test]
fn values_come_back_as_they_were_sent() {
    let mut bench = Bench::informed(SessionOptions::default());
    bench.empty();
    bench.work(1, GetParameterValues { names: vec!["Device.".into()] });
    let response = GetParameterValuesResponse::default();
    let outputs = bench.post(message(" 1\n", response.clone()));
    let outcome = Outcome::Response(Box::new(response.into()));
    assert_eq!(outputs[0], Output::Answered { handle: RequestHandle(1), outcome }, "blanks around an ID do not matter");
}
