use sangam_control::{DeviceAdminError, DeviceImport};
use sangam_device_server::Policy;

use crate::rig::{Device, Rig};

const NAME: &str = "00D09E-Box-A1";
const CHANNEL: &str = "Device.WiFi.Radio.1.Channel";

fn wanted(login: Option<(&str, &str)>) -> DeviceImport {
    DeviceImport {
        oui: "00d09e".to_owned(),
        product_class: "Box".to_owned(),
        serial_number: "A1".to_owned(),
        tags: vec!["hall".to_owned()],
        login: login.map(|(user, password)| (user.to_owned(), password.to_owned())),
    }
}

#[tokio::test]
async fn what_a_value_was_is_told_newest_first_in_pages_also_under_another_software() {
    let rig = Rig::start(Policy::Open);
    let admin = rig.server.admin();
    admin.import(wanted(Some(("a1", "hush")))).await.unwrap();
    for (channel, software) in [("1", "1.0"), ("6", "1.0"), ("11", "2.0")] {
        let mut device = Device::new(&rig, "A1").with_login("a1", "hush");
        device
            .inform(&["4 VALUE CHANGE"], &[("Device.DeviceInfo.SoftwareVersion", software), (CHANNEL, channel)])
            .await;
        // Far enough from each other to be remembered each.
        rig.pass(86_400_000);
    }
    let of = |path: &str| admin.history(NAME.to_owned(), Some(path.to_owned()), None, 10);
    let values = |list: &sangam_control::DeviceList<sangam_control::DeviceChange>| -> Vec<String> {
        list.items.iter().map(|change| format!("{}={}", change.path, change.value)).collect()
    };
    // What it was at first is no change.
    let all = of(CHANNEL).await.unwrap();
    assert_eq!(values(&all), ["11", "6"].map(|channel| format!("{CHANNEL}={channel}")), "{all:?}");
    assert_eq!(of("Device.WiFi.").await.unwrap(), all);
    assert_eq!(of("Device.WiFi").await.unwrap().items, [], "it is no object, and no parameter has that name");
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = admin.history(NAME.to_owned(), Some(CHANNEL.to_owned()), after, 1).await.unwrap();
        found.extend(values(&page));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found, values(&all));
    let bad = admin.history(NAME.to_owned(), None, Some("x".to_owned()), 1).await;
    assert_eq!(bad, Err(DeviceAdminError::NoCursor));
    let nobody = admin.history("00D09E-Box-B2".to_owned(), None, None, 1).await;
    assert_eq!(nobody, Err(DeviceAdminError::NoDevice));
}

#[tokio::test]
async fn a_device_that_was_imported_logs_in_with_what_it_was_given_and_with_nothing_else() {
    let rig = Rig::start(Policy::Closed);
    let admin = rig.server.admin();
    let outcome = async |login| admin.import(wanted(login)).await.unwrap().outcome;
    assert_eq!(outcome(None).await, "created");
    assert_eq!(outcome(Some(("a1", "hush"))).await, "changed");
    assert_eq!(outcome(Some(("a1", "other"))).await, "unchanged", "the login that it has stays good");
    assert_eq!(admin.device(NAME.to_owned()).await.unwrap().state, "enrolled");
    let mut good = Device::new(&rig, "A1").with_login("a1", "hush");
    assert_eq!(good.inform(&["1 BOOT"], &[]).await.status, 200);
    let mut bad = Device::new(&rig, "A1").with_login("a1", "other");
    assert_eq!(bad.inform(&["1 BOOT"], &[]).await.status, 401);
    admin.set_state(NAME.to_owned(), "blocked".to_owned()).await.unwrap();
    assert_eq!(outcome(None).await, "unchanged");
    assert_eq!(admin.device(NAME.to_owned()).await.unwrap().state, "blocked");
}

#[tokio::test]
async fn an_import_out_of_bounds_says_what_is_wrong() {
    let rig = Rig::start(Policy::Closed);
    let admin = rig.server.admin();
    for (wrong, why) in [
        (DeviceImport { oui: "x".to_owned(), ..wanted(None) }, "six hexadecimal digits"),
        (DeviceImport { serial_number: "x".repeat(65), ..wanted(None) }, "serial number"),
        (DeviceImport { tags: vec![String::new()], ..wanted(None) }, "a tag has"),
        (wanted(Some(("", "p"))), "a login has"),
    ] {
        let Err(DeviceAdminError::Invalid(said)) = admin.import(wrong).await else { panic!("it is refused") };
        assert!(said.contains(why), "{said}");
    }
    assert_eq!(admin.devices(sangam_control::DeviceFilter { limit: 9, ..Default::default() }).await.unwrap().items, []);
}

#[tokio::test]
async fn an_import_stops_at_as_many_devices_as_may_be_known_and_goes_on_once_one_is_gone() {
    let rig = Rig::with_devices_max(Policy::Closed, 2);
    let admin = rig.server.admin();
    let import = |serial: &str| admin.import(DeviceImport { serial_number: serial.to_owned(), ..wanted(None) });
    assert_eq!(import("A1").await.unwrap().outcome, "created");
    assert_eq!(import("B2").await.unwrap().outcome, "created");
    assert_eq!(import("C3").await, Err(DeviceAdminError::Full));
    assert_eq!(import("B2").await.unwrap().outcome, "unchanged", "one that is known is no more of them");
    admin.remove(NAME.to_owned()).await.unwrap();
    assert_eq!(import("C3").await.unwrap().outcome, "created");
}
