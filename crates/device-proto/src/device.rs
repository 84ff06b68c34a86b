//! What is kept of a device.

use crate::coded::coded;
use crate::identity::{DeviceKey, EndpointId};
use crate::secret::Login;
use crate::{DeviceId, Fingerprint, SchemaId};

/// A device as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its number.
    pub id: DeviceId,
    /// How often this row was written, from 1. A store takes a row only if it is one more than the one it has; `seen` is no part
    /// of that.
    pub revision: u32,
    /// Who it is.
    pub key: DeviceKey,
    /// Its USP agent, if it has one.
    pub endpoint: Option<EndpointId>,
    /// What it says of itself.
    pub facts: Facts,
    /// The root of its data model.
    pub root: Root,
    /// Whether it is one of ours.
    pub state: State,
    /// What operators call it, in order, each once.
    pub tags: Vec<Box<str>>,
    /// What both sides prove themselves with.
    pub access: Access,
    /// How it is woken.
    pub reach: Reach,
    /// What it speaks.
    pub protocols: Protocols,
    /// When it comes by itself.
    pub periodic: Periodic,
    /// The names of its parameters; `None`: none are known yet.
    pub schema: Option<SchemaId>,
    /// The desired values that it had last: what [`crate::profile::Desired::fingerprint`] said of them.
    pub profile: Fingerprint,
    /// When it was made, milliseconds since 1970.
    pub created_ms: u64,
    /// When it was heard of.
    pub seen: Seen,
}

/// What changes whenever a device is heard of: kept beside the device, as it is written a hundred times as often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The last session or message, milliseconds since 1970; 0: never.
    pub last_ms: u64,
    /// The last boot, milliseconds since 1970; 0: none was told.
    pub boot_ms: u64,
    /// Of the parameters of its last Inform: another one with the same changes nothing, and no page is read.
    pub inform: Fingerprint,
}

/// What a device says of itself, each at most [`Facts::CHARS_MAX`] characters, as it says it; empty: it has not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The manufacturer's name.
    pub manufacturer: Box<str>,
    /// The model's name.
    pub model: Box<str>,
    /// Of the hardware.
    pub hardware_version: Box<str>,
    /// Of the software.
    pub software_version: Box<str>,
    /// What the provider's installation has written into it.
    pub provisioning_code: Box<str>,
}

impl Facts {
    /// TR-106 has 64 for most of these; some devices say more.
    pub const CHARS_MAX: usize = 256;

    /// A text as it may stand in one of them: without control characters, and not longer than it may be.
    #[must_use]
    pub fn bounded(text: &str) -> Box<str> {
        crate::text::cut(text, Self::CHARS_MAX)
    }
}

/// The root object of a data model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Root {
    /// TR-181.
    #[default]
    Device,
    /// TR-098.
    InternetGatewayDevice,
}

impl Root {
    /// Of a path; `None`: it begins with neither.
    #[must_use]
    pub fn of(path: &str) -> Option<Self> {
        [Self::Device, Self::InternetGatewayDevice].into_iter().find(|root| path.starts_with(root.as_str()))
    }

    /// With its dot.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Device => "Device.",
            Self::InternetGatewayDevice => "InternetGatewayDevice.",
        }
    }
}

/// Whether a device is one of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// It came and nobody has said yes: nothing is sent to it but what ends its session.
    Pending,
    /// It is managed.
    Enrolled,
    /// It is refused.
    Blocked,
}

coded!(State);

impl State {
    /// All, in order of codes.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Enrolled, Self::Blocked];

    /// As the API writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Enrolled => "enrolled",
            Self::Blocked => "blocked",
        }
    }

    /// Of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// What both sides prove themselves with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// The device towards us (`ManagementServer.Username`, `Password`); `None`: none of its own.
    pub from_device: Option<Login>,
    /// What it was told to use next, and has not used yet: until it does, both are good.
    pub from_device_next: Option<Login>,
    /// We towards the device (`ConnectionRequestUsername`, `ConnectionRequestPassword`).
    pub to_device: Option<Login>,
}

/// How a device is woken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// `ManagementServer.ConnectionRequestURL`.
    pub connection_request_url: Option<Box<str>>,
    /// `ManagementServer.UDPConnectionRequestAddress` (TR-069 Annex G), host and port.
    pub udp_address: Option<Box<str>>,
    /// `ManagementServer.ConnReqJabberID` (TR-069 Annex K).
    pub jid: Option<Box<str>>,
    /// `ManagementServer.NATDetected`.
    pub nat_detected: bool,
}

impl Reach {
    /// The most bytes of each text (TR-181: 256 characters).
    pub const BYTES_MAX: usize = 1_024;

    /// A text as it may stand in one of them; `None`: it is empty, too long, or has a control character in it.
    #[must_use]
    pub fn bounded(text: &str) -> Option<Box<str>> {
        let is_fine = !text.is_empty() && text.len() <= Self::BYTES_MAX && !text.chars().any(char::is_control);
        is_fine.then(|| text.into())
    }
}

/// What a device speaks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Protocols {
    /// The minor version of CWMP 1.x.
    pub cwmp: Option<u8>,
    /// Versions of USP, as the agent lists them (`1.3`); see [`Protocols::usp_of`].
    pub usp: Vec<Box<str>>,
}

impl Protocols {
    /// Versions of USP.
    pub const USP_MAX: usize = 16;

    /// What is kept of a list as an agent tells it, parted by commas (`1.0,1.3`): 16 versions of 16 characters.
    #[must_use]
    pub fn usp_of(list: &str) -> Vec<Box<str>> {
        let versions = list.split(',').map(str::trim).filter(|version| !version.is_empty());
        versions.take(Self::USP_MAX).map(|version| crate::text::cut(version, 16)).collect()
    }
}

/// When a device comes by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Periodic {
    /// Seconds from one to the next; 0: not known, or it does not.
    pub interval_secs: u32,
    /// Seconds into each interval, see [`crate::phase`].
    pub phase_secs: u32,
}

impl Device {
    /// The most tags.
    pub const TAGS_MAX: usize = 64;
    /// Characters of one.
    pub const TAG_CHARS_MAX: usize = 64;

    /// A new one, of which nothing is known but who it is.
    #[must_use]
    pub fn new(id: DeviceId, key: DeviceKey, state: State, now_ms: u64) -> Self {
        Self {
            id,
            revision: 1,
            key,
            endpoint: None,
            facts: Facts::default(),
            root: Root::Device,
            state,
            tags: Vec::new(),
            access: Access::default(),
            reach: Reach::default(),
            protocols: Protocols::default(),
            periodic: Periodic::default(),
            schema: None,
            profile: Fingerprint::default(),
            created_ms: now_ms,
            seen: Seen::default(),
        }
    }

    /// Whether it has a tag.
    #[must_use]
    pub fn has_tag(&self, tag: &str) -> bool {
        self.tags.binary_search_by(|own| (**own).cmp(tag)).is_ok()
    }

    /// Gives it a tag; whether it is new. Nothing is done with one that is empty, too long, has a control character in it, or is one too many.
    pub fn tag(&mut self, tag: &str) -> bool {
        if self.tags.len() >= Self::TAGS_MAX || crate::text::check(tag, 1, Self::TAG_CHARS_MAX).is_err() {
            return false;
        }
        match self.tags.binary_search_by(|own| (**own).cmp(tag)) {
            Ok(_) => false,
            Err(place) => {
                self.tags.insert(place, tag.into());
                true
            }
        }
    }

    /// Takes a tag away; whether it had it.
    pub fn untag(&mut self, tag: &str) -> bool {
        match self.tags.binary_search_by(|own| (**own).cmp(tag)) {
            Ok(place) => {
                self.tags.remove(place);
                true
            }
            Err(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_kept_in_order_once_and_within_their_bound() {
        let key = DeviceKey::new("00D09E", "", "1").unwrap();
        let mut device = Device::new(DeviceId(1), key, State::Pending, 5);
        assert!(device.tag("b") && device.tag("a") && !device.tag("a"));
        assert!(device.has_tag("a") && !device.has_tag("c"));
        assert_eq!(device.tags, ["a".into(), "b".into()]);
        assert!(device.untag("a") && !device.untag("a"));
        assert!(!device.tag("") && !device.tag(&"x".repeat(65)) && !device.tag("a\nb"));
        for number in 0..Device::TAGS_MAX * 2 {
            device.tag(&number.to_string());
        }
        assert_eq!(device.tags.len(), Device::TAGS_MAX);
    }

    #[test]
    fn the_root_of_a_path_is_told_by_its_first_part() {
        assert_eq!(Root::of("Device.DeviceInfo."), Some(Root::Device));
        assert_eq!(Root::of("InternetGatewayDevice.A"), Some(Root::InternetGatewayDevice));
        assert_eq!(Root::of("DeviceInfo."), None);
    }

    #[test]
    fn what_says_how_a_device_is_woken_is_kept_whole_or_not_at_all() {
        assert_eq!(Reach::bounded("http://10.0.0.1/").as_deref(), Some("http://10.0.0.1/"));
        for text in ["", "http://a/\r\nHost: b", &"x".repeat(1_025)] {
            assert_eq!(Reach::bounded(text), None, "{text:?}");
        }
        assert_eq!(Protocols::usp_of(" 1.0, 1.3,,"), ["1.0".into(), "1.3".into()]);
        assert_eq!(Protocols::usp_of(&"1.3,".repeat(99)).len(), Protocols::USP_MAX);
    }

    #[test]
    fn facts_are_cut_to_what_they_may_be() {
        assert_eq!(&*Facts::bounded("a\u{0}b\n"), "ab");
        assert_eq!(Facts::bounded(&"ä".repeat(999)).chars().count(), Facts::CHARS_MAX);
    }
}
