use std::time::Duration;

use futures_util::SinkExt as _;
use sangam_device_server::{Policy, UspOptions};
use tokio_tungstenite::tungstenite::Message;

use crate::agent::Agent;
use crate::site::Site;

const EID: &str = "os::00D09E-A1";
const NAME: &str = "00D09E-Box-A1";

#[tokio::test]
async fn an_agent_that_comes_again_is_asked_for_its_subscriptions_alone_and_those_it_has_are_not_added_again() {
    let site = Site::start(Policy::Open).await;
    let mut agent = Agent::connect(&site, EID).await;
    agent.onboard().await;
    let had = std::mem::take(&mut agent.subscriptions);
    drop(agent);
    let site = site.restarted(Policy::Open).await;
    let mut agent = Agent::connect(&site, EID).await;
    agent.subscriptions = had;
    agent.onboard().await;
    // A task is next: nothing more was asked in between.
    site.order(NAME, "reboot", serde_json::json!({})).await;
    assert_eq!(agent.request().await.kind, 7);
    assert_eq!(agent.asked, ["Subscriptions"]);
}

#[tokio::test]
async fn another_device_that_runs_the_same_is_not_asked_what_that_supports() {
    let site = Site::start(Policy::Open).await;
    Agent::connect(&site, EID).await.onboard().await;
    let mut other = Agent::connect(&site, "os::00D09E-A2").await;
    other.identity.serial = "A2";
    other.onboard().await;
    assert_eq!(other.asked, ["GetSupportedProtocol", "Identity", "Subscriptions", "Subscribe"]);
}

#[tokio::test]
async fn a_second_session_of_an_endpoint_takes_the_place_of_the_first() {
    let site = Site::start(Policy::Open).await;
    let mut first = Agent::connect(&site, EID).await;
    first.onboard().await;
    let mut second = Agent::connect(&site, EID).await;
    second.subscriptions = first.subscriptions.clone();
    assert_eq!(first.closed().await, Some(1008));
    second.onboard().await;
    second.notify("n1", "s", "1a(0a('Device.LocalAgent.') 12('Periodic!'))").await;
    second.thanked("n1").await;
    site.until_counts("sangam_devices_usp_closed_total{reason=\"replaced\"} 1").await;
    site.until_counts("sangam_devices_usp_agents{transport=\"websocket\"} 1").await;
    drop(second);
    site.rig.until(async || site.device(NAME).await.connected_over.is_none()).await;
}

#[tokio::test]
async fn an_agent_is_told_when_the_server_ends_before_its_way_is_closed() {
    let site = Site::start(Policy::Open).await;
    let mut agent = Agent::connect(&site, EID).await;
    agent.onboard().await;
    let server = site.rig.server.clone();
    let ending = tokio::spawn(async move { server.finish_sessions(Duration::from_millis(200)).await });
    let record = agent.next_record().await.expect("a Disconnect Record");
    assert_eq!(crate::wire::text(&record, &[12, 1]), "the controller ends; come back");
    assert_eq!(agent.closed().await, Some(1001));
    ending.await.unwrap();
    assert_eq!(Agent::open(&site, EID, None).await.err(), Some(http::StatusCode::SERVICE_UNAVAILABLE));
}

#[tokio::test]
async fn a_silent_agent_is_pinged_and_cut_off_if_it_stays_silent() {
    let usp = UspOptions { ping_interval: Duration::from_millis(200), ..UspOptions::default() };
    let site = Site::with(Policy::Open, usp).await;
    let mut agent = Agent::connect(&site, EID).await;
    agent.onboard().await;
    // Reading answers pings by itself: it lives on.
    while !matches!(agent.frame().await, Some(Message::Ping(_))) {}
    agent.socket.flush().await.unwrap();
    while !matches!(agent.frame().await, Some(Message::Ping(_))) {}
    // From here on nothing is read or said.
    site.until_counts("sangam_devices_usp_refusals_total{reason=\"no_sign_of_life\"} 1").await;
    site.until_counts("sangam_devices_usp_agents{transport=\"websocket\"} 0").await;
}

#[tokio::test]
async fn no_more_agents_are_connected_than_may_but_one_that_is_may_come_again() {
    let site = Site::with(Policy::Open, UspOptions { agents_max: 1, ..UspOptions::default() }).await;
    let mut agent = Agent::connect(&site, EID).await;
    agent.onboard().await;
    assert_eq!(Agent::open(&site, "os::00D09E-A2", None).await.err(), Some(http::StatusCode::SERVICE_UNAVAILABLE));
    assert!(Agent::open(&site, EID, None).await.is_ok());
}

#[tokio::test]
async fn a_hundred_agents_that_come_at_once_are_all_let_in() {
    let usp = UspOptions { opening_max: 4, ..UspOptions::default() };
    let site = Site::with(Policy::Open, usp).await;
    let comes = |number: usize| {
        let site = &site;
        async move {
            let mut agent = Agent::connect(site, &format!("os::00D09E-B{number}")).await;
            agent.identity.serial = Box::leak(format!("B{number}").into_boxed_str());
            agent.onboard().await;
            agent
        }
    };
    let agents = futures_util::future::join_all((0..100).map(comes)).await;
    site.until_counts("sangam_devices_usp_agents{transport=\"websocket\"} 100").await;
    drop(agents);
    site.until_counts("sangam_devices_usp_agents{transport=\"websocket\"} 0").await;
}
