//! What the controller subscribed to, read from the data model whenever that changes.

use super::model::DataModel;
use crate::subscriptions::{NotifType, TABLE};

/// What is told.
pub(super) type Kind = NotifType;

/// A subscription that is in force.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Subscription {
    pub(super) id: String,
    pub(super) retry: bool,
    pub(super) expiration_secs: u32,
    kind: Kind,
    references: Vec<String>,
}

impl Subscription {
    /// Whether it is to this kind of thing at this path.
    pub(super) fn is_to(&self, kind: Kind, path: &str) -> bool {
        self.kind == kind && self.references.iter().any(|reference| covers(reference, path))
    }
}

/// The subscriptions that are enabled.
pub(super) fn load(model: &dyn DataModel) -> Vec<Subscription> {
    let load = |number: &u32| {
        let value = |name: &str| model.value(&format!("{TABLE}{number}.{name}")).unwrap_or_default();
        let kind = match value("NotifType").as_str() {
            "ValueChange" => Kind::ValueChange,
            "ObjectCreation" => Kind::ObjectCreation,
            "ObjectDeletion" => Kind::ObjectDeletion,
            "OperationComplete" => Kind::OperationComplete,
            "Event" => Kind::Event,
            _ => return None,
        };
        is_true(&value("Enable")).then(|| Subscription {
            id: value("ID"),
            retry: is_true(&value("NotifRetry")),
            expiration_secs: value("NotifExpiration").parse().unwrap_or(0),
            kind,
            references: value("ReferenceList").split(',').map(|it| it.trim().to_owned()).collect(),
        })
    };
    model.instances(TABLE).iter().filter_map(load).collect()
}

/// Instances that do not outlast a reboot.
pub(super) fn transient(model: &dyn DataModel) -> Vec<String> {
    let is_transient = |number: &u32| {
        let persistent = model.value(&format!("{TABLE}{number}.Persistent"));
        (!is_true(&persistent.unwrap_or_default())).then(|| format!("{TABLE}{number}."))
    };
    model.instances(TABLE).iter().filter_map(is_transient).collect()
}

fn is_true(value: &str) -> bool {
    matches!(value, "true" | "1")
}

/// Whether a reference covers a concrete path: they are the same, `*` is any instance, and an object covers what is within
/// it. Search expressions in references are not served.
fn covers(reference: &str, path: &str) -> bool {
    let mut parts = path.split_inclusive('.');
    for wanted in reference.split_inclusive('.') {
        let Some(part) = parts.next() else { return false };
        let is_any_instance = wanted == "*." && part.trim_end_matches('.').bytes().all(|byte| byte.is_ascii_digit());
        if wanted != part && !is_any_instance {
            return false;
        }
    }
    parts.next().is_none() || (reference.ends_with('.') && !reference.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_covers_what_it_names_and_what_is_within() {
        let table = [
            ("Device.Boot!", "Device.Boot!", true),
            ("Device.Boot!", "Device.BootX!", false),
            ("Device.", "Device.A.1.B", true),
            ("Device.A.*.", "Device.A.1.", true),
            ("Device.A.*.B", "Device.A.22.B", true),
            ("Device.A.*.B", "Device.A.22.C", false),
            ("Device.A.*.B", "Device.A.x.B", false),
            ("Device.A", "Device.A.1.B", false),
            ("Device.A.1.B", "Device.A.1.", false),
            ("", "Device.A", false),
        ];
        for (reference, path, is_covered) in table {
            assert_eq!(covers(reference, path), is_covered, "{reference} {path}");
        }
    }
}
