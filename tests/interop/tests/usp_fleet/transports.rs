use std::fs;

use anyhow::Result;
use sangam_interop::{BROKER_LOGIN, MessageBroker};
use sangam_testkit::{Server, ServerBuilder, free_tcp_port};
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::fleet::Fleet;
use crate::operator::Operator;

/// A server that takes every device, known to agents as `self::acs`; agents at a broker are told where its files are.
fn server() -> Result<ServerBuilder> {
    let listen = format!("127.0.0.1:{}", free_tcp_port()?);
    let builder = Server::builder().argument("--roles").argument("devices");
    Ok(builder
        .set("devices.listen", &listen)
        .set("devices.enroll", "open")
        .set("devices.usp.endpoint_id", "self::acs")
        .set("devices.usp.files_url", &format!("http://{listen}")))
}

/// Has the fleet at this URL do everything, and looks at what both sides say of it.
fn complete(server: &Server, url: &str, words: &[&str]) -> Result<()> {
    let operator = Operator::of(&server.data_dir(), server.listener("http")?)?;
    let fleet = Fleet::start(url, &[&["--controller", "self::acs"], words].concat())?;
    let wrong = operator.complete_all(Fleet::DEVICES)?;
    let report = fleet.end()?;
    assert!(wrong.is_empty(), "{wrong:#?}\n{report:#}");
    assert_fine(&report);
    Ok(())
}

#[track_caller]
fn assert_fine(report: &Value) {
    let count = Fleet::DEVICES as u64;
    assert_eq!((&report["heard"], &report["resets"]), (&json!(count), &json!(count)), "{report:#}");
    assert_eq!((&report["faulty"]["broken"], &report["transfers_failed"]), (&json!(0), &json!({})), "{report:#}");
    assert_eq!(report["transfers_ended"], 2 * count, "{report:#}");
    for name in ["IPPing()", "SelfTestDiagnostics()", "Upload()", "Download()"] {
        assert_eq!(report["commands"][name]["done"], count, "{name}: {report:#}");
    }
    // At first, after the reboot, after the reset.
    assert_eq!(report["boots"], 3 * count, "{report:#}");
    assert!(report["changes"].as_u64() > Some(0), "{report:#}");
    // Each asks to be taken on at its first boot and after its reset. That the server took it stands in its events, which were waited
    // for; its last word of thanks may still be on the way.
    assert!(report["happened"]["OnBoardRequest"].as_u64() >= Some(2 * count), "{report:#}");
}

#[test]
fn over_websocket_all_is_done() -> Result<()> {
    let server = server()?.start()?;
    let url = format!("ws://{}/usp", server.listener("devices")?);
    complete(&server, &url, &[])
}

#[test]
fn over_mosquitto_by_mqtt_5_all_is_done() -> Result<()> {
    over_mosquitto("5.0", "mqtt5")
}

#[test]
fn over_mosquitto_by_mqtt_3_1_1_all_is_done() -> Result<()> {
    over_mosquitto("3.1.1", "mqtt311")
}

fn over_mosquitto(version: &str, mtp: &str) -> Result<()> {
    let broker = MessageBroker::mosquitto()?;
    let server = server()?.set("devices.usp.mqtt.version", version);
    by_broker(server, "mqtt", &broker, &["--mtp", mtp])
}

#[test]
fn over_our_own_stomp_endpoint_all_is_done() -> Result<()> {
    let listen = format!("127.0.0.1:{}", free_tcp_port()?);
    let server = server()?.set("devices.usp.stomp_endpoint.listen", &listen).start()?;
    complete(&server, &format!("stomp://{listen}"), &["--destination", "/usp/controller"])
}

#[test]
fn over_rabbitmq_by_stomp_all_is_done() -> Result<()> {
    by_broker(server()?, "stomp", &MessageBroker::rabbitmq()?, &[])
}

/// Both ends log in at the broker.
fn by_broker(server: ServerBuilder, wire: &str, broker: &MessageBroker, words: &[&str]) -> Result<()> {
    let dir = tempdir()?;
    let (user, password) = BROKER_LOGIN;
    let [login_file, password_file] = ["login", "password"].map(|name| dir.path().join(name));
    fs::write(&login_file, format!("{user}:{password}\n"))?;
    fs::write(&password_file, format!("{password}\n"))?;
    let url = format!("{wire}://{}", broker.addr());
    let key = |name: &str| format!("devices.usp.{wire}.{name}");
    let server = server.set(&key("url"), &url).set(&key("credentials_file"), &login_file.to_string_lossy()).start()?;
    let login = ["--user", user, "--password-file", &password_file.to_string_lossy()];
    complete(&server, &url, &[&login[..], words].concat())
}
