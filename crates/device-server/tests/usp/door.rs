use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use sangam_control::DeviceImport;
use sangam_device_server::{EnrolRules, Options, Policy, UspOptions};
use sangam_net::http::Scheme;

use crate::agent::{Agent, Handshake, Identity, open};
use crate::rig::{Device, Rig};
use crate::site::Site;

const EID: &str = "os::00D09E-A1";
const NAME: &str = "00D09E-Box-A1";

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

fn to(target: &str) -> Handshake<'static> {
    Handshake { target: target.to_owned(), ..Handshake::default() }
}

#[tokio::test]
async fn a_handshake_is_answered_only_if_it_asks_for_the_subprotocol_and_says_who_asks() {
    let site = Site::start(Policy::Open).await;
    let (_, headers) = open(&site, to("/usp?eid=os%3A%3A00D09E-A1")).await.unwrap();
    assert_eq!(headers["sec-websocket-protocol"], "v1.usp");
    for handshake in [
        Handshake { protocol: None, ..to("/usp?eid=os%3A%3A00D09E-A1") },
        Handshake { protocol: Some("v2.usp"), ..to("/usp?eid=os%3A%3A00D09E-A1") },
        to("/usp"),
        to("/usp?eid=nobody"),
    ] {
        assert_eq!(open(&site, handshake).await.err(), Some(StatusCode::BAD_REQUEST));
    }
    for line in ["no_subprotocol", "no_eid", "endpoint_id_parts"] {
        assert!(site.rig.metrics().contains(&format!("usp_refusals_total{{reason=\"{line}\"}}")), "{line}");
    }
}

#[tokio::test]
async fn nobody_may_be_the_controller() {
    let site = Site::start(Policy::Open).await;
    assert_eq!(open(&site, to("/usp?eid=self%3A%3Asangam")).await.err(), Some(StatusCode::FORBIDDEN));
    site.until_counts("sangam_devices_usp_refusals_total{reason=\"our_endpoint_id\"} 1").await;
}

#[tokio::test]
async fn where_new_devices_share_a_credential_an_agent_without_it_is_not_let_in() {
    let site = Site::start(Policy::SharedCredential).await;
    let refused = Some(StatusCode::UNAUTHORIZED);
    assert_eq!(Agent::open(&site, EID, None).await.err(), refused);
    assert_eq!(Agent::open(&site, EID, Some(&basic("factory", "wrong"))).await.err(), refused);
    let mut agent = Agent::open(&site, EID, Some(&basic("factory", "factory-password"))).await.unwrap();
    agent.say_connect().await;
    agent.onboard().await;
    assert_eq!(site.device(NAME).await.state, "enrolled");
}

#[tokio::test]
async fn a_password_is_taken_over_tls_alone_unless_that_is_allowed() {
    let site = Site::of(Rig::start(Policy::SharedCredential), Scheme::Http).await;
    let shown = basic("factory", "factory-password");
    assert_eq!(Agent::open(&site, EID, Some(&shown)).await.err(), Some(StatusCode::FORBIDDEN));
    site.live(EnrolRules { policy: Policy::SharedCredential, ..EnrolRules::default() }, true);
    assert!(Agent::open(&site, EID, Some(&shown)).await.is_ok());
}

#[tokio::test]
async fn an_agent_that_nobody_knows_waits_for_an_operator_and_is_asked_the_rest_once_he_says_yes() {
    let site = Site::start(Policy::Closed).await;
    let mut agent = Agent::connect(&site, EID).await;
    for _ in 0..2 {
        let asked = agent.any_request().await;
        assert!(agent.answers(&asked).await);
    }
    site.rig.until(async || !site.devices().await.is_empty()).await;
    assert_eq!(site.device(NAME).await.state, "pending");
    site.rig.server.admin().set_state(NAME.to_owned(), "enrolled".to_owned()).await.unwrap();
    agent.onboard().await;
    assert_eq!(agent.asked, ["GetSupportedProtocol", "Identity", "GetSupportedDM", "Subscriptions", "Subscribe"]);
    assert_eq!(site.device(NAME).await.software_version, "1.0");
}

#[tokio::test]
async fn of_agents_that_nobody_knows_no_more_wait_than_may() {
    let site = Site::start(Policy::Closed).await;
    site.live(EnrolRules { policy: Policy::Closed, pending_max: 0, ..EnrolRules::default() }, false);
    assert_eq!(Agent::open(&site, EID, None).await.err(), Some(StatusCode::FORBIDDEN));
    site.until_counts("sangam_devices_usp_refusals_total{reason=\"pending_full\"} 1").await;
}

#[tokio::test]
async fn no_more_are_connected_before_they_say_who_they_are_than_may_and_they_may_not_wait_long() {
    let usp = UspOptions {
        strangers_max: 1,
        stranger_timeout: std::time::Duration::from_millis(300),
        ..UspOptions::default()
    };
    let site = Site::with(Policy::Open, usp).await;
    let mut silent = Agent::open(&site, EID, None).await.unwrap();
    assert_eq!(Agent::open(&site, "os::00D09E-A2", None).await.err(), Some(StatusCode::SERVICE_UNAVAILABLE));
    assert_eq!(silent.closed().await, Some(1008));
    site.until_counts("sangam_devices_usp_refusals_total{reason=\"silent_stranger\"} 1").await;
}

#[tokio::test]
async fn a_device_that_is_blocked_is_sent_away_and_not_let_in_again() {
    let site = Site::start(Policy::Open).await;
    let mut agent = Agent::connect(&site, EID).await;
    agent.onboard().await;
    site.rig.server.admin().set_state(NAME.to_owned(), "blocked".to_owned()).await.unwrap();
    assert_eq!(agent.closed().await, Some(1008));
    assert_eq!(Agent::open(&site, EID, None).await.err(), Some(StatusCode::FORBIDDEN));
}

#[tokio::test]
async fn a_device_with_a_login_of_its_own_is_believed_with_that_alone() {
    let site = Site::start(Policy::Open).await;
    let import = DeviceImport {
        oui: "00D09E".to_owned(),
        product_class: "Box".to_owned(),
        serial_number: "A1".to_owned(),
        tags: Vec::new(),
        login: Some(("box".to_owned(), "own-password".to_owned())),
    };
    site.rig.server.admin().import(import).await.unwrap();
    assert_eq!(Agent::open(&site, EID, None).await.err(), Some(StatusCode::UNAUTHORIZED));
    // One whose endpoint id says nothing is found out when it says who it is.
    let mut sly = Agent::connect(&site, "self::sly").await;
    for _ in 0..2 {
        let asked = sly.any_request().await;
        assert!(sly.answers(&asked).await);
    }
    assert_eq!(sly.closed().await, Some(1008));
    let mut agent = Agent::open(&site, EID, Some(&basic("box", "own-password"))).await.unwrap();
    agent.say_connect().await;
    agent.onboard().await;
    assert_eq!(site.device(NAME).await.endpoint_id.as_deref(), Some(EID));
}

#[tokio::test]
async fn who_says_to_be_another_than_its_endpoint_id_is_sent_away() {
    let site = Site::start(Policy::Open).await;
    let mut agent = Agent::connect(&site, EID).await;
    agent.identity = Identity { serial: "B2", ..Identity::default() };
    for _ in 0..2 {
        let asked = agent.any_request().await;
        assert!(agent.answers(&asked).await);
    }
    assert_eq!(agent.closed().await, Some(1008));
    site.until_counts("sangam_devices_usp_refusals_total{reason=\"bad_identity\"} 1").await;
    assert!(site.devices().await.is_empty());
}

#[tokio::test]
async fn a_device_keeps_its_endpoint_unless_it_proves_that_the_other_is_its_own() {
    let site = Site::start(Policy::Open).await;
    let mut agent = Agent::connect(&site, "self::one").await;
    agent.onboard().await;
    let mut other = Agent::connect(&site, "self::other").await;
    for _ in 0..2 {
        let asked = other.any_request().await;
        assert!(other.answers(&asked).await);
    }
    assert_eq!(other.closed().await, Some(1008));
    site.until_counts("sangam_devices_usp_refusals_total{reason=\"other_endpoint\"} 1").await;
    assert_eq!(site.device(NAME).await.endpoint_id.as_deref(), Some("self::one"));
}

#[tokio::test]
async fn a_device_known_by_cwmp_is_the_same_device() {
    let rig = Rig::with(Policy::Open, Options::default());
    let site = Site::of(rig, Scheme::Https).await;
    let mut cwmp = Device::new(&site.rig, "A1");
    cwmp.inform(&["1 BOOT"], &[("Device.DeviceInfo.SoftwareVersion", "1.0")]).await;
    let before = site.device(NAME).await;
    assert_eq!((before.protocols, before.endpoint_id), (vec!["cwmp"], None));
    let mut agent = Agent::connect(&site, EID).await;
    agent.onboard().await;
    assert_eq!(site.devices().await.len(), 1);
    let after = site.device(NAME).await;
    assert_eq!((after.protocols, after.endpoint_id.as_deref()), (vec!["cwmp", "usp"], Some(EID)));
}

#[tokio::test]
async fn a_certificate_lets_in_the_agent_that_it_names_and_no_other() {
    let site = Site::start(Policy::SharedCredential).await;
    let with = |certificate| Handshake { certificate: Some(certificate), ..Handshake::default() };
    let another = with("urn:bbf:usp:id:os::00D09E-B2");
    assert_eq!(Agent::show(&site, EID, another).await.err(), Some(StatusCode::FORBIDDEN));
    let mut agent = Agent::show(&site, EID, with("urn:bbf:usp:id:os::00D09E-A1")).await.unwrap();
    agent.say_connect().await;
    agent.onboard().await;
    assert_eq!(site.device(NAME).await.state, "enrolled");
}

#[tokio::test]
async fn a_certificate_of_an_endpoint_whose_id_names_no_device_takes_no_device_over() {
    let site = Site::start(Policy::SharedCredential).await;
    let import = DeviceImport {
        oui: "00D09E".to_owned(),
        product_class: "Box".to_owned(),
        serial_number: "A1".to_owned(),
        tags: Vec::new(),
        login: Some(("box".to_owned(), "own-password".to_owned())),
    };
    site.rig.server.admin().import(import).await.unwrap();
    let certificate = Some("urn:bbf:usp:id:self::sly");
    let mut sly = Agent::show(&site, "self::sly", Handshake { certificate, ..Handshake::default() }).await.unwrap();
    sly.say_connect().await;
    for _ in 0..2 {
        let asked = sly.any_request().await;
        assert!(sly.answers(&asked).await);
    }
    assert_eq!(sly.closed().await, Some(1008));
    assert_eq!(site.device(NAME).await.endpoint_id, None);
}
