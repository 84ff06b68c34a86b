//! A meeting without a way out: the organiser's machine is the rendezvous, and nodes find each other through it.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use sangam_interop::{Linking, synapse_node};
use sangam_testkit::network::{Host, Network};
use sangam_testkit::{Program, WAIT_MAX, http, sangam_binary};
use serde_json::Value;

const HALL: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const NODES: [(&str, Ipv4Addr); 2] = [("NODE-A=", Ipv4Addr::new(10, 0, 0, 2)), ("NODE-B=", Ipv4Addr::new(10, 0, 0, 3))];

fn sangam(home: &Path, words: &[&str]) -> Result<Command> {
    let mut command = Command::new(sangam_binary()?);
    command.args(words).current_dir(home).env_clear();
    Ok(command)
}

/// What the organiser sees with a token.
fn metrics(host: &Host, home: &Path) -> Result<String> {
    let minted = sangam(home, &["token", "mint", "--scope", "metrics:read"])?.output()?;
    let bearer = format!("Bearer {}", String::from_utf8(minted.stdout)?.trim());
    let listener = (Ipv4Addr::LOCALHOST, 8_080).into();
    let answer = host.inside(|| http::send(listener, "GET", "/metrics", &[("Authorization", &bearer)], ""))?;
    ensure!(answer.status == 200, "{}", answer.body);
    Ok(answer.body)
}

/// The organiser's one command, and what it said when it was ready.
fn serve_lan(host: &Host, home: &Path) -> Result<(Program, Value)> {
    let mut command = sangam(home, &["serve", "--lan"])?;
    let mut program = host.inside(|| Program::start(&mut command))?;
    let ready = program.wait_for_line("that it is ready", WAIT_MAX, |line| {
        serde_json::from_str::<Value>(line).ok().filter(|line| line["message"] == "ready")
    })?;
    Ok((program, ready))
}

fn node(host: &Host, id: &str, address: Ipv4Addr) -> Result<Linking> {
    let script = synapse_node(id, &format!("http://{HALL}:8080"))?;
    let script = script.option("address", address.to_string()).option("discover", "1");
    host.inside(|| Linking::start(id, script))
}

#[test]
fn nodes_of_a_conference_find_each_other_through_the_organisers_laptop() -> Result<()> {
    let network = Network::new()?;
    let laptop = network.host("laptop", &[HALL.into()])?;
    let home = tempfile::tempdir()?;
    let (server, ready) = serve_lan(&laptop, home.path())?;
    let main = ready["listeners"].as_array().context("no listeners")?.iter().find(|it| it["name"] == "http");
    let main = main.context("no main listener")?;
    ensure!(main["addr"] == "0.0.0.0:8080" && main["reached_by"] == "the local network", "{ready}");
    ensure!(main["serves"].as_str().is_some_and(|it| it.contains("rendezvous")), "{ready}");
    let output = server.output();
    ensure!(output.contains("the rendezvous on 0.0.0.0:8080 serves clients without a token"), "{output}");

    let [one, other] = NODES.map(|(id, address)| -> Result<(Host, Linking)> {
        let host = network.host(&id.to_lowercase().replace('=', ""), &[address.into()])?;
        let node = node(&host, id, address)?;
        Ok((host, node))
    });
    let ((_one_host, mut one), (_other_host, mut other)) = (one?, other?);
    one.linked_with(&mut other)?;
    let metrics = metrics(&laptop, home.path())?;
    ensure!(metrics.contains("\nsangam_signal_participants 2\n"), "{metrics}");
    Ok(())
}
