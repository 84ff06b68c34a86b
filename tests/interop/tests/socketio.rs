//! Socket.IO: one suite of cases against Node's socket.io, which is the reference, and against our server. What the
//! clients saw must be the same, down to close codes, ping timing and what becomes of garbage.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use sangam_interop::socketio::{OptionSet, ReferenceServer, Transcript, node_reference, our_reference_server};
use serde_json::Value;

fn on_node(flags: &[String]) -> Result<ReferenceServer> {
    node_reference(flags, None)
}

/// A failed case is no result: equal failures prove nothing.
fn nothing_failed(transcript: &Transcript) -> Result<()> {
    let failed = transcript.failed();
    ensure!(failed.is_empty(), "cases that the reference itself does not finish:\n{}", failed.join("\n"));
    Ok(())
}

fn nothing_differs(first: &Transcript, second: &Transcript) -> Result<()> {
    let difference = first.difference(second);
    ensure!(difference.is_empty(), "two runs against the same server differ:\n{difference}");
    Ok(())
}

/// The sets in which time matters most. That ours agrees with Node's shows the rest of it.
#[test]
fn the_suite_agrees_with_itself_on_node_where_time_matters() -> Result<()> {
    for set in ["heartbeat", "brief-recovery"] {
        let set = OptionSet::named(set)?;
        let first = set.run(on_node, None)?;
        nothing_failed(&first)?;
        nothing_differs(&first, &set.run(on_node, None)?)?;
    }
    Ok(())
}

#[test]
#[ignore = "takes a minute; run it when the suite itself has changed"]
fn the_suite_agrees_with_itself_on_node() -> Result<()> {
    let first = OptionSet::run_all(on_node)?;
    nothing_failed(&first)?;
    nothing_differs(&first, &OptionSet::run_all(on_node)?)
}

/// Runs the cases of a set that hold `only` in their names against the reference and against a spoilt one.
fn caught(fault: &str, set: &str, only: &str) -> Result<()> {
    let set = OptionSet::named(set)?;
    let sound = set.run(on_node, Some(only))?;
    nothing_failed(&sound)?;
    let spoilt = set.run(|flags| node_reference(flags, Some(fault)), Some(only))?;
    ensure!(!sound.differing(&spoilt).is_empty(), "{fault} goes unnoticed by {} cases", sound.len());
    Ok(())
}

#[test]
fn a_server_that_pings_at_once_is_caught() -> Result<()> {
    caught("early-ping", "heartbeat", "the first ping")
}

#[test]
fn a_server_that_swallows_garbage_is_caught() -> Result<()> {
    caught("garbage-kept", "base", "socket garbage")
}

#[test]
fn a_server_with_a_close_code_of_its_own_is_caught() -> Result<()> {
    caught("close-code", "base", "engine closing: websocket")
}

#[test]
fn a_server_that_replays_nothing_is_caught() -> Result<()> {
    caught("nothing-replayed", "recovery", "missed")
}

#[test]
fn a_server_that_lets_speakers_hear_themselves_is_caught() -> Result<()> {
    caught("sender-hears", "base", "client rooms")
}

/// Cases (in whatever set) in which our server means to differ from Node's.
struct Departure {
    cases: &'static [&'static str],
    /// What is seen instead, as JSON: so and not otherwise. One that is seen on Node too must go.
    ours: &'static str,
    /// Also in `docs/protocols`.
    why: &'static str,
}

const DEPARTURES: &[Departure] = &[
    Departure {
        cases: &["engine closing: polling: base64 that is none"],
        ours: r#"{"posted":{"status":200,"headers":{"cache-control":"no-store","content-type":"text/html"},"body":"ok"},
            "then":{"seen":[],"refused":{"status":400,"body":"{\"code\":1,\"message\":\"Session ID unknown\"}"}}}"#,
        why: "no packet, so the session ends as for all garbage; Node leaves out what is no Base64 and passes the rest on",
    },
    Departure {
        cases: &["engine closing: websocket: a close packet"],
        ours: r#"{"seen":[],"closed":{"code":1005,"reason":""}}"#,
        why: "the protocol: either side closes a session by it; Node obeys it over polling alone",
    },
    Departure {
        cases: &["engine cors: a WebSocket"],
        ours: r#"{"status":403,"headers":{"content-type":"application/json"},
            "body":"{\"code\":4,\"message\":\"Forbidden\"}"}"#,
        why: "safety: browsers let any page open a WebSocket, so the server has to look at its Origin",
    },
    Departure {
        cases: &["engine handshake: a WebSocket on the polling transport is closed"],
        ours: r#"{"status":400,"headers":{"content-type":"text/html"},"body":"Bad request"}"#,
        why: "refused before it opens, not closed behind it: no client asks for it",
    },
    Departure {
        cases: &["engine handshake: more path after the path"],
        ours: r#"{"status":404,"headers":{},"body":""}"#,
        why: "what lies beneath the path may be somebody else's; no client asks for it",
    },
    Departure {
        cases: &["engine handshake: the path without its last slash"],
        ours: r#"{"status":200}"#,
        why: "clients with addTrailingSlash: false are served too; Node serves one kind or the other",
    },
    Departure {
        cases: &["engine upgrade: a second WebSocket for the session of a WebSocket is closed"],
        ours: r#"{"end":{"closed":{"code":1005,"reason":""}},"seen":[]}"#,
        why: "safety: its handshake offers no upgrade; Node closes it too where the session began with polling",
    },
    Departure {
        cases: &[
            "socket javascript: a number of attachments in hexadecimal",
            "socket javascript: a number of attachments with a space",
            "socket javascript: a number of attachments with an exponent",
            "socket javascript: a placeholder of a fraction",
            "socket javascript: an id of very many digits",
            "socket javascript: an id that is too great",
        ],
        ours: r#"{"seen":[],"closed":{"code":1005,"reason":""},"next":{"seen":[]}}"#,
        why: "the protocol: whole numbers in decimal digits; Node's answer names another id, or has lost its bytes",
    },
    Departure {
        cases: &[
            "client messages: polling: says and hears undefined",
            "client messages: upgrade: says and hears undefined",
            "client messages: websocket: says and hears undefined",
        ],
        ours: r#"[{"event":"message-back","args":[null,{"kept":null},1]}]"#,
        why: "with MessagePack too an application gets JSON, which has no such value: null, as with the default parser",
    },
    Departure {
        cases: &["socket msgpack: an event named connect", "socket msgpack: an event of no name"],
        ours: r#"{"seen":[],"closed":{"code":1005,"reason":""},"next":{"seen":[]}}"#,
        why: "no client's library sends it; with the default parser it ends the session on Node as well",
    },
];

fn departures() -> Result<BTreeMap<&'static str, Value>> {
    let mut all = BTreeMap::new();
    for Departure { cases, ours, why } in DEPARTURES {
        ensure!(!why.is_empty(), "nobody says why {cases:?}");
        let ours: Value = serde_json::from_str(ours)?;
        all.extend(cases.iter().map(|case| (*case, ours.clone())));
    }
    Ok(all)
}

#[test]
fn our_server_is_seen_as_nodes_is() -> Result<()> {
    let reference = OptionSet::run_all(on_node)?;
    nothing_failed(&reference)?;
    let wanted = reference.departing(&departures()?)?;
    let ours = OptionSet::run_all(our_reference_server)?;
    let difference = wanted.difference(&ours);
    let (count, all) = (wanted.differing(&ours).len(), wanted.len());
    ensure!(
        difference.is_empty(),
        "{count} of {all} cases differ, though not on purpose (- Node or a departure, + ours):\n{difference}"
    );
    Ok(())
}
