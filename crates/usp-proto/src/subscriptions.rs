//! The subscriptions that a controller wants on an agent, and what to do about those that are there.
//!
//! Nothing arrives from an agent that nobody subscribed to. After each contact the wanted set is compared with what the agent
//! has: missing ones are added, ours that differ are changed, ours that are not wanted any more are removed. Those of
//! other controllers are left alone, whatever their id.

use std::collections::BTreeMap;

use crate::message::{Add, Delete, Get, GetResp, ObjectSettings, ParamSetting, Request, Set};

/// The table of subscriptions (TR-181 `Device.LocalAgent.Subscription.{i}.`).
pub const TABLE: &str = "Device.LocalAgent.Subscription.";

/// What a subscription is to (`NotifType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NotifType {
    /// Changes of values.
    ValueChange,
    /// New instances.
    ObjectCreation,
    /// Removed instances.
    ObjectDeletion,
    /// Commands that are done.
    OperationComplete,
    /// Events.
    Event,
}

impl NotifType {
    /// As the data model writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ValueChange => "ValueChange",
            Self::ObjectCreation => "ObjectCreation",
            Self::ObjectDeletion => "ObjectDeletion",
            Self::OperationComplete => "OperationComplete",
            Self::Event => "Event",
        }
    }
}

/// A subscription that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its `ID`; begins with the prefix of ours.
    pub id: String,
    /// To what.
    pub notif_type: NotifType,
    /// Of which paths.
    pub references: Vec<String>,
    /// Whether it outlasts a reboot of the agent.
    pub persistent: bool,
    /// Whether a notification is repeated until it is answered.
    pub retry: bool,
    /// For how long it is repeated, in seconds; 0 for ever.
    pub expiration_secs: u32,
}

impl Wanted {
    /// One that outlasts reboots and is repeated until it is answered.
    #[must_use]
    pub fn lasting(id: impl Into<String>, notif_type: NotifType, references: &[&str]) -> Self {
        Self {
            id: id.into(),
            notif_type,
            references: references.iter().map(|it| (*it).to_owned()).collect(),
            persistent: true,
            retry: true,
            expiration_secs: 0,
        }
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("Enable", "true".to_owned()),
            ("NotifType", self.notif_type.as_str().to_owned()),
            ("ReferenceList", self.references.join(",")),
            ("Persistent", self.persistent.to_string()),
            ("NotifRetry", self.retry.to_string()),
            ("NotifExpiration", self.expiration_secs.to_string()),
        ]
    }
}

/// The subscriptions that every agent gets: boots, periodic signs of life, commands that are done, and changes of what
/// says who it is and what it runs.
#[must_use]
pub fn standard(prefix: &str) -> Vec<Wanted> {
    let id = |name: &str| format!("{prefix}{name}");
    vec![
        Wanted::lasting(id("boot"), NotifType::Event, &["Device.Boot!"]),
        Wanted::lasting(id("periodic"), NotifType::Event, &["Device.LocalAgent.Periodic!"]),
        Wanted::lasting(id("operations"), NotifType::OperationComplete, &["Device."]),
        Wanted::lasting(
            id("software"),
            NotifType::ValueChange,
            &["Device.DeviceInfo.SoftwareVersion", "Device.DeviceInfo.HardwareVersion"],
        ),
    ]
}

/// A subscription that an agent has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Present {
    /// Its instance.
    pub path: String,
    /// Its values.
    pub values: BTreeMap<String, String>,
}

impl Present {
    fn value(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }
}

/// Asks what there is: all subscriptions, and which instance of the agent's controllers we are.
#[must_use]
pub fn question(us: &str) -> Request {
    Request::Get(Get { param_paths: vec![TABLE.to_owned(), controller_search(us)], max_depth: 2 })
}

/// The search for our own instance among the agent's controllers.
#[must_use]
pub fn controller_search(us: &str) -> String {
    // An endpoint id has no quote in it; a percent sign is escaped (TR-369 §2, Searching with Expressions).
    format!("Device.LocalAgent.Controller.[EndpointID==\"{}\"].EndpointID", us.replace('%', "%25"))
}

/// Reads the answer to [`question`]: the subscriptions, and our instance if the agent tells it.
#[must_use]
pub fn answer(response: &GetResp) -> (Vec<Present>, Option<String>) {
    let mut present = Vec::new();
    let mut instance = None;
    for result in response.req_path_results.iter().flat_map(|path| &path.resolved_path_results) {
        if is_instance_of(&result.resolved_path, TABLE) {
            present.push(Present { path: result.resolved_path.clone(), values: result.result_params.clone() });
        } else if result.resolved_path.starts_with("Device.LocalAgent.Controller.") {
            instance = Some(result.resolved_path.clone());
        }
    }
    (present, instance)
}

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Missing ones.
    pub add: Vec<ObjectSettings>,
    /// Ours that differ, with the values that do.
    pub set: Vec<ObjectSettings>,
    /// Instances of ours that are not wanted.
    pub delete: Vec<String>,
}

impl Plan {
    /// Compares what is wanted with what is there. `prefix` is how the ids of ours begin, `us` our instance among the agent's
    /// controllers if that is known; a subscription whose `Recipient` is another one is not ours.
    #[must_use]
    pub fn new(wanted: &[Wanted], present: &[Present], prefix: &str, us: Option<&str>) -> Self {
        let is_ours = |it: &&Present| {
            let recipient = it.value("Recipient");
            it.value("ID").starts_with(prefix) && us.is_none_or(|us| recipient.is_empty() || same_path(recipient, us))
        };
        let ours: Vec<&Present> = present.iter().filter(is_ours).collect();
        let mut plan = Self::default();
        for want in wanted {
            // Of two with one id the first stays.
            match ours.iter().find(|it| it.value("ID") == want.id) {
                Some(there) => plan.set.extend(changes(want, there)),
                None => plan.add.push(creation(want)),
            }
        }
        let stays = |it: &&&Present| {
            wanted.iter().any(|want| want.id == it.value("ID"))
                && ours.iter().find(|first| first.value("ID") == it.value("ID")).map(|first| &first.path)
                    == Some(&it.path)
        };
        plan.delete = ours.iter().filter(|it| !stays(it)).map(|it| it.path.clone()).collect();
        plan
    }

    /// Whether all is as it is wanted.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.add.is_empty() && self.set.is_empty() && self.delete.is_empty()
    }

    /// The requests that do it, in order. Each may fail in part: an agent may lack a parameter.
    #[must_use]
    pub fn requests(self) -> Vec<Request> {
        let mut requests = Vec::new();
        if !self.delete.is_empty() {
            requests.push(Request::Delete(Delete { allow_partial: true, obj_paths: self.delete }));
        }
        if !self.set.is_empty() {
            requests.push(Request::Set(Set { allow_partial: true, update_objs: self.set }));
        }
        if !self.add.is_empty() {
            requests.push(Request::Add(Add { allow_partial: true, create_objs: self.add }));
        }
        requests
    }
}

fn creation(want: &Wanted) -> ObjectSettings {
    let mut param_settings = vec![ParamSetting::required("ID", &want.id)];
    for (name, value) in want.settings() {
        let is_essential = matches!(name, "Enable" | "NotifType" | "ReferenceList");
        param_settings.push(ParamSetting { param: name.to_owned(), value, required: is_essential });
    }
    ObjectSettings { obj_path: TABLE.to_owned(), param_settings }
}

fn changes(want: &Wanted, there: &Present) -> Option<ObjectSettings> {
    let differs = |(name, value): &(&'static str, String)| {
        // What the agent does not tell it does not have.
        there.values.get(*name).is_some_and(|has| !same_value(name, has, value))
    };
    let settings: Vec<_> = want.settings().into_iter().filter(differs).collect();
    if settings.is_empty() {
        return None;
    }
    let param_settings = settings.into_iter().map(|(name, value)| ParamSetting::required(name, value)).collect();
    Some(ObjectSettings { obj_path: there.path.clone(), param_settings })
}

fn same_value(name: &str, one: &str, other: &str) -> bool {
    fn items(list: &str) -> Vec<&str> {
        let mut items: Vec<&str> = list.split(',').map(str::trim).filter(|item| !item.is_empty()).collect();
        items.sort_unstable();
        items
    }
    fn truth(value: &str) -> Option<bool> {
        match value {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        }
    }
    match name {
        "ReferenceList" => items(one) == items(other),
        "Enable" | "Persistent" | "NotifRetry" => truth(one) == truth(other),
        _ => one == other,
    }
}

fn same_path(one: &str, other: &str) -> bool {
    one.trim_end_matches('.') == other.trim_end_matches('.')
}

fn is_instance_of(path: &str, table: &str) -> bool {
    path.strip_prefix(table)
        .and_then(|rest| rest.strip_suffix('.'))
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn present(path: &str, values: &[(&str, &str)]) -> Present {
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Present { path: path.to_owned(), values }
    }

    fn wanted() -> Vec<Wanted> {
        vec![Wanted::lasting("s-boot", NotifType::Event, &["Device.Boot!"])]
    }

    fn boot(path: &str, recipient: &str) -> Present {
        present(
            path,
            &[
                ("ID", "s-boot"),
                ("Recipient", recipient),
                ("Enable", "1"),
                ("NotifType", "Event"),
                ("ReferenceList", " Device.Boot!"),
                ("Persistent", "true"),
                ("NotifRetry", "true"),
                ("NotifExpiration", "0"),
            ],
        )
    }

    #[test]
    fn what_is_as_it_should_be_is_left_alone() {
        let there = [boot("Device.LocalAgent.Subscription.3.", "Device.LocalAgent.Controller.1")];
        let plan = Plan::new(&wanted(), &there, "s-", Some("Device.LocalAgent.Controller.1."));
        assert!(plan.is_empty(), "{plan:?}");
        assert!(plan.requests().is_empty());
    }

    #[test]
    fn what_is_missing_is_added() {
        let plan = Plan::new(&standard("s-"), &[], "s-", None);
        assert_eq!((plan.add.len(), plan.set.len(), plan.delete.len()), (4, 0, 0));
        let Some(Request::Add(add)) = plan.requests().pop() else { panic!("an Add") };
        assert!(add.allow_partial);
        assert_eq!(add.create_objs[0].obj_path, TABLE);
        assert_eq!(add.create_objs[0].param_settings[0], ParamSetting::required("ID", "s-boot"));
    }

    #[test]
    fn only_what_differs_is_set() {
        let mut there = boot("Device.LocalAgent.Subscription.3.", "");
        there.values.insert("Enable".into(), "false".into());
        there.values.insert("NotifExpiration".into(), "60".into());
        let plan = Plan::new(&wanted(), &[there], "s-", None);
        let settings = vec![ParamSetting::required("Enable", "true"), ParamSetting::required("NotifExpiration", "0")];
        let expected =
            ObjectSettings { obj_path: "Device.LocalAgent.Subscription.3.".into(), param_settings: settings };
        assert_eq!(plan, Plan { set: vec![expected], ..Plan::default() });
    }

    #[test]
    fn only_ours_are_removed() {
        let us = "Device.LocalAgent.Controller.1.";
        let there = [
            boot("S.1.", us),
            boot("S.2.", us),
            present("S.3.", &[("ID", "s-old"), ("Recipient", us)]),
            present("S.4.", &[("ID", "other"), ("Recipient", us)]),
            present("S.5.", &[("ID", "s-old"), ("Recipient", "Device.LocalAgent.Controller.2.")]),
            present("S.6.", &[("ID", "s-gone")]),
        ];
        let plan = Plan::new(&wanted(), &there, "s-", Some(us));
        assert_eq!(plan.delete, ["S.2.", "S.3.", "S.6."]);
        assert!(plan.add.is_empty() && plan.set.is_empty());
        // The same id of another controller is not ours: it is added.
        let plan = Plan::new(&wanted(), &[boot("S.1.", "Device.LocalAgent.Controller.2.")], "s-", Some(us));
        assert_eq!((plan.add.len(), plan.delete.len()), (1, 0));
    }

    #[test]
    fn the_search_for_us_escapes_what_must_be() {
        assert!(controller_search("self::a%20b").contains("\"self::a%2520b\""));
    }
}
