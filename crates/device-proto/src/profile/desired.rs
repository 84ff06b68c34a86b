use std::collections::BTreeMap;

use super::{Profile, ProfileValue};
use crate::device::{Device, Root};
use crate::fingerprint::Fingerprinter;
use crate::{Fingerprint, ProfileId};

/// What a device shall be, from all profiles that are for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Desired {
    /// By path.
    pub values: BTreeMap<Box<str>, Wanted>,
}

/// One value that is wanted, and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// What is wanted.
    pub value: ProfileValue,
    /// By which profile.
    pub by: ProfileId,
}

impl Desired {
    /// Tells whether a device was already told all of this; kept with the device ([`Device::profile`]).
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let mut all = Fingerprinter::default();
        for (path, wanted) in &self.values {
            all.add(path, wanted.value.kind, &wanted.value.value);
        }
        all.finish()
    }
}

/// Merges what the profiles want of a device. Values for another root than the device's are left out.
#[must_use]
pub fn merge<'a>(profiles: impl IntoIterator<Item = &'a Profile>, device: &Device) -> Desired {
    let mut fitting: Vec<&Profile> =
        profiles.into_iter().filter(|profile| profile.enabled && profile.applies.fits(device)).collect();
    fitting.sort_by_key(|profile| (profile.priority, profile.id));
    let mut desired = Desired::default();
    for profile in fitting {
        for value in &profile.values {
            if Root::of(&value.path).is_none_or(|root| root == device.root) {
                let wanted = Wanted { value: value.clone(), by: profile.id };
                desired.values.insert(value.path.clone(), wanted);
            }
        }
    }
    desired
}

/// In what a device is not as it shall be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drift {
    /// What has to be set, in order of paths.
    pub sets: Vec<ProfileValue>,
    /// Wanted values that the device has; hidden ones are not counted.
    pub held: usize,
}

/// Compares what is wanted with what is known of a device. What it never reported has to be set; hidden values only if anything
/// wanted is another than when it was last told. With `bootstrap` (`0 BOOTSTRAP`: it may have forgotten everything) all are set.
pub fn drift<'a>(
    desired: &Desired,
    device: &Device,
    bootstrap: bool,
    mut reported: impl FnMut(&str) -> Option<&'a str>,
) -> Drift {
    let is_told = device.profile == desired.fingerprint();
    let mut drift = Drift::default();
    for wanted in desired.values.values() {
        let value = &wanted.value;
        let is_held = if value.hidden {
            is_told
        } else {
            reported(&value.path).is_some_and(|is| value.kind.is_same(is, &value.value))
        };
        if bootstrap || !is_held {
            drift.sets.push(value.clone());
        } else if !value.hidden {
            drift.held += 1;
        }
    }
    drift
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::State;
    use crate::identity::DeviceKey;
    use crate::profile::{Applies, Glob};
    use crate::{DeviceId, ValueKind};

    fn device() -> Device {
        let key = DeviceKey::new("00D09E", "Box", "1").unwrap();
        let mut device = Device::new(DeviceId(1), key, State::Enrolled, 0);
        device.facts.model = "B-1".into();
        device.facts.software_version = "1.2.3".into();
        device.tag("gold");
        device
    }

    fn profile(id: u64, priority: i32, values: &[(&str, &str)]) -> Profile {
        let value = |&(path, value): &(&str, &str)| ProfileValue {
            path: path.into(),
            value: value.into(),
            kind: ValueKind::String,
            hidden: path.ends_with("Password"),
        };
        Profile {
            id: ProfileId(id),
            revision: 1,
            name: "".into(),
            enabled: true,
            priority,
            applies: Applies::default(),
            values: values.iter().map(value).collect(),
            created_ms: 0,
        }
    }

    #[test]
    fn a_profile_that_cannot_be_wanted_is_told_by_its_first_wrong_value() {
        use crate::profile::WrongProfile;
        assert_eq!(profile(1, 0, &[("Device.A", "1"), ("InternetGatewayDevice.A", "1")]).check(), Ok(()));
        let long = "x".repeat(Profile::VALUE_BYTES_MAX + 1);
        let table = [
            (("Device.A.", "1"), WrongProfile::Path { at: 1 }),
            (("DeviceInfo.A", "1"), WrongProfile::Path { at: 1 }),
            (("Device.B", long.as_str()), WrongProfile::Value { at: 1 }),
            (("Device.A", "2"), WrongProfile::Twice { at: 1 }),
        ];
        for (value, wrong) in table {
            assert_eq!(profile(1, 0, &[("Device.A", "1"), value]).check(), Err(wrong));
        }
        let many: Vec<String> = (0..=Profile::VALUES_MAX).map(|at| format!("Device.A{at}")).collect();
        let many: Vec<(&str, &str)> = many.iter().map(|path| (path.as_str(), "1")).collect();
        assert_eq!(profile(1, 0, &many).check(), Err(WrongProfile::TooMany));
    }

    #[test]
    fn a_profile_is_for_a_device_when_all_that_it_names_fits() {
        let fits = |change: &dyn Fn(&mut Applies)| {
            let mut applies = Applies::default();
            change(&mut applies);
            applies.fits(&device())
        };
        assert!(fits(&|_| ()));
        assert!(fits(&|a| {
            a.oui = "00D09E".parse().ok();
            a.manufacturer = Glob::new("*");
            a.model = Glob::new("B-?");
            a.software_version = Glob::new("1.2.*");
            a.tag = Glob::new("go*");
        }));
        assert!(!fits(&|a| a.oui = "00D09F".parse().ok()));
        assert!(!fits(&|a| a.model = Glob::new("b-1")));
        assert!(!fits(&|a| a.manufacturer = Glob::new("Maker*")));
        assert!(!fits(&|a| a.software_version = Glob::new("2.*")));
        assert!(!fits(&|a| a.tag = Glob::new("silver")));
    }

    #[test]
    fn the_higher_priority_has_a_parameter_and_of_equal_ones_the_later_profile() {
        let low = profile(3, 1, &[("Device.A", "low"), ("Device.B", "low")]);
        let high = profile(1, 2, &[("Device.A", "high")]);
        let later = profile(4, 1, &[("Device.B", "later")]);
        let mut off = profile(9, 9, &[("Device.A", "off")]);
        off.enabled = false;
        for order in [[&low, &high, &later, &off], [&off, &later, &high, &low]] {
            let desired = merge(order, &device());
            let values: Vec<_> = desired.values.values().map(|wanted| (&*wanted.value.value, wanted.by.0)).collect();
            assert_eq!(values, [("high", 1), ("later", 4)]);
        }
    }

    #[test]
    fn values_for_another_root_are_left_out() {
        let both = profile(1, 0, &[("Device.A", "1"), ("InternetGatewayDevice.A", "2")]);
        let desired = merge([&both], &device());
        assert_eq!(desired.values.keys().map(|path| &**path).collect::<Vec<_>>(), ["Device.A"]);
    }

    #[test]
    fn only_what_differs_is_set_and_all_of_it_at_bootstrap() {
        let wants = profile(1, 0, &[("Device.A", "1"), ("Device.B", "2"), ("Device.C", "3")]);
        let desired = merge([&wants], &device());
        let reported = |path: &str| match path {
            "Device.A" => Some("1"),
            "Device.B" => Some("x"),
            _ => None,
        };
        let drifted = drift(&desired, &device(), false, reported);
        let paths: Vec<_> = drifted.sets.iter().map(|set| &*set.path).collect();
        assert_eq!((paths, drifted.held), (vec!["Device.B", "Device.C"], 1));
        assert_eq!(drift(&desired, &device(), true, reported).sets.len(), 3);
    }

    #[test]
    fn a_hidden_value_is_set_when_something_wanted_has_changed() {
        let wants = profile(1, 0, &[("Device.Password", "p")]);
        let desired = merge([&wants], &device());
        let mut told = device();
        assert_eq!(drift(&desired, &told, false, |_| Some("")).sets.len(), 1);
        told.profile = desired.fingerprint();
        assert_eq!(drift(&desired, &told, false, |_| Some("")).sets.len(), 0);
        let other = merge([&profile(1, 0, &[("Device.Password", "q")])], &told);
        assert_eq!(drift(&other, &told, false, |_| Some("")).sets.len(), 1);
    }
}
