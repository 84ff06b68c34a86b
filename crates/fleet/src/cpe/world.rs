use std::time::Duration;

use sangam_cwmp_proto::DeviceId;
use secrecy::SecretString;

use super::model::Model;
use super::noise::noise;

/// What all devices of a fleet share.
#[derive(Debug)]
pub(super) struct World {
    pub(super) seed: u64,
    /// As it was given.
    pub(super) acs_url: String,
    /// What a request line names.
    pub(super) target: String,
    /// What devices log in with from the factory.
    pub(super) user: String,
    pub(super) password: Option<SecretString>,
    /// `PeriodicInformInterval` from the factory.
    pub(super) interval: Duration,
    /// How often a value of a device changes by itself, on average.
    pub(super) change_interval: Option<Duration>,
    /// Where devices listen: `http://127.0.0.1:4711/`.
    pub(super) requests_url: Option<String>,
    /// The share of devices that depart from the standard.
    pub(super) quirks: f64,
    /// Of all devices, or of every second.
    pub(super) first: Model,
    /// Of the others.
    pub(super) second: Option<Model>,
}

/// 00-00-5E is IANA's.
const OUI: &str = "00005E";

impl World {
    pub(super) fn model(&self, number: u32) -> &Model {
        self.second.as_ref().filter(|_| !number.is_multiple_of(2)).unwrap_or(&self.first)
    }

    pub(super) fn identity(&self, number: u32, has_small_oui: bool) -> DeviceId {
        DeviceId {
            manufacturer: MANUFACTURER.to_owned(),
            oui: oui(has_small_oui).to_owned(),
            product_class: product(self.model(number)).to_owned(),
            serial_number: self.serial(number),
        }
    }

    /// Fleets of different seeds are different devices.
    pub(super) fn serial(&self, number: u32) -> String {
        format!("{:08X}{number:07}", noise(&[self.seed]) as u32)
    }
}

pub(super) const MANUFACTURER: &str = "Example Gateways";

pub(super) fn oui(has_small_oui: bool) -> &'static str {
    if has_small_oui { "00005e" } else { OUI }
}

pub(super) fn product(model: &Model) -> &'static str {
    if model.root == "Device." { "EG-181" } else { "EG-98" }
}

#[cfg(test)]
impl World {
    /// A fleet of this seed, whose devices come every five minutes and never change by themselves.
    pub(super) fn of_test(seed: u64) -> Self {
        use super::model::Root;
        Self {
            seed,
            acs_url: "http://acs.example/".to_owned(),
            target: "/".to_owned(),
            user: "factory".to_owned(),
            password: Some("hunter2".into()),
            interval: Duration::from_secs(300),
            change_interval: None,
            requests_url: Some("http://127.0.0.1:4711/".to_owned()),
            quirks: 0.0,
            first: Model::new(Root::Tr181, seed),
            second: Some(Model::new(Root::Tr098, seed)),
        }
    }
}
