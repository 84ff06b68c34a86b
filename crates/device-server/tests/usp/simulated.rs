use std::sync::Arc;

use futures_util::{SinkExt as _, StreamExt as _};
use sangam_device_server::{Options, Policy};
use sangam_net::http::Scheme;
use sangam_types::Mono;
use sangam_usp_proto::Connect;
use sangam_usp_proto::agent::{Agent, AgentEvent, AgentOptions, AgentOutput, ObjectSchema, SupportedModel, TreeModel};
use sangam_usp_proto::message::{CmdType, ParamValueType};
use serde_json::json;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::task::AbortOnDropHandle;

use crate::agent::{Handshake, open};
use crate::rig::Rig;
use crate::site::Site;
use crate::wire::US;

const EID: &str = "os::00D09E-A1";
const NAME: &str = "00D09E-Box-A1";

fn model() -> TreeModel {
    use ParamValueType::{Boolean, String, UnsignedInt};
    let subscription = ObjectSchema::table()
        .writable("Enable", Boolean)
        .writable("ID", String)
        .writable("NotifType", String)
        .writable("ReferenceList", String)
        .writable("Persistent", Boolean)
        .writable("NotifRetry", Boolean)
        .writable("NotifExpiration", UnsignedInt)
        .readable("Recipient", String)
        .unique(&["Recipient", "ID"]);
    let info = ["ManufacturerOUI", "ProductClass", "SerialNumber", "SoftwareVersion", "ModelName"];
    let info = info.into_iter().fold(ObjectSchema::default(), |schema, name| schema.readable(name, String));
    let supported =
        SupportedModel::new("urn:broadband-forum-org:tr-181-2-19-1-usp")
            .with(
                "Device.",
                ObjectSchema::default()
                    .event("Boot!", &["Cause"])
                    .command("Reboot()", CmdType::Sync, &[], &[])
                    .command("SelfTestDiagnostics()", CmdType::Async, &[], &["Status"]),
            )
            .with("Device.DeviceInfo.", info.writable("ProvisioningCode", String))
            .with("Device.LocalAgent.", ObjectSchema::default().event("Periodic!", &[]))
            .with(
                "Device.LocalAgent.Controller.{i}.",
                ObjectSchema::default().readable("EndpointID", String).unique(&["EndpointID"]),
            )
            .with("Device.LocalAgent.Subscription.{i}.", subscription)
            .with("Device.LocalAgent.Request.{i}.", ObjectSchema::default().readable("CommandKey", String))
            .with(
                "Device.WiFi.SSID.{i}.",
                ObjectSchema::table().writable("SSID", String).writable("Enable", Boolean).unique(&["SSID"]),
            );
    let mut model = TreeModel::new(Arc::new(supported), 100);
    for (name, value) in [
        ("Device.DeviceInfo.ManufacturerOUI", "00D09E"),
        ("Device.DeviceInfo.ProductClass", "Box"),
        ("Device.DeviceInfo.SerialNumber", "A1"),
        ("Device.DeviceInfo.SoftwareVersion", "1.0"),
        ("Device.LocalAgent.Controller.1.EndpointID", US),
        ("Device.WiFi.SSID.1.SSID", "home"),
    ] {
        model.put(name, value);
    }
    model
}

/// What a test has the agent do.
type Doing = Box<dyn FnOnce(&mut Agent<TreeModel>) + Send>;

/// An agent of ours behind a real WebSocket; commands that go on it ends at once.
struct Simulated {
    doings: mpsc::UnboundedSender<Doing>,
    _running: AbortOnDropHandle<()>,
}

impl Simulated {
    async fn connect(site: &Site) -> Self {
        let target = "/usp?eid=os%3A%3A00D09E-A1".to_owned();
        let (socket, _) = open(site, Handshake { target, ..Handshake::default() }).await.unwrap();
        let (doings, mut asked) = mpsc::unbounded_channel::<Doing>();
        let running = async move {
            let (mut sink, mut stream) = socket.split();
            let ids = [EID, US].map(|id| id.parse().unwrap());
            let [us, controller] = ids;
            let mut agent = Agent::new(AgentOptions::default(), us, controller, model(), 7);
            agent.handle_channel_open(Mono::ZERO, &Connect::WebSocket);
            loop {
                loop {
                    match agent.poll_output() {
                        AgentOutput::Transmit(record) => sink.send(Message::Binary(record)).await.unwrap(),
                        AgentOutput::Event(AgentEvent::Operate { request, .. }) => {
                            let output = [("Status".to_owned(), "Complete".to_owned())].into();
                            agent.complete(Mono::ZERO, request, Ok(output));
                        }
                        AgentOutput::Event(_) => {}
                        AgentOutput::Wait(_) => break,
                    }
                }
                tokio::select! {
                    Some(doing) = asked.recv() => doing(&mut agent),
                    frame = stream.next() => match frame {
                        Some(Ok(Message::Binary(record))) => agent.handle_record(Mono::ZERO, &record),
                        Some(Ok(_)) => {}
                        Some(Err(_)) | None => return,
                    },
                }
            }
        };
        Self { doings, _running: AbortOnDropHandle::new(tokio::spawn(running)) }
    }

    fn does(&self, doing: impl FnOnce(&mut Agent<TreeModel>) + Send + 'static) {
        self.doings.send(Box::new(doing)).unwrap();
    }
}

#[tokio::test]
async fn a_simulated_device_lives_through_a_day() {
    let site = Site::of(Rig::with(Policy::Open, Options::default()), Scheme::Https).await;
    let agent = Simulated::connect(&site).await;
    site.until_counts("sangam_devices_usp_subscriptions_total{change=\"added\"} 4").await;

    agent.does(|agent| agent.boot(Mono::ZERO, "LocalReboot", "", false));
    site.rig.until(async || site.events(NAME).await.contains(&"Device.Boot!".to_owned())).await;
    agent.does(|agent| agent.set_value(Mono::ZERO, "Device.DeviceInfo.SoftwareVersion", "2.0").unwrap());
    site.rig.until(async || site.device(NAME).await.software_version == "2.0").await;

    let refresh = site.order(NAME, "refresh", json!({ "path": "Device." })).await;
    site.until_task(refresh.id, "done").await;
    assert_eq!(site.value(NAME, "Device.WiFi.SSID.1.SSID").await, Some(("home".to_owned(), "string")));
    assert_eq!(site.value(NAME, "Device.WiFi.SSID.1.Enable").await, Some(("false".to_owned(), "boolean")));

    let values = json!({ "values": [{ "path": "Device.WiFi.SSID.1.SSID", "value": "guest" }] });
    let set = site.order(NAME, "set_values", values).await;
    site.until_task(set.id, "done").await;
    assert_eq!(site.value(NAME, "Device.WiFi.SSID.1.SSID").await, Some(("guest".to_owned(), "string")));
    let bad = json!({ "values": [{ "path": "Device.WiFi.SSID.9.SSID", "value": "x" }] });
    let bad = site.order(NAME, "set_values", bad).await;
    assert!(site.until_task(bad.id, "failed").await.code >= 7_000);

    let payload = json!({ "path": "Device.WiFi.SSID.", "values": [{ "path": "SSID", "value": "third" }] });
    let add = site.order(NAME, "add_object", payload).await;
    let instance = site.until_task(add.id, "done").await.result["path"].as_str().unwrap().to_owned();
    let names = site.order(NAME, "get_names", json!({ "path": "Device.WiFi." })).await;
    let names = site.until_task(names.id, "done").await.result["names"].clone();
    assert_eq!(names[format!("{instance}SSID")], json!(true), "{names}");
    let delete = site.order(NAME, "delete_object", json!({ "path": instance })).await;
    site.until_task(delete.id, "done").await;

    let wish = json!({ "id": "wifi", "notify": "ValueChange", "paths": ["Device.WiFi.SSID.1.SSID"] });
    let subscribe = site.order(NAME, "subscribe", wish).await;
    site.until_task(subscribe.id, "done").await;
    agent.does(|agent| agent.set_value(Mono::ZERO, "Device.WiFi.SSID.1.SSID", "by hand").unwrap());
    let ssid = "Device.WiFi.SSID.1.SSID";
    site.rig.until(async || site.value(NAME, ssid).await.is_some_and(|(value, _)| value == "by hand")).await;
    let unsubscribe = site.order(NAME, "unsubscribe", json!({ "id": "wifi" })).await;
    site.until_task(unsubscribe.id, "done").await;

    let test = site.order(NAME, "operate", json!({ "command": "Device.SelfTestDiagnostics()" })).await;
    assert_eq!(site.until_task(test.id, "done").await.result, json!({ "output": { "Status": "Complete" } }));
    let methods = site.order(NAME, "get_methods", json!({})).await;
    assert_eq!(site.until_task(methods.id, "done").await.result["versions"][0], json!("1.0"));
    let metrics = site.rig.metrics();
    assert!(!metrics.contains("sangam_devices_usp_refusals_total{"), "{metrics}");
    assert!(!metrics.contains("onboarding_failures_total{"), "{metrics}");
}
