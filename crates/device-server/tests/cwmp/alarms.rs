use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use sangam_control::{
    AlarmFilter, DeviceAdmin, DeviceAdminError, DeviceAlarm, DeviceImport, DeviceOrder, News, NewsKind, NewsWanted,
    Once, SubscriptionWanted,
};
use sangam_device_server::{AlarmOptions, FloodRules, NewsOptions, Options, Policy};
use serde_json::json;

use crate::rig::{Device, Rig, envelope, text_of};

const NAME: &str = "00D09E-Box-A1";
const HOUR_MS: u64 = 3_600_000;

struct Bench {
    rig: Rig,
    admin: Arc<dyn DeviceAdmin>,
}

impl Bench {
    /// With a device that is one of ours and has its login.
    async fn new(alarms: AlarmOptions) -> Self {
        Self::with(Options { alarms, ..Options::default() }).await
    }

    async fn with(options: Options) -> Self {
        let bench = Self::of(Rig::with(Policy::Closed, options));
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

    fn of(rig: Rig) -> Self {
        Self { admin: rig.server.admin(), rig }
    }

    fn device(&self, password: &str) -> Device {
        Device::new(&self.rig, "A1").with_login("a1", password)
    }

    /// It comes, tells, and goes.
    async fn comes(&self, events: &[&str], values: &[(&str, &str)]) {
        let mut device = self.device("hush");
        assert_eq!(device.inform(events, values).await.status, 200);
        assert_eq!(device.post("").await.status, 204);
    }

    async fn alarms(&self, status: &str) -> Vec<DeviceAlarm> {
        let filter = AlarmFilter { status: Some(status.to_owned()), limit: 100, ..AlarmFilter::default() };
        self.admin.alarms().alarms(filter).await.unwrap().items
    }

    async fn until_types(&self, status: &str, types: &[&str]) {
        let are =
            async || self.alarms(status).await.iter().map(|it| it.alarm_type.clone()).collect::<Vec<_>>() == types;
        self.rig.until(are).await;
    }
}

fn order(kind: &str, payload: serde_json::Value) -> DeviceOrder {
    DeviceOrder {
        kind: kind.to_owned(),
        payload,
        priority: 0,
        not_before: None,
        expires: None,
        ordered_by: "ann".to_owned(),
        idempotency_key: None,
        call: false,
        wait: None,
    }
}

fn once() -> Once {
    Once { by: "ann".to_owned(), key: Some("k".to_owned()) }
}

#[tokio::test]
async fn a_device_that_does_not_come_is_an_alarm_until_it_comes_and_survives_a_restart() {
    let options = AlarmOptions { offline_after: Duration::from_secs(3_600), ..AlarmOptions::default() };
    let bench = Bench::new(options).await;
    bench.comes(&["1 BOOT"], &[]).await;
    bench.rig.pass(HOUR_MS + 1_000);
    bench.until_types("active", &["offline"]).await;
    let alarm = bench.alarms("active").await.remove(0);
    assert_eq!((alarm.severity, alarm.category.as_str(), alarm.count), ("major", "connectivity", 1));
    assert_eq!(alarm.device.as_deref(), Some(NAME));
    let alarms = bench.admin.alarms();
    let seen = alarms.acknowledge(alarm.id, "ann".to_owned()).await.unwrap();
    assert_eq!((seen.status, seen.acknowledged_by.as_deref()), ("acknowledged", Some("ann")));
    drop(alarms);
    let Bench { rig, admin } = bench;
    drop(admin);
    let bench = Bench::of(rig.restarted(Policy::Closed).await);
    assert_eq!(bench.alarms("acknowledged").await.len(), 1);
    bench.comes(&["2 PERIODIC"], &[]).await;
    bench.until_types("cleared", &["offline"]).await;
    assert_eq!(bench.alarms("cleared").await[0].resolution, "it came");
    assert_eq!(bench.admin.alarms().stats().await.unwrap().open, 0);
    assert_eq!(bench.admin.alarms().alarm(99).await, Err(DeviceAdminError::NoAlarm));
}

#[tokio::test]
async fn wrong_logins_again_and_again_are_an_alarm_and_one_is_none() {
    let bench = Bench::new(AlarmOptions { faults: 2, ..AlarmOptions::default() }).await;
    bench.comes(&["1 BOOT"], &[]).await;
    assert_eq!(bench.device("guess").inform(&["1 BOOT"], &[]).await.status, 401);
    bench.comes(&["2 PERIODIC"], &[]).await;
    for _ in 0..2 {
        assert_eq!(bench.device("guess").inform(&["1 BOOT"], &[]).await.status, 401);
    }
    bench.until_types("active", &["login_refused"]).await;
    assert_eq!(bench.alarms("active").await[0].category, "security");
    bench.comes(&["2 PERIODIC"], &[]).await;
    bench.until_types("cleared", &["login_refused"]).await;
}

#[tokio::test]
async fn a_transfer_that_failed_and_tasks_that_are_refused_are_alarms() {
    let bench = Bench::new(AlarmOptions { faults: 2, ..AlarmOptions::default() }).await;
    let fault = |answer: &crate::rig::Answer, code: u32| {
        let fault = format!(
            "<soap-env:Fault><faultcode>Client</faultcode><faultstring>CWMP fault</faultstring><detail><cwmp:Fault>\
             <FaultCode>{code}</FaultCode><FaultString>no</FaultString></cwmp:Fault></detail></soap-env:Fault>"
        );
        envelope(text_of(&answer.body, "cwmp:ID").unwrap(), &fault)
    };
    let download = json!({"file_type": "1 Firmware Upgrade Image", "url": "http://192.0.2.9/f"});
    let paths = json!({"paths": ["Device.A"]});
    for (kind, payload) in [
        ("download", download),
        ("set_values", json!({"values": [{"path": "Device.A", "value": "1"}]})),
        ("set_values", json!({"values": [{"path": "Device.B", "value": "1"}]})),
    ] {
        bench.admin.order(NAME.to_owned(), order(kind, payload)).await.unwrap();
    }
    let mut device = bench.device("hush");
    device.inform(&["2 PERIODIC"], &[]).await;
    let mut answer = device.post("").await;
    while answer.status == 200 {
        answer = device.post(&fault(&answer, 9_003)).await;
    }
    bench.until_types("active", &["task_faults", "transfer_failed"]).await;
    let failed = bench.alarms("active").await;
    assert!(failed[0].description.contains("9003") && failed[1].metadata["kind"] == "download", "{failed:?}");
    let at_least = AlarmFilter { severity: Some("major".to_owned()), limit: 9, ..AlarmFilter::default() };
    assert_eq!(bench.admin.alarms().alarms(at_least).await.unwrap().items.len(), 1);
    let of = AlarmFilter { category: Some("none".to_owned()), limit: 9, ..AlarmFilter::default() };
    assert_eq!(bench.admin.alarms().alarms(of).await.unwrap().items, []);
    bench.admin.order(NAME.to_owned(), order("get_values", paths)).await.unwrap();
}

#[tokio::test]
async fn what_a_device_tells_as_a_fault_is_an_alarm_of_its_severity_until_it_says_otherwise() {
    const ROW: &str = "Device.FaultMgmt.ExpeditedEvent.1.";
    let bench = Bench::new(AlarmOptions::default()).await;
    let told = async |notification: &str| {
        let name = |name: &str| format!("{ROW}{name}");
        let names = ["AlarmIdentifier", "NotificationType", "ProbableCause", "PerceivedSeverity"].map(name);
        let values: Vec<_> =
            names.iter().map(String::as_str).zip(["17", notification, "Loss of Signal", "Critical"]).collect();
        bench.comes(&["4 VALUE CHANGE"], &values).await;
    };
    told("NewAlarm").await;
    let alarm = bench.alarms("active").await.remove(0);
    assert_eq!(
        (alarm.alarm_type.as_str(), alarm.severity, alarm.title.as_str()),
        ("device:17", "critical", "Loss of Signal")
    );
    told("ChangedAlarm").await;
    assert_eq!(bench.alarms("active").await[0].count, 2);
    told("ClearedAlarm").await;
    assert_eq!((bench.alarms("active").await.len(), bench.alarms("cleared").await.len()), (0, 1));
    assert!(bench.rig.counts("sangam_devices_alarms_total{severity=\"critical\",change=\"cleared\"} 1"));
}

#[tokio::test]
async fn a_device_that_tells_faults_without_end_fills_nothing() {
    let device_flood = FloodRules { burst: 3, one_each: Duration::from_secs(3_600), devices_max: 10 };
    let bench = Bench::new(AlarmOptions { device_flood, ..AlarmOptions::default() }).await;
    let names: Vec<String> = (0..40).map(|at| format!("Device.FaultMgmt.CurrentAlarm.{at}.AlarmIdentifier")).collect();
    let ids: Vec<String> = (0..40).map(|at| at.to_string()).collect();
    let values: Vec<_> = names.iter().map(String::as_str).zip(ids.iter().map(String::as_str)).collect();
    bench.comes(&["4 VALUE CHANGE"], &values).await;
    assert_eq!(bench.alarms("active").await.len(), 3);
    assert!(
        bench.rig.counts("sangam_devices_alarms_suppressed_total{reason=\"device\"} 37"),
        "{}",
        bench.rig.metrics()
    );
    assert_eq!(bench.admin.alarms().stats().await.unwrap().suppressed, 37);
}

#[tokio::test]
async fn who_follows_hears_what_happens_and_goes_on_behind_what_it_has_heard() {
    let bench = Bench::new(AlarmOptions::default()).await;
    let news = bench.admin.news();
    let mut all = news.follow(NewsWanted::default()).await.unwrap();
    bench.comes(&["1 BOOT"], &[("Device.A", "1")]).await;
    bench.rig.pass(HOUR_MS);
    bench.comes(&["4 VALUE CHANGE"], &[("Device.A", "2")]).await;
    let task = bench.admin.order(NAME.to_owned(), order("reboot", json!({}))).await.unwrap();
    let mut heard = Vec::new();
    for _ in 0..4 {
        let Some(News::Told { number, kind, data }) = all.next().await else { panic!("{heard:?}") };
        assert_eq!(data["device"], NAME);
        heard.push((number, kind, data));
    }
    let kinds: Vec<_> =
        heard.iter().map(|(number, kind, data)| (number.is_some(), *kind, data["kind"].as_str())).collect();
    let expected = [
        (true, NewsKind::Event, Some("1 BOOT")),
        (false, NewsKind::Value, None),
        (true, NewsKind::Event, Some("4 VALUE CHANGE")),
        (false, NewsKind::Task, Some("reboot")),
    ];
    assert_eq!(kinds, expected);
    assert_eq!((&heard[1].2["path"], &heard[1].2["value"]), (&json!("Device.A"), &json!("2")));
    assert_eq!((&heard[3].2["id"], &heard[3].2["state"]), (&json!(task.id), &json!("queued")));
    let after = heard[0].0;
    let wanted = NewsWanted { device: Some(NAME.to_owned()), kinds: vec![NewsKind::Event], after };
    let mut again = news.follow(wanted).await.unwrap();
    let Some(News::Told { number, data, .. }) = again.next().await else { panic!() };
    assert_eq!((number, &data["kind"]), (heard[2].0, &json!("4 VALUE CHANGE")));
    bench.device("hush").inform(&["1 BOOT"], &[("Device.A", "2")]).await;
    let Some(News::Told { data, .. }) = again.next().await else { panic!() };
    assert_eq!(data["kind"], "1 BOOT", "it goes on with what comes");
}

#[tokio::test]
async fn who_is_too_slow_is_told_and_no_more_follow_than_may() {
    let news = NewsOptions { queue: 1, listeners_max: 1 };
    let bench = Bench::with(Options { news, ..Options::default() }).await;
    let news = bench.admin.news();
    let mut slow = news.follow(NewsWanted::default()).await.unwrap();
    let refused = news.follow(NewsWanted::default()).await.map(drop);
    assert!(matches!(refused, Err(DeviceAdminError::LimitReached(_))), "{refused:?}");
    for _ in 0..3 {
        bench.comes(&["1 BOOT"], &[]).await;
    }
    assert!(matches!(slow.next().await, Some(News::Missed(1..))));
    assert_eq!(slow.next().await, None);
    let gone = news.follow(NewsWanted { device: Some("00D09E-Box-B".to_owned()), ..NewsWanted::default() }).await;
    assert!(matches!(gone.map(drop), Err(DeviceAdminError::NoDevice)));
}

#[tokio::test]
async fn a_subscription_is_kept_as_it_is_wanted_and_refused_out_of_bounds() {
    let bench = Bench::new(AlarmOptions::default()).await;
    let subscriptions = bench.admin.subscriptions();
    let wanted = |notify: &str, path: &str| SubscriptionWanted {
        notify: notify.to_owned(),
        paths: vec![path.to_owned()],
        persistent: true,
        retry: true,
    };
    let put = |id: Option<&str>, wanted, once| subscriptions.put(NAME.to_owned(), id.map(str::to_owned), wanted, once);
    let (made, is_new) = put(None, wanted("ValueChange", "Device.A"), once()).await.unwrap();
    assert!(is_new && !made.is_set && made.id.starts_with("sangam-"), "{made:?}");
    assert_eq!(put(None, wanted("ValueChange", "Device.A"), once()).await.unwrap(), (made.clone(), false));
    assert_eq!(put(None, wanted("ValueChange", "Device.B"), once()).await, Err(DeviceAdminError::KeyUsed));
    put(Some("b"), wanted("Event", "Device.Boot!"), Once::default()).await.unwrap();
    for (id, notify, path) in
        [("", "Event", "Device.A"), ("a/b", "Event", "Device.A"), ("a", "x", "Device.A"), ("a", "Event", "A")]
    {
        let refused = put(Some(id), wanted(notify, path), Once::default()).await;
        assert!(matches!(refused, Err(DeviceAdminError::Invalid(_))), "{id} {notify} {path}");
    }
    let page = subscriptions.subscriptions(None, None, 1).await.unwrap();
    assert_eq!(page.items[0].id, "b");
    let rest = subscriptions.subscriptions(Some(NAME.to_owned()), page.next, 9).await.unwrap();
    assert_eq!((rest.items[0].id.as_str(), rest.next), (made.id.as_str(), None));
    // It turns out to speak CWMP, which knows nothing but values.
    bench.comes(&["1 BOOT"], &[]).await;
    let refused = put(Some("c"), wanted("Event", "Device.Boot!"), Once::default()).await;
    assert!(matches!(&refused, Err(DeviceAdminError::Invalid(why)) if why.contains("ValueChange")), "{refused:?}");
    subscriptions.remove(NAME.to_owned(), "b".to_owned()).await.unwrap();
    assert_eq!(subscriptions.remove(NAME.to_owned(), "b".to_owned()).await, Err(DeviceAdminError::NoSubscription));
}
