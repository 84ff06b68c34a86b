use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Result, ensure};
use sangam_interop::{AgentWay, AgentWire, UspAgent};

use crate::site::{CONTROLLER, Site};

const LISTEN: (&str, &str) = ("devices.usp.stomp_endpoint.listen", "127.0.0.1:0");

#[test]
fn agents_come_to_our_own_stomp_endpoint() -> Result<()> {
    let site = Site::start(&[LISTEN])?;
    let addr = site.server.listener("stomp")?;
    let way = AgentWay {
        addr,
        login: None,
        wire: AgentWire::Stomp(None),
        controller: CONTROLLER.to_owned(),
        controller_at: "/usp/controller".to_owned(),
    };
    let agent = UspAgent::start("E1", way);
    site.takes_on(&agent, "E1")?;
    let health = site.get("/api/v1/stomp/broker-health")?;
    ensure!(health["data"]["broker_id"] == "stomp_endpoint" && health["data"]["active_connections"] == 1, "{health:#}");
    drop(agent);
    site.until("the agent to be gone", "/api/v1/stomp/connections", |connections| {
        connections["data"]["total_connections"] == 0
    })?;
    Ok(())
}

#[test]
fn hostile_bytes_at_our_own_stomp_endpoint_end_their_own_connection_alone() -> Result<()> {
    let site = Site::start(&[LISTEN])?;
    let addr = site.server.listener("stomp")?;
    // The corpus of the fuzz target, whose first byte says in pieces of how many bytes it comes.
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/stomp");
    let mut count = 0;
    for file in std::fs::read_dir(corpus)? {
        let bytes = std::fs::read(file?.path())?;
        let mut stream = TcpStream::connect(addr)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        // It may be closed before all is written.
        stream.write_all(bytes.get(1..).unwrap_or_default()).ok();
        stream.shutdown(std::net::Shutdown::Write).ok();
        let mut said = Vec::new();
        stream.read_to_end(&mut said).ok();
        let fine = said.is_empty() || said.starts_with(b"ERROR\n") || said.starts_with(b"CONNECTED\n");
        ensure!(fine, "{}", said.escape_ascii());
        count += 1;
    }
    ensure!(count > 10, "{count} inputs");
    let way = AgentWay {
        addr,
        login: None,
        wire: AgentWire::Stomp(None),
        controller: CONTROLLER.to_owned(),
        controller_at: "/usp/controller".to_owned(),
    };
    let agent = UspAgent::start("E2", way);
    site.takes_on(&agent, "E2")
}
