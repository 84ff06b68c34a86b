use anyhow::Result;
use sangam_interop::{AgentWay, AgentWire, BROKER_LOGIN, MessageBroker, UspAgent};
use sangam_usp_proto::record::MqttVersion;

use crate::site::{CONTROLLER, Site};

/// A site at Mosquitto; agents publish to topics of that pattern.
fn site(broker: &MessageBroker, version: &str, topic: &str) -> Result<Site> {
    Site::start(&[
        ("devices.usp.mqtt.url", &format!("mqtt://{}", broker.addr())),
        ("devices.usp.mqtt.version", version),
        ("devices.usp.mqtt.credentials_file", &broker.login_file()),
        ("devices.usp.mqtt.topic", topic),
    ])
}

fn way(broker: &MessageBroker, version: MqttVersion, answered_at: &str, controller_at: &str) -> AgentWay {
    let (user, password) = BROKER_LOGIN;
    AgentWay {
        addr: broker.addr(),
        login: Some((user.to_owned(), password.to_owned())),
        wire: AgentWire::Mqtt(version, answered_at.to_owned()),
        controller: CONTROLLER.to_owned(),
        controller_at: controller_at.to_owned(),
    }
}

#[test]
fn agents_over_mqtt_5_are_managed_and_outlast_their_broker() -> Result<()> {
    let mut broker = MessageBroker::mosquitto()?;
    let site = site(&broker, "5.0", "usp/controller")?;
    let agent = UspAgent::start("M5", way(&broker, MqttVersion::V5, "usp/agent/M5", "usp/controller"));
    site.takes_on(&agent, "M5")?;
    site.tells_of_broker("mqtt", broker.addr().port())?;
    broker.stop()?;
    site.tells_that_broker_is_gone("mqtt")?;
    broker.start()?;
    let device = site.known("M5")?;
    site.tells(&agent, &device)?;
    site.tells_of_broker("mqtt", broker.addr().port())
}

#[test]
fn agents_over_mqtt_3_1_1_are_managed_and_outlast_their_broker() -> Result<()> {
    let mut broker = MessageBroker::mosquitto()?;
    let site = site(&broker, "3.1.1", "usp/controller")?;
    let agent = UspAgent::start("M3", way(&broker, MqttVersion::V311, "usp/agent/M3", "usp/controller"));
    site.takes_on(&agent, "M3")?;
    broker.stop()?;
    site.tells_that_broker_is_gone("mqtt")?;
    broker.start()?;
    let device = site.known("M3")?;
    site.tells(&agent, &device)
}

#[test]
fn where_each_agent_has_its_own_topic_nobody_speaks_for_another() -> Result<()> {
    let broker = MessageBroker::mosquitto()?;
    let site = site(&broker, "5.0", "usp/controller/{endpoint}")?;
    let own = "usp/controller/os::00D09E-T1";
    let agent = UspAgent::start("T1", way(&broker, MqttVersion::V5, "usp/agent/T1", own));
    site.takes_on(&agent, "T1")?;
    let _forger = UspAgent::start("T2", way(&broker, MqttVersion::V5, "usp/agent/T2", own));
    site.until("the forger to be refused", "/api/v1/stomp/errors", |errors| {
        let all = errors["data"]["errors_by_reason"].as_array();
        all.is_some_and(|all| all.iter().any(|error| error["reason"] == "foreign_topic"))
    })?;
    let devices = site.get("/api/v1/devices")?;
    anyhow::ensure!(devices["data"].as_array().is_some_and(|all| all.len() == 1), "{devices:#}");
    Ok(())
}
