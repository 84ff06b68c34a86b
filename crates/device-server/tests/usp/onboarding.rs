use sangam_device_server::Policy;

use crate::agent::Agent;
use crate::site::Site;

const EID: &str = "os::00D09E-A1";
const NAME: &str = "00D09E-Box-A1";

#[tokio::test]
async fn an_agent_is_taken_on_and_is_a_device_with_all_that_it_said() {
    let site = Site::start(Policy::Open).await;
    let mut agent = Agent::connect(&site, EID).await;
    agent.onboard().await;
    assert_eq!(
        agent.asked,
        ["GetSupportedProtocol", "Identity", "GetSupportedDM", "Subscriptions", "Subscribe"],
        "one question after the other"
    );
    let ids: Vec<&str> = agent.subscriptions.iter().map(|(_, values)| values[0].1.as_str()).collect();
    assert_eq!(ids, ["sangam-boot", "sangam-periodic", "sangam-operations", "sangam-software"]);
    let device = site.device(NAME).await;
    assert_eq!((device.state, device.endpoint_id.as_deref()), ("enrolled", Some(EID)));
    assert_eq!(
        (device.manufacturer.as_str(), device.model.as_str(), device.software_version.as_str()),
        ("Maker", "M1", "1.0")
    );
    assert_eq!((device.protocols, device.usp_versions), (vec!["usp"], vec!["1.2".to_owned(), "1.3".to_owned()]));
    assert_eq!(device.connected_over, Some("websocket"));
    let known = site.value(NAME, "Device.DeviceInfo.SoftwareVersion").await;
    assert_eq!(known, Some(("1.0".to_owned(), "string")));
}
