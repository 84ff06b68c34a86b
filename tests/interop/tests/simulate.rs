//! `sangam simulate rooms` against Node's Socket.IO server, with its faults made on purpose, and our JSON signaling.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use sangam_interop::{Certificate, SocketIoServer};
use sangam_testkit::{Ended, Program, Server, free_tcp_port, sangam_binary};
use serde_json::Value;

/// What a fleet said.
struct Simulated {
    code: Option<i32>,
    report: Value,
    output: String,
}

/// Above the longest fleet of these tests with all that it waits for.
const LIMIT: Duration = Duration::from_secs(120);

/// Runs a fleet of two rooms of three.
fn simulate(words: &[&str]) -> Result<Simulated> {
    let mut command = Command::new(sangam_binary()?);
    command.env_clear().args(["simulate", "rooms", "--rooms", "2", "--participants", "3", "--json"]).args(words);
    Simulated::of(Program::start(&mut command)?.wait(LIMIT)?)
}

impl Simulated {
    fn of(ended: Ended) -> Result<Self> {
        let report = ended.output.lines().rfind(|line| line.starts_with('{'));
        let report =
            report.map(serde_json::from_str).transpose().context("it printed broken JSON")?.unwrap_or_default();
        Ok(Self { code: ended.status.code(), report, output: ended.output })
    }

    /// A figure, summed over all kinds of messages.
    fn sum(&self, figure: &str) -> u64 {
        let messages = self.report["messages"].as_array().into_iter().flatten();
        messages.filter_map(|message| message[figure].as_u64()).sum()
    }

    fn delivered(&self, kind: &str) -> u64 {
        let mut messages = self.report["messages"].as_array().into_iter().flatten();
        messages.find(|message| message["kind"] == kind).and_then(|message| message["delivered"].as_u64()).unwrap_or(0)
    }

    #[track_caller]
    fn assert_fine(&self) {
        assert_eq!(self.code, Some(0), "{}", self.output);
        assert_eq!(self.report["ok"], true, "{}", self.output);
        for figure in ["missing", "missed_away", "duplicated", "reordered"] {
            assert_eq!(self.sum(figure), 0, "{figure}: {}", self.output);
        }
    }

    #[track_caller]
    fn assert_no(&self, words: &str) {
        assert_eq!(self.code, Some(1), "{}", self.output);
        let verdict = self.report["verdict"].to_string();
        assert!(verdict.contains(words), "{verdict} does not say {words}: {}", self.output);
    }
}

#[test]
fn rooms_of_both_spellings_lose_nothing_on_nodes_server() -> Result<()> {
    let node = SocketIoServer::start(&[])?;
    let simulated = simulate(&["--url", node.url(), "--seconds", "2", "--chatter", "10"])?;
    simulated.assert_fine();
    // Two rooms, in each of which the second meets one and the third meets two.
    assert_eq!((simulated.delivered("offer"), simulated.delivered("answer")), (6, 6), "{}", simulated.output);
    for kind in ["candidate", "verse", "queue", "timer"] {
        assert!(simulated.delivered(kind) > 0, "{kind}: {}", simulated.output);
    }
    assert!(simulated.report["messages"][0]["latency"]["p99_ms"].as_f64() > Some(0.0), "{}", simulated.output);
    Ok(())
}

#[test]
fn a_storm_costs_nothing_where_clients_are_recovered() -> Result<()> {
    let node = SocketIoServer::start(&[("recovery", "true")])?;
    let storm = ["--seconds", "3", "--chatter", "20", "--storms", "1", "--storm-share", "0.5"];
    let simulated = simulate(&[&["--url", node.url()], &storm[..]].concat())?;
    simulated.assert_fine();
    assert_eq!(simulated.report["recovered"], simulated.report["cut"], "{}", simulated.output);
    assert!(simulated.report["cut"].as_u64() > Some(0), "{}", simulated.output);
    assert_eq!(simulated.report["rejoined"], 0, "{}", simulated.output);
    assert!(simulated.sum("replayed") > 0, "{}", simulated.output);
    Ok(())
}

#[test]
fn what_a_storm_costs_without_recovery_is_told() -> Result<()> {
    let node = SocketIoServer::start(&[])?;
    let storm = ["--seconds", "3", "--chatter", "20", "--storms", "1", "--storm-share", "0.5"];
    let simulated = simulate(&[&["--url", node.url()], &storm[..]].concat())?;
    simulated.assert_no("were lost");
    assert!(simulated.sum("missed_away") > 0, "{}", simulated.output);
    assert_eq!(simulated.report["recovered"], 0, "{}", simulated.output);
    assert!(simulated.report["rejoined"].as_u64() > Some(0), "{}", simulated.output);
    Ok(())
}

#[test]
fn a_server_that_drops_or_repeats_messages_is_found_out() -> Result<()> {
    let node = SocketIoServer::start(&[("lose", "7"), ("repeat", "5")])?;
    let simulated = simulate(&["--url", node.url(), "--seconds", "1", "--settle", "500ms"])?;
    simulated.assert_no("were lost");
    assert!(simulated.sum("missing") > 0 && simulated.sum("duplicated") > 0, "{}", simulated.output);
    Ok(())
}

#[test]
fn a_mixed_room_needs_a_server_that_bridges() -> Result<()> {
    let node = SocketIoServer::start(&[])?;
    let simulated = simulate(&["--url", node.url(), "--seconds", "1", "--mixed", "--settle", "500ms"])?;
    simulated.assert_no("were lost");
    Ok(())
}

#[test]
fn a_token_is_shown_to_the_server() -> Result<()> {
    let node = SocketIoServer::start(&[("secret", "s3cret")])?;
    let refused = simulate(&["--url", node.url(), "--seconds", "1", "--settle", "500ms"])?;
    refused.assert_no("6 of 6 participants never joined");
    assert!(refused.report["refused"]["not authorized"].as_u64() >= Some(6), "{}", refused.output);
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("token");
    std::fs::write(&file, "s3cret\n")?;
    let token = ["--token-file", &file.to_string_lossy()];
    simulate(&[&["--url", node.url(), "--seconds", "1"], &token[..]].concat())?.assert_fine();
    Ok(())
}

#[test]
fn agents_lose_nothing_on_our_signaling() -> Result<()> {
    let server = Server::start()?;
    let url = format!("ws://{}/ws", server.listener("http")?);
    let simulated = simulate(&["--json-url", &url, "--seconds", "2", "--chatter", "10"])?;
    simulated.assert_fine();
    assert_eq!((simulated.delivered("offer"), simulated.delivered("answer")), (6, 6), "{}", simulated.output);
    assert_eq!(simulated.delivered("verse"), 0, "{}", simulated.output);
    Ok(())
}

#[test]
fn agents_come_back_after_a_storm() -> Result<()> {
    let server = Server::start()?;
    let url = format!("ws://{}", server.listener("signal")?);
    let simulated = simulate(&["--json-url", &url, "--seconds", "2", "--chatter", "0", "--storms", "1"])?;
    assert_eq!(simulated.report["absent_at_end"], 0, "{}", simulated.output);
    simulated.assert_fine();
    assert_eq!(simulated.report["recovered"], simulated.report["cut"], "{}", simulated.output);
    Ok(())
}

#[test]
fn rooms_of_all_dialects_lose_nothing_in_a_storm_on_our_server() -> Result<()> {
    let server = Server::start()?;
    let http = server.listener("http")?;
    let (url, json_url) = (format!("http://{http}"), format!("ws://{http}/r/{{room}}/ws"));
    let fleet = ["--rooms", "3", "--participants", "3", "--mixed", "--seconds", "3", "--chatter", "8"];
    let storm = ["--storms", "2", "--storm-share", "0.6", "--url", &url, "--json-url", &json_url];
    let mut command = Command::new(sangam_binary()?);
    let ended = Program::start(command.env_clear().args(["simulate", "rooms", "--json"]).args(fleet).args(storm))?;
    let simulated = Simulated::of(ended.wait(LIMIT)?)?;
    simulated.assert_fine();
    assert!(simulated.report["cut"].as_u64() > Some(0), "{}", simulated.output);
    for kind in ["offer", "answer", "candidate", "verse", "queue", "timer"] {
        assert!(simulated.delivered(kind) > 0, "{kind}: {}", simulated.output);
    }
    Ok(())
}

#[test]
fn a_certificate_must_be_trusted() -> Result<()> {
    let certificate = Certificate::make()?;
    let (cert, key) = (certificate.chain(), certificate.key());
    let server = Server::builder().set("tls.certificate_file", &cert).set("tls.key_file", &key).start()?;
    let url = format!("wss://localhost:{}/ws", server.listener("http")?.port());
    let untrusted = simulate(&["--json-url", &url, "--seconds", "1", "--settle", "100ms"])?;
    untrusted.assert_no("never joined");
    simulate(&["--json-url", &url, "--seconds", "1", "--ca-file", &cert])?.assert_fine();
    Ok(())
}

#[test]
fn a_server_that_is_down_is_a_no() -> Result<()> {
    let url = format!("http://127.0.0.1:{}", free_tcp_port()?);
    let simulated = simulate(&["--url", &url, "--seconds", "1", "--settle", "100ms"])?;
    simulated.assert_no("never joined");
    assert!(simulated.report["unreached"].as_u64() >= Some(6), "{}", simulated.output);
    Ok(())
}

#[test]
fn senseless_fleets_do_not_start() -> Result<()> {
    for (words, said) in [
        (&[][..], "--url"),
        (&["--url", "ftp://a"], "is no URL"),
        (&["--url", "http://a", "--dialects", "json"], "`--json-url`"),
        (&["--url", "http://a", "--rooms", "100000"], "are more than 60000"),
        (&["--url", "http://a", "--json-url", "ws://a", "--mixed"], "{room}"),
        (&["--url", "http://a", "--ramp", "0"], "the ramp"),
    ] {
        let mut command = Command::new(sangam_binary()?);
        let ended = Program::start(command.env_clear().args(["simulate", "rooms"]).args(words))?.wait(LIMIT)?;
        assert_eq!(ended.status.code(), Some(2), "{words:?}: {}", ended.output);
        assert!(ended.output.contains(said), "{words:?}: {}", ended.output);
    }
    Ok(())
}

#[test]
fn too_few_files_are_told_before_anything_is_connected() -> Result<()> {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 300; exec \"$0\" simulate rooms --url http://127.0.0.1:1 --rooms 100"]);
    let ended = Program::start(command.arg(sangam_binary()?))?.wait(LIMIT)?;
    assert_eq!(ended.status.code(), Some(2), "{}", ended.output);
    assert!(ended.output.contains("`ulimit -n 656`"), "{}", ended.output);
    Ok(())
}
