use std::sync::Arc;
use std::time::Duration;

use sangam_control::{
    DeviceAdmin, DeviceAdminError, DeviceImport, DeviceProfiles, DeviceTask, DeviceWants, Once, ProfileApplies,
    ProfileSetting, ProfileWanted,
};
use sangam_device_server::{Options, Policy, ProfileOptions, PursuitRules};

use crate::rig::{Answer, Device, Rig, envelope, text_of};

const NAME: &str = "00D09E-Box-A1";
const CHANNEL: &str = "Device.WiFi.Radio.1.Channel";
const PASSWORD: &str = "Device.Users.User.1.Password";

fn setting(path: &str, value: &str) -> ProfileSetting {
    let hidden = path == PASSWORD;
    ProfileSetting { path: path.to_owned(), value: Some(value.to_owned()), kind: "string".to_owned(), hidden }
}

fn wanted(values: &[(&str, &str)]) -> ProfileWanted {
    ProfileWanted {
        name: "wifi".to_owned(),
        enabled: true,
        priority: 0,
        applies: ProfileApplies { manufacturer: Some("Mak*".to_owned()), ..ProfileApplies::default() },
        values: values.iter().map(|(path, value)| setting(path, value)).collect(),
    }
}

struct Bench {
    rig: Rig,
    admin: Arc<dyn DeviceAdmin>,
    profiles: Arc<dyn DeviceProfiles>,
}

impl Bench {
    /// With a device that is one of ours and has its login.
    async fn new() -> Self {
        let pursuit = PursuitRules { retry_first: Duration::from_secs(60), retry_max: Duration::from_secs(600) };
        let profiles = ProfileOptions { profiles_max: 2, pursuit };
        let bench = Self::of(Rig::with(Policy::Closed, Options { profiles, ..Options::default() }));
        let device = DeviceImport {
            oui: "00D09E".to_owned(),
            product_class: "Box".to_owned(),
            serial_number: "A1".to_owned(),
            tags: Vec::new(),
            login: Some(("a1".to_owned(), "hush".to_owned())),
        };
        bench.admin.import(device).await.unwrap();
        bench
    }

    fn device(&self) -> Device {
        Device::new(&self.rig, "A1").with_login("a1", "hush")
    }

    fn of(rig: Rig) -> Self {
        let admin = rig.server.admin();
        Self { profiles: admin.profiles(), admin, rig }
    }

    async fn wants(&self) -> DeviceWants {
        self.profiles.of_device(NAME.to_owned()).await.unwrap()
    }

    async fn set_tasks(&self) -> Vec<DeviceTask> {
        let tasks = self.admin.tasks(Some(NAME.to_owned()), None, None, 100).await.unwrap().items;
        tasks.into_iter().filter(|task| task.kind == "set_values").collect()
    }

    async fn until_state(&self, state: &str) -> DeviceWants {
        self.rig.until(async || self.wants().await.state == state).await;
        self.wants().await
    }
}

/// Comes with a value and does what it is asked, as long as it is asked; what it was sent.
async fn comes(bench: &Bench, events: &[&str], channel: &str, takes: &dyn Fn(&Answer) -> String) -> Vec<String> {
    let mut device = bench.device();
    let mut answer = device.inform(events, &[(CHANNEL, channel)]).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let mut asked = Vec::new();
    answer = device.post("").await;
    while answer.status == 200 {
        asked.push(answer.body.clone());
        answer = device.post(&takes(&answer)).await;
    }
    assert_eq!(answer.status, 204);
    asked
}

fn id(answer: &Answer) -> &str {
    text_of(&answer.body, "cwmp:ID").unwrap()
}

/// SetParameterValuesResponse with status 0, GetParameterValuesResponse with that channel (TR-069 A.3.2.1, A.3.2.2).
fn obeys(answer: &Answer, channel: &str) -> String {
    if answer.body.contains("<cwmp:SetParameterValues>") {
        let done = "<cwmp:SetParameterValuesResponse><Status>0</Status></cwmp:SetParameterValuesResponse>";
        return envelope(id(answer), done);
    }
    let values = format!(
        "<cwmp:GetParameterValuesResponse><ParameterList soap-enc:arrayType=\"cwmp:ParameterValueStruct[1]\">\
         <ParameterValueStruct><Name>{CHANNEL}</Name><Value xsi:type=\"xsd:string\">{channel}</Value>\
         </ParameterValueStruct></ParameterList></cwmp:GetParameterValuesResponse>"
    );
    envelope(id(answer), &values)
}

/// Fault 9003 with 9007 for the channel (TR-069 A.5.1).
fn refuses(answer: &Answer) -> String {
    if !answer.body.contains("<cwmp:SetParameterValues>") {
        return obeys(answer, "1");
    }
    let fault = format!(
        "<soap-env:Fault><faultcode>Client</faultcode><faultstring>CWMP fault</faultstring><detail><cwmp:Fault>\
         <FaultCode>9003</FaultCode><FaultString>Invalid arguments</FaultString><SetParameterValuesFault>\
         <ParameterName>{CHANNEL}</ParameterName><FaultCode>9007</FaultCode><FaultString>Invalid value</FaultString>\
         </SetParameterValuesFault></cwmp:Fault></detail></soap-env:Fault>"
    );
    envelope(id(answer), &fault)
}

#[tokio::test]
async fn a_device_that_differs_is_set_once_and_left_alone_when_it_is_as_it_shall_be() {
    let bench = Bench::new().await;
    bench.profiles.create(wanted(&[(CHANNEL, "6"), (PASSWORD, "sesame")]), Once::default()).await.unwrap();
    let asked = comes(&bench, &["0 BOOTSTRAP"], "1", &|answer| obeys(answer, "6")).await;
    assert_eq!(asked.len(), 2, "set, and read what it made of it: {asked:#?}");
    assert!(
        asked[0].contains(&format!("<Name>{CHANNEL}</Name><Value xsi:type=\"xsd:string\">6</Value>")),
        "{}",
        asked[0]
    );
    assert!(asked[0].contains("sesame") && asked[1].contains(CHANNEL) && !asked[1].contains(PASSWORD), "{}", asked[1]);
    let wants = bench.until_state("held").await;
    let states: Vec<_> = wants.values.iter().map(|it| (it.path.as_str(), it.state, it.value.as_deref())).collect();
    assert_eq!(states, [(PASSWORD, "told", None), (CHANNEL, "held", Some("6"))]);
    assert_eq!(wants.profiles[0].name, "wifi");
    for _ in 0..3 {
        assert_eq!(comes(&bench, &["2 PERIODIC"], "6", &|_| panic!("nothing is asked")).await, [""; 0]);
    }
    assert_eq!(bench.set_tasks().await.len(), 1);
    assert!(bench.rig.counts("sangam_devices_drifts_total 1"), "{}", bench.rig.metrics());
}

#[tokio::test]
async fn a_device_that_refuses_is_told_again_after_ever_longer_times_and_the_reason_is_shown() {
    let bench = Bench::new().await;
    bench.profiles.create(wanted(&[(CHANNEL, "6")]), Once::default()).await.unwrap();
    let sets = |asked: Vec<String>| asked.iter().filter(|it| it.contains("<cwmp:SetParameterValues>")).count();
    let refused = |events: &'static [&'static str]| comes(&bench, events, "1", &refuses);
    assert_eq!(sets(refused(&["1 BOOT"]).await), 1);
    let wants = bench.until_state("waiting").await;
    assert!(wants.reason.contains("9003") && wants.reason.contains("9007"), "{}", wants.reason);
    assert_eq!(wants.values[0].state, "differs");
    bench.rig.until(async || !open(&bench, "profile_refused").await.is_empty()).await;
    for _ in 0..3 {
        bench.rig.pass(10_000);
        assert_eq!(sets(refused(&["2 PERIODIC"]).await), 0, "before its time");
    }
    bench.rig.pass(60_000);
    assert_eq!(sets(refused(&["2 PERIODIC"]).await), 1);
    bench.rig.until(async || bench.set_tasks().await.iter().all(|task| task.state == "failed")).await;
    bench.until_state("waiting").await;
    bench.rig.pass(61_000);
    assert_eq!(sets(refused(&["2 PERIODIC"]).await), 0, "twice as long");
    assert_eq!(bench.profiles.apply(NAME.to_owned()).await.unwrap().state, "under_way", "an operator does not wait");
    assert_eq!(sets(comes(&bench, &["2 PERIODIC"], "1", &|answer| obeys(answer, "6")).await), 1);
    bench.until_state("held").await;
    bench.rig.until(async || open(&bench, "profile_refused").await.is_empty()).await;
}

#[tokio::test]
async fn a_value_that_is_changed_behind_our_back_is_set_back() {
    let bench = Bench::new().await;
    bench.profiles.create(wanted(&[(CHANNEL, "6")]), Once::default()).await.unwrap();
    assert_eq!(comes(&bench, &["1 BOOT"], "6", &|_| panic!()).await, [""; 0], "it is so already");
    let asked = comes(&bench, &["4 VALUE CHANGE"], "11", &|answer| obeys(answer, "6")).await;
    assert_eq!(asked.len(), 2);
    bench.until_state("held").await;
}

#[tokio::test]
async fn what_is_wanted_no_longer_is_not_set_and_a_changed_profile_is_told_at_the_next_coming() {
    let bench = Bench::new().await;
    let made = bench.profiles.create(wanted(&[(CHANNEL, "6")]), Once::default()).await.unwrap();
    comes(&bench, &["1 BOOT"], "6", &|_| panic!()).await;
    let changed = bench.profiles.replace(made.id, wanted(&[(CHANNEL, "7")]), Some(1)).await.unwrap();
    assert_eq!(changed.revision, 2);
    assert_eq!(bench.wants().await.state, "due");
    let stale = bench.profiles.replace(made.id, wanted(&[(CHANNEL, "8")]), Some(1)).await;
    assert_eq!(stale, Err(DeviceAdminError::Changed(2)));
    // It comes, is asked, and goes away: the task is safe to repeat and waits.
    let mut device = bench.device();
    device.inform(&["2 PERIODIC"], &[(CHANNEL, "6")]).await;
    assert_eq!(bench.wants().await.state, "under_way");
    bench.profiles.remove(made.id, None).await.unwrap();
    assert_eq!(comes(&bench, &["2 PERIODIC"], "6", &|answer| obeys(answer, "6")).await.len(), 1, "it is only read");
    bench.rig.until(async || bench.set_tasks().await[0].state == "cancelled").await;
    assert_eq!(bench.wants().await.state, "none");
}

#[tokio::test]
async fn a_restart_makes_no_second_task_of_what_waits() {
    let bench = Bench::new().await;
    bench.profiles.create(wanted(&[(CHANNEL, "6")]), Once::default()).await.unwrap();
    let mut device = bench.device();
    device.inform(&["1 BOOT"], &[(CHANNEL, "1")]).await;
    assert_eq!(bench.set_tasks().await.len(), 1);
    let Bench { rig, admin, profiles } = bench;
    drop((admin, profiles, device));
    let bench = Bench::of(rig.restarted(Policy::Closed).await);
    comes(&bench, &["2 PERIODIC"], "1", &|answer| obeys(answer, "6")).await;
    assert_eq!(bench.set_tasks().await.len(), 1);
    bench.until_state("held").await;
}

#[tokio::test]
async fn a_task_of_a_profile_that_is_gone_is_taken_back_after_a_restart_too() {
    let bench = Bench::new().await;
    let made = bench.profiles.create(wanted(&[(CHANNEL, "6")]), Once::default()).await.unwrap();
    bench.device().inform(&["1 BOOT"], &[(CHANNEL, "1")]).await;
    bench.profiles.remove(made.id, None).await.unwrap();
    let Bench { rig, admin, profiles } = bench;
    drop((admin, profiles));
    let bench = Bench::of(rig.restarted(Policy::Closed).await);
    let asked = comes(&bench, &["2 PERIODIC"], "1", &|answer| obeys(answer, "1")).await;
    assert!(!asked.concat().contains("<cwmp:SetParameterValues>"), "{asked:#?}");
    assert_eq!(bench.set_tasks().await[0].state, "cancelled");
}

#[tokio::test]
async fn a_profile_out_of_bounds_says_what_is_wrong_and_the_same_request_makes_one() {
    let bench = Bench::new().await;
    let once = Once { by: "ann".to_owned(), key: Some("k".to_owned()) };
    let made = bench.profiles.create(wanted(&[(CHANNEL, "6")]), once.clone()).await.unwrap();
    let again = bench.profiles.create(wanted(&[(CHANNEL, "6")]), once.clone()).await.unwrap();
    assert_eq!(made, again);
    let other = bench.profiles.create(wanted(&[(CHANNEL, "7")]), once).await;
    assert_eq!(other, Err(DeviceAdminError::KeyUsed));
    let hidden = bench.profiles.create(wanted(&[(PASSWORD, "sesame")]), Once::default()).await.unwrap();
    assert!(!format!("{hidden:?}{}", serde_json::to_string(&hidden).unwrap()).contains("sesame"));
    let full = bench.profiles.create(wanted(&[(CHANNEL, "6")]), Once::default()).await;
    assert!(matches!(full, Err(DeviceAdminError::LimitReached(_))), "{full:?}");
    let mut kept = wanted(&[(PASSWORD, "")]);
    kept.values[0].value = None;
    assert_eq!(bench.profiles.replace(hidden.id, kept.clone(), None).await.unwrap().revision, 2);
    kept.values[0].path = "Device.Users.User.2.Password".to_owned();
    let wrong = bench.profiles.replace(hidden.id, kept, None).await;
    assert!(matches!(&wrong, Err(DeviceAdminError::Invalid(why)) if why.contains("no value")), "{wrong:?}");
    for (path, value) in [("WiFi.Channel", "6"), (CHANNEL, &*"x".repeat(70_000))] {
        let wrong = bench.profiles.replace(made.id, wanted(&[(path, value)]), None).await;
        assert!(matches!(wrong, Err(DeviceAdminError::Invalid(_))), "{wrong:?}");
    }
}

async fn open(bench: &Bench, alarm_type: &str) -> Vec<u64> {
    let filter = sangam_control::AlarmFilter {
        status: Some("active".to_owned()),
        alarm_type: Some(alarm_type.to_owned()),
        limit: 10,
        ..Default::default()
    };
    bench.admin.alarms().alarms(filter).await.unwrap().items.iter().map(|alarm| alarm.id).collect()
}
