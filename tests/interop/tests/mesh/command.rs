//! `sangam node` by the variables of the guide that reach beyond this machine, in a network of its own.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::process::Command;

use anyhow::Result;
use sangam_testkit::network::{Host, Lan};
use sangam_testkit::{Program, WAIT_MAX, http, sangam_binary};
use serde_json::Value;

fn node(host: &Host, data: &std::path::Path, variables: &[(&str, &str)]) -> Result<Program> {
    host.inside(|| {
        let mut command = Command::new(sangam_binary()?);
        command.env_clear().envs(variables.iter().copied()).current_dir(data).arg("node");
        let mut program = Program::start(&mut command)?;
        program.wait_for_line("the line that says it is ready", WAIT_MAX, |line| {
            serde_json::from_str::<Value>(line).ok().filter(|line| line["message"] == "ready")
        })?;
        Ok(program)
    })
}

#[test]
fn a_port_of_the_guide_is_listened_on_everywhere_and_mdns_can_be_left_out() -> Result<()> {
    let lan = Lan::new()?;
    let ip = Ipv4Addr::new(192, 168, 50, 7);
    let host = lan.host("node", IpAddr::from(ip), 24)?;
    let (quiet, loud) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let is_port_of_mdns_free = || host.inside(|| Ok(UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 5353)).is_ok()));
    let program = node(&host, quiet.path(), &[("NODE_PORT", "8123"), ("DISABLE_MDNS", "true")])?;
    let answer = host.inside(|| http::get((ip, 8123).into(), "/whoami"))?;
    assert!(answer.status == 200 && answer.body.contains("node_id"), "{answer:?}");
    assert!(is_port_of_mdns_free()?);
    assert_eq!(program.stop()?.status.code(), Some(0));
    let mut program = node(&host, loud.path(), &[("NODE_PORT", "8124"), ("DISABLE_MDNS", "false")])?;
    program.wait_for_line("mDNS", WAIT_MAX, |line| line.contains("\"mdns\"").then_some(()))?;
    assert!(!is_port_of_mdns_free()?);
    assert_eq!(program.stop()?.status.code(), Some(0));
    Ok(())
}
