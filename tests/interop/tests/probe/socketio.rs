use anyhow::Result;
use sangam_interop::SocketIoServer;
use sangam_testkit::{Server, free_tcp_port};

use crate::support::{Certificate, assert_fine, assert_no, probe, probe_with};

#[test]
fn nodes_server_is_fine_by_every_transport() -> Result<()> {
    let node = SocketIoServer::start(&[("recovery", "true"), ("ping-interval", "300")])?;
    let probed = probe(&["socketio", node.url(), "--wait-ping"])?;
    assert_fine(&probed);
    let measured = &probed.report["measured"];
    assert_eq!(measured["polling"]["ping_interval_ms"], 300, "{}", probed.output);
    assert_eq!(measured["polling"]["upgrades"][0], "websocket");
    assert_eq!(measured["websocket"]["upgrades"].as_array().map(Vec::len), Some(0));
    assert_eq!(measured["recovery"], true);
    assert!(measured["first_ping_ms"].as_f64() > Some(200.0), "{}", probed.output);
    let codes: Vec<_> = measured["refusals"].as_array().into_iter().flatten().map(|answer| &answer["code"]).collect();
    assert_eq!(codes, [0, 1, 2, 5], "{}", probed.output);
    let steps: Vec<_> = measured["steps"].as_array().into_iter().flatten().map(|step| &step["name"]).collect();
    assert_eq!(steps, ["polling", "connect by polling", "upgrade", "websocket", "connect"]);
    Ok(())
}

#[test]
fn participants_meet_in_a_session() -> Result<()> {
    let node = SocketIoServer::start(&[])?;
    let probed = probe(&["socketio", node.url(), "--room"])?;
    assert_fine(&probed);
    assert_eq!(probed.report["measured"]["recovery"], false);
    let steps = probed.report["measured"]["steps"].to_string();
    for step in ["join-session", "webrtc-offer", "webrtc-answer", "webrtc-ice-candidate", "leave-session"] {
        assert!(steps.contains(step), "{step}: {}", probed.output);
    }
    Ok(())
}

#[test]
fn a_server_without_session_events_is_told() -> Result<()> {
    let node = SocketIoServer::start(&[])?;
    let probed = probe(&["socketio", node.url(), "--namespace", "/quiet", "--room", "--timeout", "500ms"])?;
    assert_no(&probed, &["session-joined", "nothing came"]);
    Ok(())
}

#[test]
fn an_event_is_acknowledged_or_answered() -> Result<()> {
    let node = SocketIoServer::start(&[])?;
    assert_fine(&probe(&["socketio", node.url(), "--event", "echo", "--data", "[1]", "--data", "{\"a\":2}"])?);
    assert_fine(&probe(&["socketio", node.url(), "--event", "ask", "--data", "7", "--expect", "answer"])?);
    let unheard = probe(&["socketio", node.url(), "--event", "nobody-hears-this", "--timeout", "500ms"])?;
    assert_no(&unheard, &["event", "nothing came"]);
    Ok(())
}

#[test]
fn who_is_refused_is_told_what_the_server_wants() -> Result<()> {
    let node = SocketIoServer::start(&[("secret", "s3cret")])?;
    assert_no(&probe(&["socketio", node.url()])?, &["not authorized", "--auth-file"]);
    assert_no(&probe(&["socketio", node.url(), "--namespace", "/none"])?, &["Invalid namespace", "--namespace"]);
    let auth = r#"{"token":"s3cret"}"#;
    assert_fine(&probe(&["socketio", node.url(), "--auth", auth])?);
    let probed = probe_with(("SANGAM_PROBE_AUTH", auth), &["socketio", node.url()])?;
    assert_fine(&probed);
    assert!(!probed.output.contains("s3cret"), "{}", probed.output);
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("auth.json");
    std::fs::write(&file, "{\n  \"token\": \"s3cret\"\n}\n")?;
    assert_fine(&probe(&["socketio", node.url(), "--auth-file", &file.to_string_lossy()])?);
    std::fs::write(&file, "s3cret")?;
    let odd = probe(&["socketio", node.url(), "--auth-file", &file.to_string_lossy()])?;
    assert_eq!(odd.code, Some(2));
    assert!(odd.output.contains("no JSON object") && !odd.output.contains("s3cret"), "{}", odd.output);
    Ok(())
}

#[test]
fn origins_that_are_checked_for_polling_alone_are_warned_of() -> Result<()> {
    let node = SocketIoServer::start(&[("origin", "https://app.example")])?;
    let probed = probe(&["socketio", node.url()])?;
    assert_fine(&probed);
    assert!(probed.finding("warning").contains("a page of any origin gets a WebSocket"), "{}", probed.output);
    assert_eq!(probed.report["measured"]["origins"][1]["allow_origin"], "https://app.example");
    assert_eq!(probe(&["socketio", node.url(), "--strict"])?.code, Some(1));
    Ok(())
}

#[test]
fn a_server_of_one_transport_works_with_a_warning() -> Result<()> {
    for (transport, said) in [("websocket", "Transport unknown"), ("polling", "no upgrade to WebSocket")] {
        let node = SocketIoServer::start(&[("transports", transport)])?;
        let probed = probe(&["socketio", node.url()])?;
        assert_fine(&probed);
        assert!(probed.finding("warning").contains(said), "{}", probed.output);
    }
    Ok(())
}

#[test]
fn a_balancer_that_is_not_sticky_is_named() -> Result<()> {
    let node = SocketIoServer::start(&[("blind", "2")])?;
    assert_no(&probe(&["socketio", node.url()])?, &["Session ID unknown", "balancer", "sticky"]);
    Ok(())
}

#[test]
fn a_certificate_is_checked() -> Result<()> {
    let certificate = Certificate::make()?;
    let (cert, key) = (certificate.cert(), certificate.key());
    let server = Server::builder().set("tls.certificate_file", &cert).set("tls.key_file", &key).start()?;
    let url = format!("https://localhost:{}/health", server.listener("http")?.port());
    assert_no(&probe(&["socketio", &url])?, &["TLS handshake failed", "--ca-file"]);
    assert_no(&probe(&["socketio", &url, "--ca-file", &cert])?, &["no handshake of Engine.IO"]);
    Ok(())
}

#[test]
fn what_is_no_socketio_server_is_called_so() -> Result<()> {
    let server = Server::start()?;
    let elsewhere = format!("http://{}/health", server.listener("http")?);
    assert_no(&probe(&["socketio", &elsewhere])?, &["no handshake of Engine.IO", "own URL"]);
    let down = format!("http://127.0.0.1:{}", free_tcp_port()?);
    assert_no(&probe(&["socketio", &down])?, &["nothing listens", "the server is down"]);
    for words in [&["socketio", "localhost"][..], &["socketio"], &["socketio", "http://a", "--namespace", "x"]] {
        assert_eq!(probe(words)?.code, Some(2), "{words:?}");
    }
    Ok(())
}
