use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use sangam_cwmp_proto::DeviceId;
use secrecy::SecretString;

use super::model::Model;
use super::noise::noise;
use super::options::QuirkShare;
use super::quirks::{Quirk, Quirks};
use crate::source_address::own_address;

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
    /// Where devices listen.
    pub(super) requests: Option<Requests>,
    /// Which devices depart from the standard.
    pub(super) quirks: QuirkShare,
    /// `CWMPRetryMinimumWaitInterval` from the factory.
    pub(super) retry_wait: Duration,
    /// The share of exchanges that go wrong on purpose.
    pub(super) mishaps: f64,
    /// Whether what devices did is written down.
    pub(super) is_audited: bool,
    /// Of all devices, or of every second.
    pub(super) first: Model,
    /// Of the others.
    pub(super) second: Option<Model>,
}

/// Where devices listen for connection requests: one port for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Requests {
    /// `None`: each at the address that it has of its own.
    pub(super) address: Option<IpAddr>,
    pub(super) port: u16,
}

impl Requests {
    /// `http://127.0.0.1:4711/7`
    pub(super) fn url(self, number: u32) -> String {
        let address = self.address.unwrap_or_else(|| own_address(number).into());
        format!("http://{}/{number}", SocketAddr::new(address, self.port))
    }
}

/// 00-00-5E is IANA's.
const OUI: &str = "00005E";

impl World {
    pub(super) fn model(&self, number: u32) -> &Model {
        self.second.as_ref().filter(|_| !number.is_multiple_of(2)).unwrap_or(&self.first)
    }

    pub(super) fn identity(&self, number: u32, quirks: Quirks) -> DeviceId {
        let class = if quirks.has(Quirk::EmptyClass) { "" } else { product(self.model(number)) };
        DeviceId {
            manufacturer: MANUFACTURER.to_owned(),
            oui: oui(quirks.has(Quirk::SmallOui)).to_owned(),
            product_class: class.to_owned(),
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
            requests: Some(Requests { address: Some([127, 0, 0, 1].into()), port: 4_711 }),
            quirks: QuirkShare::Of(0.0),
            retry_wait: Duration::from_secs(5),
            mishaps: 0.0,
            is_audited: true,
            first: Model::new(Root::Tr181, seed),
            second: Some(Model::new(Root::Tr098, seed)),
        }
    }
}
