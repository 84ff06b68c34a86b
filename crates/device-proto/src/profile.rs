//! What devices are to be set to: desired values by who a device is, merged, and held against what it reports.

mod desired;
mod glob;
mod pursuit;

pub use desired::{Desired, Drift, Wanted, drift, merge};
pub use glob::Glob;
pub use pursuit::{Pursued, Pursuit, PursuitRules, ordered_by, pursue, wanted_of};

use crate::device::{Device, Root};
use crate::identity::{Oui, ProductClass};
use crate::{ProfileId, ValueKind};

/// A profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its number.
    pub id: ProfileId,
    /// How often this row was written, from 1. A store takes a row only if it is one more than the one it has.
    pub revision: u32,
    /// Its name, for operators; at most 128 characters.
    pub name: Box<str>,
    /// Whether it counts.
    pub enabled: bool,
    /// Of two that want something of the same parameter the higher one has it; of equal ones the one that was made later.
    pub priority: i32,
    /// For whom it is.
    pub applies: Applies,
    /// What it wants, at most [`Profile::VALUES_MAX`].
    pub values: Vec<ProfileValue>,
    /// When it was made, milliseconds since 1970.
    pub created_ms: u64,
}

impl Profile {
    /// Of one profile.
    pub const VALUES_MAX: usize = 1_000;
    /// Of a value.
    pub const VALUE_BYTES_MAX: usize = 64 * 1024;
    /// Of a path (TR-106 §3.1).
    pub const PATH_BYTES_MAX: usize = 256;

    /// Whether it can be wanted of a device.
    ///
    /// # Errors
    ///
    /// The first value that cannot.
    pub fn check(&self) -> Result<(), WrongProfile> {
        if self.values.len() > Self::VALUES_MAX {
            return Err(WrongProfile::TooMany);
        }
        let mut paths = std::collections::BTreeSet::new();
        for (at, value) in self.values.iter().enumerate() {
            let is_path = Root::of(&value.path).is_some() && !value.path.ends_with('.');
            if !is_path || value.path.len() > Self::PATH_BYTES_MAX || value.path.chars().any(char::is_control) {
                return Err(WrongProfile::Path { at });
            }
            if value.value.len() > Self::VALUE_BYTES_MAX {
                return Err(WrongProfile::Value { at });
            }
            if !paths.insert(&value.path) {
                return Err(WrongProfile::Twice { at });
            }
        }
        Ok(())
    }
}

/// Why a profile cannot be wanted of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WrongProfile {
    /// It has too many values.
    #[error("it has more than {} values", Profile::VALUES_MAX)]
    TooMany,
    /// A path is not that of a parameter below `Device.` or `InternetGatewayDevice.`.
    #[error("the path of value {at} is not that of a parameter")]
    Path {
        /// Which value, from 0.
        at: usize,
    },
    /// A value is too long.
    #[error("value {at} is too long")]
    Value {
        /// Which value, from 0.
        at: usize,
    },
    /// A parameter has two values.
    #[error("value {at} has the path of one before it")]
    Twice {
        /// Which value, from 0.
        at: usize,
    },
}

/// For whom a profile is: every part that is given must fit; none given: for all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applies {
    /// Of this OUI.
    pub oui: Option<Oui>,
    /// Of this product class, exactly.
    pub product_class: Option<ProductClass>,
    /// Of a manufacturer like this.
    pub manufacturer: Option<Glob>,
    /// Of a model like this.
    pub model: Option<Glob>,
    /// With a software version like this.
    pub software_version: Option<Glob>,
    /// With a tag like this.
    pub tag: Option<Glob>,
}

impl Applies {
    /// Whether it is for this device.
    #[must_use]
    pub fn fits(&self, device: &Device) -> bool {
        self.oui.is_none_or(|oui| oui == device.key.oui)
            && self.product_class.as_ref().is_none_or(|class| *class == device.key.product_class)
            && self.manufacturer.as_ref().is_none_or(|glob| glob.fits(&device.facts.manufacturer))
            && self.model.as_ref().is_none_or(|glob| glob.fits(&device.facts.model))
            && self.software_version.as_ref().is_none_or(|glob| glob.fits(&device.facts.software_version))
            && self.tag.as_ref().is_none_or(|glob| device.tags.iter().any(|tag| glob.fits(tag)))
    }
}

/// A value that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileValue {
    /// Of which parameter: the full path, with the root of those it is for.
    pub path: Box<str>,
    /// What it shall be.
    pub value: Box<str>,
    /// Of which kind.
    pub kind: ValueKind,
    /// Whether the device never shows it, as with passwords: it is set when it is another than the last time, and at bootstrap.
    pub hidden: bool,
}
