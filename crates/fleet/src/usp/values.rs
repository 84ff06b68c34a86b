//! The values of one agent: what it shares with the others, and what is different with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use sangam_types::{Mono, Now};
use sangam_usp_proto::ErrorCode;
use sangam_usp_proto::agent::{DataModel, Operated, SupportedModel};
use sangam_usp_proto::message::{Failure, ParamValueType};
use sangam_usp_proto::path::{split_parameter, to_supported};

use super::model::{Content, Model};
use super::quirks::{Quirk, Quirks};
use super::world::{MANUFACTURER, World};
use crate::cpe::date::date_text;
use crate::cpe::noise::noise;

/// A data model of which only the differences are kept: an idle agent has some hundred bytes of them.
#[derive(Debug)]
pub(super) struct Values {
    world: Arc<World>,
    pub(super) number: u32,
    pub(super) quirks: Quirks,
    /// As of when values that change by themselves are told.
    pub(super) now: Now,
    pub(super) booted: Mono,
    /// How often its software has.
    pub(super) versions: u32,
    written: BTreeMap<Box<str>, Box<str>>,
    /// Tables that are not as from the factory.
    tables: BTreeMap<Box<str>, Table>,
    /// Commands that answered at once, with their keys: the device carries them out.
    pub(super) commanded: Vec<(String, String)>,
    /// With what the next thing asked is refused.
    pub(super) refusal: Option<ErrorCode>,
    /// How many things were.
    pub(super) refused: u32,
}

#[derive(Clone, Debug, Default)]
struct Table {
    instances: Vec<u32>,
    last: u32,
}

/// Instances that any table may have.
const INSTANCES_MAX: usize = 128;

impl Values {
    pub(super) fn new(world: Arc<World>, number: u32, quirks: Quirks) -> Self {
        Self {
            world,
            number,
            quirks,
            now: Now::default(),
            booted: Mono::ZERO,
            versions: 0,
            written: BTreeMap::new(),
            tables: BTreeMap::new(),
            commanded: Vec::new(),
            refusal: None,
            refused: 0,
        }
    }

    fn model(&self) -> &Model {
        self.world.model(self.quirks)
    }

    fn table(&self, path: &str) -> Table {
        self.tables.get(path).cloned().unwrap_or_else(|| {
            let last = self.model().factory_count(&to_supported(path));
            Table { instances: (1..=last).collect(), last }
        })
    }

    /// Whether every instance on a path is one from the factory.
    fn is_of_factory(&self, object: &str) -> bool {
        let mut path = String::new();
        object.split_inclusive('.').all(|part| {
            let is = part
                .trim_end_matches('.')
                .parse::<u32>()
                .map_or(true, |number| number <= self.model().factory_count(&to_supported(&path)));
            path.push_str(part);
            is
        })
    }

    /// Takes the refusal that was planned.
    fn refuse(&mut self) -> Result<(), ErrorCode> {
        let Some(code) = self.refusal.take() else { return Ok(()) };
        self.refused += 1;
        Err(code)
    }

    fn of_factory(&self, path: &str, object: &str, content: Content) -> String {
        let roll = || noise(&[self.world.seed, u64::from(self.number), hash(path)]);
        let secs = self.now.mono.since_start().as_secs();
        let up = self.now.mono.saturating_since(self.booted).as_secs();
        match content {
            Content::Text(text) => text.to_owned(),
            Content::Manufacturer => MANUFACTURER.to_owned(),
            Content::Oui => self.world.identity(self.number, self.quirks).oui,
            Content::Product => self.world.identity(self.number, self.quirks).product_class,
            Content::Serial => self.world.identity(self.number, self.quirks).serial_number,
            Content::Software => format!("1.{}.0", self.versions),
            Content::Endpoint => self.world.endpoint(self.number, self.quirks).to_string(),
            Content::Controller => self.world.controller.to_string(),
            Content::Mtp => self.world.mtp.protocol().to_owned(),
            Content::Interval => self.world.interval.as_secs().to_string(),
            Content::Uptime => up.to_string(),
            Content::Time => date_text(self.now.wall),
            Content::Mac => {
                let [.., a, b, c, d] = roll().to_be_bytes();
                format!("00:00:5E:{a:02X}:{b:02X}:{:02X}", c ^ d)
            }
            Content::Address => {
                let [.., a, b] = roll().to_be_bytes();
                format!("198.18.{a}.{b}")
            }
            Content::Lan => format!("192.168.1.{}", 100 + roll() % 100),
            Content::Ssid => format!("home-{:04x}", roll() as u16),
            Content::Channel => (1 + roll() % 11).to_string(),
            Content::Secret => String::new(),
            Content::Counter => (roll() % 1_000_000 + up * (1_000 + roll() % 90_000)).to_string(),
            Content::Small => ((roll() ^ noise(&[secs / 60])) % 80 + 10).to_string(),
            Content::Noise => format!("-{}", 90 + (roll() ^ noise(&[secs / 60])) % 10),
            Content::Entries => {
                let base = path.strip_suffix("NumberOfEntries").unwrap_or(path);
                let name = base.strip_prefix(object).unwrap_or(base);
                self.table(&format!("{object}{name}.")).instances.len().to_string()
            }
        }
    }
}

fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

impl DataModel for Values {
    fn supported(&self) -> &SupportedModel {
        &self.model().supported
    }

    fn instances(&self, table: &str) -> Vec<u32> {
        // An instance of a table within one that is gone is gone with it; whoever asks has seen that its object is there.
        self.table(table).instances
    }

    fn value(&self, path: &str) -> Option<String> {
        let (object, name) = split_parameter(path)?;
        let supported = to_supported(object);
        let schema = self.supported().parameter(&supported, name)?;
        let content = self.model().content(&supported, name)?;
        if !self.exists(object) {
            return None;
        }
        if content == Content::Secret {
            return Some(String::new());
        }
        if let Some(written) = self.written.get(path) {
            return Some(written.to_string());
        }
        let is_made = !self.is_of_factory(object);
        Some(if is_made { default_of(schema.value_type).to_owned() } else { self.of_factory(path, object, content) })
    }

    fn set_value(&mut self, path: &str, value: &str) -> Result<(), ErrorCode> {
        let (object, name) = split_parameter(path).ok_or(ErrorCode::InvalidPath)?;
        if self.quirks.has(Quirk::NoWiFi) && path.starts_with("Device.WiFi.") {
            return Err(ErrorCode::PermissionDenied);
        }
        if self.supported().parameter(&to_supported(object), name).is_none() {
            return Err(ErrorCode::UnsupportedParameter);
        }
        if !self.exists(object) {
            return Err(ErrorCode::ObjectDoesNotExist);
        }
        // A subscription that is refused leaves a controller deaf; that is no fault of one thing asked.
        if !path.starts_with("Device.LocalAgent.") {
            self.refuse()?;
        }
        self.written.insert(path.into(), value.into());
        Ok(())
    }

    fn create(&mut self, table: &str) -> Result<u32, ErrorCode> {
        if !table.starts_with("Device.LocalAgent.") {
            self.refuse()?;
        }
        let mut known = self.table(table);
        if known.instances.len() >= INSTANCES_MAX {
            return Err(ErrorCode::ResourcesExceeded);
        }
        known.last = known.last.checked_add(1).ok_or(ErrorCode::ResourcesExceeded)?;
        known.instances.push(known.last);
        let number = known.last;
        self.tables.insert(table.into(), known);
        Ok(number)
    }

    fn remove(&mut self, instance: &str) -> Result<(), ErrorCode> {
        let inner = instance.strip_suffix('.').ok_or(ErrorCode::InvalidPath)?;
        let (table, number) = inner.rsplit_once('.').ok_or(ErrorCode::InvalidPath)?;
        let (table, number) = (format!("{table}."), number.parse::<u32>().map_err(|_| ErrorCode::InvalidPath)?);
        let mut known = self.table(&table);
        if !known.instances.contains(&number) {
            return Err(ErrorCode::ObjectDoesNotExist);
        }
        known.instances.retain(|it| *it != number);
        self.written.retain(|path, _| !path.starts_with(instance));
        self.tables.retain(|path, _| !path.starts_with(instance));
        self.tables.insert(table.into(), known);
        Ok(())
    }

    fn operate(&mut self, command: &str, command_key: &str, _args: &BTreeMap<String, String>) -> Operated {
        if let Err(code) = self.refuse() {
            return Operated::Failed(Failure::of(code));
        }
        self.commanded.push((command.to_owned(), command_key.to_owned()));
        Operated::Done(BTreeMap::new())
    }
}

fn default_of(value_type: ParamValueType) -> &'static str {
    match value_type {
        ParamValueType::Boolean => "false",
        ParamValueType::Int
        | ParamValueType::Long
        | ParamValueType::UnsignedInt
        | ParamValueType::UnsignedLong
        | ParamValueType::Decimal => "0",
        ParamValueType::DateTime => "0001-01-01T00:00:00Z",
        ParamValueType::Unknown | ParamValueType::Base64 | ParamValueType::HexBinary | ParamValueType::String => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> Values {
        Values::new(Arc::new(World::of_test(1)), 3, Quirks::NONE)
    }

    #[test]
    fn what_is_not_written_is_as_from_the_factory() {
        let mut values = values();
        assert_eq!(values.value("Device.WiFi.SSID.2.Enable").as_deref(), Some("true"));
        values.set_value("Device.WiFi.SSID.2.Enable", "false").unwrap();
        assert_eq!(values.value("Device.WiFi.SSID.2.Enable").as_deref(), Some("false"));
        assert_eq!(values.value("Device.WiFi.SSID.1.Enable").as_deref(), Some("true"));
        assert_eq!(values.value("Device.WiFi.SSIDNumberOfEntries").as_deref(), Some("4"));
        assert_eq!(values.value("Device.WiFi.SSID.9.Enable"), None);
        assert_eq!(values.value("Device.WiFi.Nothing"), None);
        assert_eq!(values.value("Device.IP.Interface.2.IPv4Address.1.SubnetMask").as_deref(), Some("255.255.0.0"));
    }

    #[test]
    fn an_instance_that_is_made_has_defaults_and_a_number_that_nobody_had() {
        let mut values = values();
        assert_eq!(values.create("Device.WiFi.SSID."), Ok(5));
        assert_eq!(values.value("Device.WiFi.SSID.5.Enable").as_deref(), Some("false"));
        values.remove("Device.WiFi.SSID.5.").unwrap();
        assert_eq!(values.value("Device.WiFi.SSID.5.Enable"), None);
        assert_eq!(values.create("Device.WiFi.SSID."), Ok(6));
        values.remove("Device.WiFi.SSID.1.").unwrap();
        assert_eq!(values.value("Device.WiFi.SSID.1.SSID"), None);
        assert_eq!(values.remove("Device.WiFi.SSID.1."), Err(ErrorCode::ObjectDoesNotExist));
        assert_eq!(values.instances("Device.WiFi.SSID."), [2, 3, 4, 6]);
        assert_eq!(values.value("Device.WiFi.SSIDNumberOfEntries").as_deref(), Some("4"));
    }

    #[test]
    fn a_secret_is_written_and_reads_as_nothing() {
        let mut values = values();
        values.set_value("Device.WiFi.AccessPoint.1.Security.KeyPassphrase", "hunter2").unwrap();
        assert_eq!(values.value("Device.WiFi.AccessPoint.1.Security.KeyPassphrase").as_deref(), Some(""));
    }

    #[test]
    fn a_refusal_is_made_once_and_never_of_what_the_agent_itself_keeps() {
        let mut values = values();
        values.refusal = Some(ErrorCode::ResourcesExceeded);
        assert_eq!(values.create("Device.LocalAgent.Subscription."), Ok(1));
        assert_eq!(values.create("Device.WiFi.SSID."), Err(ErrorCode::ResourcesExceeded));
        assert_eq!(values.create("Device.WiFi.SSID."), Ok(5));
        assert_eq!(values.refused, 1);
    }
}
