use anyhow::Result;
use sangam_interop::{AgentWay, AgentWire, BROKER_LOGIN, MessageBroker, UspAgent};

use crate::site::{CONTROLLER, Site};

/// One test, as this broker takes a quarter of a minute to start.
#[test]
fn agents_over_stomp_are_managed_and_outlast_their_broker() -> Result<()> {
    let mut broker = MessageBroker::rabbitmq()?;
    let (user, password) = BROKER_LOGIN;
    let site = Site::start(&[
        ("devices.usp.stomp.url", &format!("stomp://{}", broker.addr())),
        ("devices.usp.stomp.credentials_file", &broker.login_file()),
        ("devices.usp.stomp.destination", "/queue/usp.controller"),
        ("devices.usp.stomp.heart_beat", "5s"),
    ])?;
    let way = |answered_at: &str| AgentWay {
        addr: broker.addr(),
        login: Some((user.to_owned(), password.to_owned())),
        wire: AgentWire::Stomp(Some(answered_at.to_owned())),
        controller: CONTROLLER.to_owned(),
        controller_at: "/queue/usp.controller".to_owned(),
    };
    let agent = UspAgent::start("S1", way("/queue/agent-S1"));
    site.takes_on(&agent, "S1")?;
    site.tells_of_broker("stomp", broker.addr().port())?;
    broker.stop()?;
    site.tells_that_broker_is_gone("stomp")?;
    broker.start()?;
    let device = site.known("S1")?;
    site.tells(&agent, &device)?;
    site.tells_of_broker("stomp", broker.addr().port())
}
