use super::{DeviceKey, Oui, SerialNumber, percent};
use crate::text::bounded_text;

bounded_text!(
    /// The endpoint id of a USP agent, compared exactly (TR-369 §2.1: `authority-scheme ":" [authority-id] ":" instance-id`).
    EndpointId,
    1,
    256
);

/// What an endpoint id says of the device behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndpointSays {
    /// `ops::OUI-ProductClass-SerialNumber`.
    Key(DeviceKey),
    /// `os::OUI-SerialNumber`: the device with these, of whatever class, if there is just one.
    Serial {
        /// Whose.
        oui: Oui,
        /// Which one.
        serial: SerialNumber,
    },
    /// Another scheme, or parts that do not fit: the id itself is all there is, until the agent's OnBoardRequest says more.
    Nothing,
}

impl EndpointId {
    /// Reads the schemes that carry an identity (TR-369 §2.1.1). In both `-` inside a part must be percent-encoded: what could be
    /// read in two ways says nothing.
    #[must_use]
    pub fn says(&self) -> EndpointSays {
        if let Some(instance) = self.strip_prefix("ops::") {
            return instance.parse().map_or(EndpointSays::Nothing, EndpointSays::Key);
        }
        let Some(instance) = self.strip_prefix("os::") else { return EndpointSays::Nothing };
        let Some((oui, serial)) = instance.split_once('-') else { return EndpointSays::Nothing };
        let serial = percent::decode(serial).and_then(|serial| SerialNumber::new(serial).ok());
        match (oui.parse(), serial) {
            (Ok(oui), Some(serial)) => EndpointSays::Serial { oui, serial },
            _ => EndpointSays::Nothing,
        }
    }
}

impl EndpointSays {
    /// The one among `keys` that is meant. Of an id without a class: the only one with its OUI and serial number; several are none.
    #[must_use]
    pub fn choose<'a>(&self, keys: impl IntoIterator<Item = &'a DeviceKey>) -> Option<&'a DeviceKey> {
        let is_meant = |key: &DeviceKey| match self {
            Self::Key(meant) => key == meant,
            Self::Serial { oui, serial } => key.oui == *oui && key.serial == *serial,
            Self::Nothing => false,
        };
        let mut meant = keys.into_iter().filter(|key| is_meant(key));
        let first = meant.next()?;
        meant.next().is_none().then_some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(id: &str) -> EndpointSays {
        EndpointId::new(id).unwrap().says()
    }

    #[test]
    fn both_forms_lead_to_the_same_device() {
        let known = [
            DeviceKey::new("00D09E", "Box", "a-1").unwrap(),
            DeviceKey::new("00D09E", "Box", "a-2").unwrap(),
            DeviceKey::new("00D09F", "Box", "a-1").unwrap(),
        ];
        for id in ["ops::00D09E-Box-a%2D1", "os::00D09E-a%2D1", "os::00d09e-a%2d1", "os::00D09E-a-1"] {
            assert_eq!(says(id).choose(&known), Some(&known[0]), "{id}");
        }
    }

    #[test]
    fn an_id_without_class_means_nobody_where_two_have_its_serial() {
        let known = [DeviceKey::new("00D09E", "A", "1").unwrap(), DeviceKey::new("00D09E", "B", "1").unwrap()];
        assert_eq!(says("os::00D09E-1").choose(&known), None);
        assert_eq!(says("ops::00D09E-B-1").choose(&known), Some(&known[1]));
    }

    #[test]
    fn what_says_nothing_of_a_device_is_an_id_all_the_same() {
        for id in [
            "proto::agent",
            "uuid::f81d4fae",
            "ops::00D09E-1",
            "ops::00D09E-a-b-c",
            "os::00D09E",
            "os::-1",
            "os::00D09E-",
        ] {
            assert_eq!(says(id), EndpointSays::Nothing, "{id}");
        }
        assert!(EndpointId::new("").is_err());
        assert!(EndpointId::new("x".repeat(257)).is_err());
    }
}
