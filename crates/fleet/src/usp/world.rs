use std::time::Duration;

use sangam_usp_proto::{DeviceIdentity, EndpointId};

use super::model::Model;
use super::options::UspMtp;
use super::quirks::{Quirk, Quirks};
use crate::cpe::noise::noise;

/// What all agents of a fleet share.
#[derive(Debug)]
pub(super) struct World {
    pub(super) seed: u64,
    /// Who they are configured to talk to.
    pub(super) controller: EndpointId,
    pub(super) mtp: UspMtp,
    /// `PeriodicNotifInterval` from the factory.
    pub(super) interval: Duration,
    /// How often a value of a device changes by itself, on average.
    pub(super) change_interval: Option<Duration>,
    /// The share of agents that depart from the standard.
    pub(super) quirks: f64,
    /// The share of agents that begin a session context.
    pub(super) sessions: f64,
    /// The share of records, and of what is asked, that something goes wrong with.
    pub(super) faults: f64,
    pub(super) gateway: Model,
    pub(super) slim: Model,
}

/// 00-00-5E is IANA's.
const OUI: &str = "00005E";
pub(super) const MANUFACTURER: &str = "Example Gateways";
const PRODUCT: &str = "EG-USP";
const SLIM_PRODUCT: &str = "EG-USP-mini";

impl World {
    pub(super) fn model(&self, quirks: Quirks) -> &Model {
        if quirks.has(Quirk::SlimModel) { &self.slim } else { &self.gateway }
    }

    pub(super) fn identity(&self, number: u32, quirks: Quirks) -> DeviceIdentity {
        let product = if quirks.has(Quirk::SlimModel) { SLIM_PRODUCT } else { PRODUCT };
        DeviceIdentity {
            oui: OUI.to_owned(),
            product_class: product.to_owned(),
            // Fleets of different seeds are different devices.
            serial_number: format!("{:08X}{number:07}", noise(&[self.seed]) as u32),
        }
    }

    /// Who an agent is: by OUI, product class and serial number, by OUI and serial number alone, or by a random id.
    pub(super) fn endpoint(&self, number: u32, quirks: Quirks) -> EndpointId {
        let mut identity = self.identity(number, quirks);
        if quirks.has(Quirk::OsScheme) {
            identity.product_class.clear();
        }
        let uuid = quirks.has(Quirk::UuidScheme).then(|| self.uuid(number)).and_then(|text| text.parse().ok());
        let own = uuid.or_else(|| EndpointId::of_device(&identity).ok());
        own.unwrap_or_else(|| self.controller.clone())
    }

    fn uuid(&self, number: u32) -> String {
        let [high, low] = [2, 3].map(|part| noise(&[self.seed, u64::from(number), part]));
        let (a, b, c) = ((high >> 32) as u32, (high >> 16) as u16, high as u16 & 0xfff);
        format!("uuid::{a:08x}-{b:04x}-4{c:03x}-8{:03x}-{:012x}", low >> 52, low & 0xffff_ffff_ffff)
    }
}

#[cfg(test)]
impl World {
    /// A fleet of this seed in which nothing happens by itself.
    pub(super) fn of_test(seed: u64) -> Self {
        Self {
            seed,
            controller: "self::ctl".parse().unwrap(),
            mtp: UspMtp::WebSocket,
            interval: Duration::from_secs(300),
            change_interval: None,
            quirks: 0.0,
            sessions: 0.0,
            faults: 0.0,
            gateway: Model::new(false),
            slim: Model::new(true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_agent_has_an_id_of_its_own_in_the_scheme_of_its_kind() {
        let world = World::of_test(1);
        let endpoint = |number, quirks| world.endpoint(number, quirks);
        let plain = endpoint(7, Quirks::NONE);
        assert!(plain.as_str().starts_with("ops::00005E-EG%2DUSP-"), "{plain}");
        assert_eq!(plain.device(), Some(world.identity(7, Quirks::NONE)));
        assert!(endpoint(7, Quirks::NONE.with(Quirk::OsScheme)).as_str().starts_with("os::00005E-"));
        assert!(endpoint(7, Quirks::NONE.with(Quirk::UuidScheme)).as_str().starts_with("uuid::"));
        assert_ne!(endpoint(8, Quirks::NONE), plain);
        assert_ne!(World::of_test(2).endpoint(7, Quirks::NONE), plain);
    }
}
