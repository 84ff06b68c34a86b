//! Two tabs of a real browser in a session: a call, what follows, and a network that is lost.
//!
//! Each tab loses its network twice: once the server sees its connections end, once it does not. What the script demands is
//! written there (`call_page/run.mjs`).

use anyhow::Result;
use sangam_interop::{CallPage, Script};
use sangam_testkit::Server;

fn call(first: &str, second: &str) -> Result<()> {
    let page = CallPage::start()?;
    let server = Server::builder()
        .set("http.origins", &format!("[\"{}\"]", page.origin()))
        // So that both clocks are seen to run without waiting long.
        .set("signal.rooms.timer_tick", "1s")
        .start()?;
    let result = Script::node("call_page/run.mjs")
        .option("page", page.origin())
        .option("server", server.listener("http")?.to_string())
        .option("first", first)
        .option("second", second)
        .run()?;
    for tab in ["a", "b"] {
        let end = &result["calls"][tab];
        assert_eq!((&end["local"]["type"], &end["remote"]["type"]), (&"relay".into(), &"relay".into()), "{result:#}");
    }
    assert!(!server.log().contains("panicked"), "{}", server.log());
    Ok(())
}

#[test]
fn two_tabs_of_socket_io_call_through_the_relay_and_come_back_from_a_lost_network() -> Result<()> {
    call("socketio:newest", "socketio:documented")
}

#[test]
fn two_tabs_of_plain_json_call_through_the_relay_and_come_back_from_a_lost_network() -> Result<()> {
    call("json", "json")
}

#[test]
fn a_tab_of_socket_io_and_one_of_plain_json_call_and_come_back_from_a_lost_network() -> Result<()> {
    call("socketio:newest", "json")
}
