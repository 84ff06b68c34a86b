//! The parameters of one device: the model, and what is different.

use std::borrow::Cow;
use std::time::Duration;

use sangam_cwmp_proto::ValueKind;
use sangam_types::{Mono, Now};

use super::date::date_text;
use super::model::{Content, Model, Parameter};
use super::noise::noise;
use super::world::{MANUFACTURER, World, oui, product};

/// Where a value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Slot {
    /// In the model.
    pub(super) index: u16,
    /// Of an object that was added, whose parameters are those of the model's first; 0: the model's own.
    pub(super) instance: u32,
}

/// What is different from the model. Empty it takes no memory beside itself.
#[derive(Clone, Default)]
pub(super) struct Differences {
    /// In order.
    values: Vec<(Slot, Box<str>)>,
    /// Tables and instances.
    added: Vec<(u8, u32)>,
    removed: Vec<(u8, u32)>,
    /// The highest instance that a table ever had.
    last: Vec<(u8, u32)>,
    pub(super) watched: Vec<Watched>,
}

/// A parameter with attributes of its own.
#[derive(Clone)]
pub(super) struct Watched {
    pub(super) slot: Slot,
    pub(super) notification: u8,
    /// Who beside the ACS may change it, separated by commas.
    pub(super) access: Option<Box<str>>,
    /// What the ACS was told last.
    pub(super) told: Box<str>,
}

/// What a device knows of itself.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Facts {
    pub(super) number: u32,
    pub(super) has_small_oui: bool,
    /// How often its address changed.
    pub(super) addresses: u32,
    /// How often its firmware changed.
    pub(super) versions: u32,
    pub(super) booted: Mono,
}

/// A device's tree at a moment.
#[derive(Clone, Copy)]
pub(super) struct Tree<'a> {
    pub(super) world: &'a World,
    pub(super) model: &'a Model,
    pub(super) differences: &'a Differences,
    pub(super) facts: Facts,
    pub(super) now: Now,
}

/// How long a value stays that goes up and down.
pub(super) const WAVE: Duration = Duration::from_secs(30);

impl Slot {
    pub(super) fn fixed(index: u16) -> Self {
        Self { index, instance: 0 }
    }
}

impl Differences {
    pub(super) fn get(&self, slot: Slot) -> Option<&str> {
        let at = self.values.binary_search_by_key(&slot, |(slot, _)| *slot).ok()?;
        self.values.get(at).map(|(_, value)| &**value)
    }

    pub(super) fn set(&mut self, slot: Slot, value: &str) {
        match self.values.binary_search_by_key(&slot, |(slot, _)| *slot) {
            Ok(at) => {
                if let Some((_, held)) = self.values.get_mut(at) {
                    *held = value.into();
                }
            }
            Err(at) => {
                self.values.reserve_exact(1);
                self.values.insert(at, (slot, value.into()));
            }
        }
    }

    /// The next instance of a table; numbers are never used again.
    pub(super) fn add(&mut self, model: &Model, table: u8) -> u32 {
        let factory = model.tables.get(usize::from(table)).map_or(0, |it| it.factory_last);
        let instance = 1 + match self.last.iter_mut().find(|(of, _)| *of == table) {
            Some((_, last)) => {
                *last += 1;
                *last - 1
            }
            None => {
                self.last.push((table, factory + 1));
                factory
            }
        };
        self.added.push((table, instance));
        instance
    }

    /// Whether there was such an instance.
    pub(super) fn remove(&mut self, model: &Model, table: u8, instance: u32) -> bool {
        if let Some(at) = self.added.iter().position(|it| *it == (table, instance)) {
            self.added.swap_remove(at);
            let template = model.tables.get(usize::from(table)).map(|it| it.template.clone()).unwrap_or_default();
            let is_of = |slot: &Slot| slot.instance == instance && template.contains(&slot.index);
            self.values.retain(|(slot, _)| !is_of(slot));
            self.watched.retain(|it| !is_of(&it.slot));
            return true;
        }
        let from_factory = model.parameters.iter().any(|it| it.place == Some((table, instance)));
        if !from_factory || self.removed.contains(&(table, instance)) {
            return false;
        }
        let is_of = |slot: &Slot| {
            slot.instance == 0 && model.at(slot.index).is_some_and(|it| it.place == Some((table, instance)))
        };
        self.values.retain(|(slot, _)| !is_of(slot));
        self.watched.retain(|it| !is_of(&it.slot));
        self.removed.push((table, instance));
        true
    }

    /// Instances that were added.
    pub(super) fn added_count(&self) -> usize {
        self.added.len()
    }
}

impl<'a> Tree<'a> {
    /// The parameter with this path, if it is there now.
    pub(super) fn find(&self, path: &str) -> Option<Slot> {
        if let Some(index) = self.model.find(path) {
            let place = self.model.at(index)?.place;
            return place.is_none_or(|place| !self.differences.removed.contains(&place)).then_some(Slot::fixed(index));
        }
        let mut added = self.differences.added.iter();
        added.find_map(|(at, instance)| {
            let table = self.model.tables.get(usize::from(*at))?;
            let (number, rest) = path.strip_prefix(&*table.path)?.split_once('.')?;
            let is_it = number.parse() == Ok(*instance);
            let index = is_it.then(|| self.model.find(&format!("{}1.{rest}", table.path))).flatten()?;
            Some(Slot { index, instance: *instance })
        })
    }

    /// All parameters whose path begins so.
    pub(super) fn under(&self, prefix: &str) -> Vec<Slot> {
        let removed = &self.differences.removed;
        let is_there = |index: &u16| {
            removed.is_empty()
                || self.model.at(*index).is_some_and(|it| it.place.is_none_or(|it| !removed.contains(&it)))
        };
        let mut slots: Vec<Slot> = self.model.under(prefix).filter(is_there).map(Slot::fixed).collect();
        for (table, instance) in &self.differences.added {
            let Some(table) = self.model.tables.get(usize::from(*table)) else { continue };
            let all = table.template.clone().map(|index| Slot { index, instance: *instance });
            slots.extend(all.filter(|slot| self.path(*slot).starts_with(prefix)));
        }
        slots
    }

    pub(super) fn parameter(&self, slot: Slot) -> Option<&'a Parameter> {
        self.model.at(slot.index)
    }

    pub(super) fn path(&self, slot: Slot) -> Cow<'a, str> {
        let Some(parameter) = self.parameter(slot) else { return Cow::Borrowed("") };
        let table = parameter.place.and_then(|(table, _)| self.model.tables.get(usize::from(table)));
        match table {
            Some(table) if slot.instance > 0 => {
                let (_, rest) = parameter.path.split_at_checked(table.path.len() + 1).unwrap_or_default();
                Cow::Owned(format!("{}{}{rest}", table.path, slot.instance))
            }
            Some(_) | None => Cow::Borrowed(&parameter.path),
        }
    }

    /// As the ACS reads it.
    pub(super) fn value(&self, slot: Slot) -> Cow<'a, str> {
        let Some(parameter) = self.parameter(slot) else { return Cow::Borrowed("") };
        if parameter.content == Content::Secret {
            return Cow::Borrowed("");
        }
        match self.differences.get(slot) {
            Some(value) => Cow::Borrowed(value),
            None => self.content(parameter, slot),
        }
    }

    fn content(&self, parameter: &'a Parameter, slot: Slot) -> Cow<'a, str> {
        let facts = &self.facts;
        let salt = |what: u64| noise(&[self.world.seed, u64::from(facts.number), slot_salt(slot), what]);
        let wave = self.now.mono.since_start().as_secs() / WAVE.as_secs();
        Cow::Owned(match &parameter.content {
            Content::Text(text) => return Cow::Borrowed(text),
            Content::Secret => return Cow::Borrowed(""),
            Content::Manufacturer => return Cow::Borrowed(MANUFACTURER),
            Content::Oui => return Cow::Borrowed(oui(facts.has_small_oui)),
            Content::Product => return Cow::Borrowed(product(self.model)),
            Content::AcsUrl => return Cow::Borrowed(&self.world.acs_url),
            Content::User => return Cow::Borrowed(&self.world.user),
            Content::Diagnostics => return Cow::Borrowed("None"),
            Content::Serial => self.world.serial(facts.number),
            Content::Software => format!("3.{}.0", facts.versions),
            Content::Uptime => self.now.mono.saturating_since(facts.booted).as_secs().to_string(),
            Content::Interval => self.world.interval.as_secs().to_string(),
            Content::RetryWait => self.world.retry_wait.as_secs().to_string(),
            Content::ConnectionRequestUrl => self.world.requests.map(|it| it.url(facts.number)).unwrap_or_default(),
            Content::Time => date_text(self.now.wall),
            Content::Mac => {
                let [_, _, _, _, _, a, b, c] = salt(1).to_be_bytes();
                format!("00:00:5E:{a:02X}:{b:02X}:{c:02X}")
            }
            Content::Address => {
                let [.., a, b, c] = salt(u64::from(facts.addresses) << 8 | 2).to_be_bytes();
                // RFC 2544 has 198.18.0.0/15 for such.
                format!("198.{}.{b}.{c}", 18 + a % 2)
            }
            Content::LanAddress => format!("192.168.1.{}", 100 + salt(3) % 100),
            Content::Ssid => format!("home-{:05x}", salt(4) % 0x10_0000),
            Content::Channel => (1 + salt(5) % 13).to_string(),
            Content::Counter => {
                let since = self.now.mono.saturating_since(facts.booted).as_secs();
                (salt(6) % 1_000_000 + since.wrapping_mul(salt(7) % 5_000)).rem_euclid(1 << 32).to_string()
            }
            Content::Signal => (-40 - (salt(wave << 8 | 8) % 40) as i64).to_string(),
            Content::Small => (salt(wave << 8 | 9) % 30).to_string(),
            Content::Hosts => self.model.hosts.to_string(),
        })
    }
}

fn slot_salt(slot: Slot) -> u64 {
    u64::from(slot.index) << 32 | u64::from(slot.instance)
}

/// Whether a text is a value of a kind.
pub(super) fn is_of_kind(kind: &ValueKind, text: &str) -> bool {
    let text = text.trim();
    match kind {
        ValueKind::Int => text.parse::<i32>().is_ok(),
        ValueKind::UnsignedInt => text.parse::<u32>().is_ok(),
        ValueKind::UnsignedLong => text.parse::<u64>().is_ok(),
        ValueKind::Long => text.parse::<i64>().is_ok(),
        ValueKind::Boolean => is_boolean(text).is_some(),
        ValueKind::DateTime => {
            let date = sangam_cwmp_proto::DateTime::new(text);
            !text.is_empty() && (date.is_unknown() || date.unix_secs().is_some())
        }
        ValueKind::HexBinary => text.len().is_multiple_of(2) && text.bytes().all(|it| it.is_ascii_hexdigit()),
        ValueKind::String | ValueKind::Base64 | ValueKind::Other(_) | ValueKind::Untyped => true,
    }
}

pub(super) fn is_boolean(text: &str) -> Option<bool> {
    match text.trim() {
        "1" | "true" => Some(true),
        "0" | "false" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world() -> World {
        World::of_test(7)
    }

    fn tree<'a>(world: &'a World, differences: &'a Differences) -> Tree<'a> {
        Tree { world, model: world.model(0), differences, facts: Facts::default(), now: Now::default() }
    }

    #[test]
    fn every_value_of_the_factory_is_of_its_kind() {
        let (world, differences) = (world(), Differences::default());
        let tree = tree(&world, &differences);
        for slot in tree.under("Device.") {
            let (path, value) = (tree.path(slot), tree.value(slot));
            assert!(is_of_kind(&tree.parameter(slot).unwrap().kind, &value), "{path}: {value}");
            assert_eq!(tree.find(&path), Some(slot));
        }
    }

    #[test]
    fn instances_come_and_go_and_their_numbers_are_not_used_again() {
        let (world, mut differences) = (world(), Differences::default());
        let model = world.model(0);
        let at = model.tables.iter().position(|it| &*it.path == "Device.WiFi.SSID.").unwrap() as u8;
        assert_eq!((differences.add(model, at), differences.add(model, at)), (5, 6));
        let path = "Device.WiFi.SSID.6.SSID";
        let slot = tree(&world, &differences).find(path).unwrap();
        assert_eq!(tree(&world, &differences).path(slot), path);
        differences.set(slot, "mine");
        assert_eq!(tree(&world, &differences).value(slot), "mine");
        let before = tree(&world, &differences).under("Device.WiFi.SSID.").len();
        assert!(differences.remove(model, at, 6) && !differences.remove(model, at, 6));
        assert_eq!(tree(&world, &differences).find(path), None);
        assert!(tree(&world, &differences).under("Device.WiFi.SSID.").len() < before);
        assert_eq!(differences.add(model, at), 7);
        assert!(differences.remove(model, at, 2) && !differences.remove(model, at, 2));
        assert_eq!(tree(&world, &differences).find("Device.WiFi.SSID.2.SSID"), None);
        assert!(!differences.remove(model, at, 99));
        assert_eq!(differences.added_count(), 2);
    }

    #[test]
    fn texts_are_values_of_their_kinds() {
        for (kind, good, bad) in [
            (ValueKind::Int, "-5", "5.0"),
            (ValueKind::UnsignedInt, "5", "-5"),
            (ValueKind::UnsignedLong, "5000000000", ""),
            (ValueKind::Boolean, "true", "yes"),
            (ValueKind::DateTime, "2026-11-22T06:30:00Z", "today"),
            (ValueKind::HexBinary, "00ff", "0"),
        ] {
            assert!(is_of_kind(&kind, good) && !is_of_kind(&kind, bad), "{kind:?}");
        }
    }
}
