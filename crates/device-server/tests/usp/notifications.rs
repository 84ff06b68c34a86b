use sangam_device_server::Policy;

use crate::agent::Agent;
use crate::site::Site;
use crate::wire::entries;

const EID: &str = "os::00D09E-A1";
const NAME: &str = "00D09E-Box-A1";

async fn at_home() -> (Site, Agent) {
    let site = Site::start(Policy::Open).await;
    let mut agent = Agent::connect(&site, EID).await;
    agent.onboard().await;
    (site, agent)
}

#[tokio::test]
async fn a_boot_is_durable_before_it_is_thanked_for_and_what_it_runs_is_asked_again() {
    let (site, mut agent) = at_home().await;
    agent.identity.software = "2.0";
    let args = entries("1a", &[("Cause", "LocalReboot"), ("FirmwareUpdated", "true")]);
    agent.notify("n1", "sangam-boot", &format!("1a(0a('Device.') 12('Boot!') {args})")).await;
    agent.thanked("n1").await;
    let killed = site.killed(Policy::Open).await;
    assert_eq!(killed.events(NAME).await, ["Device.Boot!"]);
    assert!(killed.device(NAME).await.booted_at.is_some());
    drop(agent);

    let mut agent = Agent::connect(&killed, EID).await;
    agent.identity.software = "2.0";
    agent.onboard().await;
    agent.notify("n2", "sangam-boot", "1a(0a('Device.') 12('Boot!'))").await;
    agent.thanked("n2").await;
    assert_eq!(agent.asked, ["Subscriptions", "Subscribe", "Identity"], "who it is was asked in between");
    killed.rig.until(async || killed.device(NAME).await.software_version == "2.0").await;
}

#[tokio::test]
async fn a_value_that_changed_stands_in_the_values_with_its_type_and_what_it_was_in_the_history() {
    let (site, mut agent) = at_home().await;
    for (id, value) in [("n1", "100"), ("n2", "200")] {
        site.rig.pass(60_000);
        agent.notify(id, "s", &format!("22(0a('Device.DeviceInfo.UpTime') 12('{value}'))")).await;
        agent.thanked(id).await;
    }
    let uptime = "Device.DeviceInfo.UpTime";
    assert_eq!(site.value(NAME, uptime).await, Some(("200".to_owned(), "unsignedInt")));
    let history = site.rig.server.admin().history(NAME.to_owned(), Some(uptime.to_owned()), None, 10).await.unwrap();
    assert_eq!(history.items.len(), 1);
    assert_eq!(history.items[0].value, "200");
}

#[tokio::test]
async fn a_sign_of_life_is_no_event_and_one_told_twice_is_one() {
    let (site, mut agent) = at_home().await;
    let seen = site.device(NAME).await.seen_at;
    site.rig.pass(1_000);
    agent.notify("n1", "sangam-periodic", "1a(0a('Device.LocalAgent.') 12('Periodic!'))").await;
    agent.thanked("n1").await;
    assert!(site.device(NAME).await.seen_at > seen);
    for _ in 0..2 {
        agent.notify("n2", "s", "2a(0a('Device.WiFi.SSID.3.'))").await;
        agent.thanked("n2").await;
    }
    assert_eq!(site.events(NAME).await, ["ObjectCreation"]);
}

#[tokio::test]
async fn what_a_device_that_waits_for_an_operator_tells_it_keeps() {
    let site = Site::start(Policy::Closed).await;
    let mut agent = Agent::connect(&site, EID).await;
    let on_board = "42(0a('00D09E') 12('Box') 1a('A1') 22('1.3'))";
    agent.notify("n1", "", on_board).await;
    agent.thanked("n1").await;
    assert_eq!(site.device(NAME).await.state, "pending");
    let boot = "1a(0a('Device.') 12('Boot!'))";
    agent.notify("n2", "sangam-boot", boot).await;
    site.rig.server.admin().set_state(NAME.to_owned(), "enrolled".to_owned()).await.unwrap();
    agent.onboard().await;
    assert!(site.events(NAME).await.is_empty());
    // It was not thanked for, so it tells it again.
    agent.notify("n2", "sangam-boot", boot).await;
    agent.thanked("n2").await;
    assert_eq!(site.events(NAME).await, ["Device.Boot!"]);
}
