//! Other people's clients against our relay, on every transport they speak. UDP is in `relay.rs` where not here.

use anyhow::Result;
use sangam_interop::{Certificate, Script, TurnService};
use sangam_testkit::Server;

/// Runs one of the two WebRTC libraries in Node with the list of servers that ours hands out, over one transport of it
/// alone.
fn link_in_node(library: &str, transport: &str) -> Result<()> {
    let certificate = Certificate::make()?;
    let (server, _) = TurnService::sangam_with(&certificate, "relay")?;
    let result = Script::node("clients/webrtc_relay.mjs")
        .option("library", library)
        .option("transport", transport)
        .option("ice-servers", format!("http://{}/ice-servers", server.listener("http")?))
        .environment("NODE_EXTRA_CA_CERTS", certificate.chain())
        .run()?;
    assert_eq!((&result["echoes"], &result["bytesEachWay"]), (&100.into(), &1_000_000.into()), "{result}");
    Ok(())
}

#[test]
fn libwebrtc_links_through_our_relay_alone_over_tcp() -> Result<()> {
    link_in_node("wrtc", "tcp")
}

#[test]
fn werift_links_through_our_relay_alone_over_udp() -> Result<()> {
    link_in_node("werift", "udp")
}

#[test]
fn werift_links_through_our_relay_alone_over_tcp() -> Result<()> {
    link_in_node("werift", "tcp")
}

#[test]
fn werift_links_through_our_relay_alone_over_tls_and_verifies_it() -> Result<()> {
    link_in_node("werift", "tls")
}

/// Gives a client that takes one server its address and credentials.
fn with_relay(script: Script, relay: &TurnService, transport: &str) -> Result<Script> {
    let (username, password) = relay.credentials()?;
    Ok(script
        .option("host", relay.addr.ip().to_string())
        .option("port", relay.addr.port().to_string())
        .option("transport", transport)
        .option("username", username)
        .option("password", password))
}

#[test]
fn aioice_links_through_our_relay_alone_over_tcp() -> Result<()> {
    let (_server, relay) = TurnService::sangam_over("turn")?;
    let result = with_relay(Script::python("clients/aioice_relay.py")?, &relay, "tcp")?.run()?;
    assert_eq!(result["echoes"], 100, "{result}");
    Ok(())
}

#[test]
fn aioice_links_through_our_relay_alone_over_tls_and_verifies_it() -> Result<()> {
    let certificate = Certificate::make()?;
    let (_server, relay) = TurnService::sangam_with(&certificate, "turns")?;
    let script = Script::python("clients/aioice_relay.py")?.environment("SSL_CERT_FILE", certificate.chain());
    let result = with_relay(script, &relay, "tls")?.run()?;
    assert_eq!(result["echoes"], 100, "{result}");
    Ok(())
}

/// A thousand messages of a thousand bytes each way, one at a time, with checksums.
fn link_with_libnice(relay: &TurnService, transport: &str) -> Result<()> {
    let script = Script::c("clients/nice_relay.c", "nice")?.option("local", relay.addr.ip().to_string());
    let result = with_relay(script, relay, transport)?.run()?;
    assert_eq!(result["bytesEachWay"], 1_000_000, "{result}");
    Ok(())
}

#[test]
fn libnice_links_through_our_relay_alone_over_udp() -> Result<()> {
    let (_server, relay) = TurnService::sangam()?;
    link_with_libnice(&relay, "udp")
}

#[test]
fn libnice_links_through_our_relay_alone_over_udp_and_ipv6() -> Result<()> {
    let (_server, relay) = TurnService::sangam_at("::1".parse()?, "relay")?;
    link_with_libnice(&relay, "udp")
}

#[test]
fn libnice_links_through_our_relay_alone_over_tcp() -> Result<()> {
    let (_server, relay) = TurnService::sangam_over("turn")?;
    link_with_libnice(&relay, "tcp")
}

/// Headless Chromium on our check page, told of one way to the relay alone; 1 MiB each way with checksums.
fn link_in_chromium(server: &Server, transport: &str, home: &str) -> Result<()> {
    let result = Script::node("check_page/run.mjs")
        .environment("SANGAM_URL", format!("http://{}", server.listener("http")?))
        .environment("SANGAM_TRANSPORT", transport)
        .environment("HOME", home)
        .run()?;
    assert_eq!(result["ok"], true, "{result:#}");
    let local = &result["local"];
    assert_eq!((&local["type"], &local["relayProtocol"]), (&"relay".into(), &transport.into()), "{result:#}");
    Ok(())
}

#[test]
fn chromium_links_through_our_relay_alone_over_tcp() -> Result<()> {
    let home = tempfile::tempdir()?;
    let (server, _) = TurnService::sangam_over("turn")?;
    link_in_chromium(&server, "tcp", &home.path().display().to_string())
}

#[test]
fn chromium_links_through_our_relay_alone_over_tls_and_verifies_it() -> Result<()> {
    let certificate = Certificate::make()?;
    let (server, _) = TurnService::sangam_with(&certificate, "turns")?;
    link_in_chromium(&server, "tls", &certificate.trusting_home()?)
}

/// That the tests over TLS are about certificates at all.
#[test]
fn clients_that_verify_refuse_a_certificate_they_do_not_trust() -> Result<()> {
    let certificate = Certificate::make()?;
    let (server, relay) = TurnService::sangam_with(&certificate, "turns")?;
    let error = with_relay(Script::python("clients/aioice_relay.py")?, &relay, "tls")?.run().unwrap_err();
    assert!(format!("{error:#}").contains("expected relay candidates alone, not []"), "{error:#}");
    let home = tempfile::tempdir()?;
    let error = link_in_chromium(&server, "tls", &home.path().display().to_string()).unwrap_err();
    assert!(format!("{error:#}").contains("no relay candidate came"), "{error:#}");
    Ok(())
}
