use crate::SoapError;
use crate::reader::Reader;
use crate::wire::{Structure, item, numbered, structure};
use crate::writer::Writer;

/// Sets who hears of changes, and who may make them (TR-069 Amendment 6 Annex A.3.2.4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetParameterAttributes {
    /// What to set.
    pub parameters: Vec<SetParameterAttribute>,
}

/// What to set for a path (`SetParameterAttributesStruct`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetParameterAttribute {
    /// A full path, or a partial one that ends in a dot.
    pub path: String,
    /// `None`: as it was.
    pub notification: Option<Notification>,
    /// `None`: as it was.
    pub access_list: Option<Vec<String>>,
}

/// The attributes are set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetParameterAttributesResponse;

/// Asks for attributes (TR-069 Amendment 6 Annex A.3.2.5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GetParameterAttributes {
    /// Full paths, or partial ones that end in a dot.
    pub names: Vec<String>,
}

/// The attributes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GetParameterAttributesResponse {
    /// All below the paths asked for.
    pub parameters: Vec<ParameterAttribute>,
}

/// Attributes of a parameter (`ParameterAttributeStruct`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParameterAttribute {
    /// The full path.
    pub path: String,
    /// Who hears of changes.
    pub notification: Notification,
    /// Who may write it beside the ACS: `Subscriber`, or nobody.
    pub access_list: Vec<String>,
}

/// When the ACS hears of a change. `cwmp-1-4.xsd` defines 0 to 6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Notification {
    /// 0: never.
    #[default]
    Off,
    /// 1: with the next session.
    Passive,
    /// 2: at once, in a session of its own.
    Active,
    /// 3: with the next lightweight notification.
    PassiveLightweight,
    /// 4: 1 and 3.
    PassiveWithPassiveLightweight,
    /// 5: at once, in a lightweight notification.
    ActiveLightweight,
    /// 6: 1 and 5.
    PassiveWithActiveLightweight,
    /// No standard says what it means.
    Other(u32),
}

impl Notification {
    /// What a number means.
    #[must_use]
    pub fn from_number(number: u32) -> Self {
        match number {
            0 => Self::Off,
            1 => Self::Passive,
            2 => Self::Active,
            3 => Self::PassiveLightweight,
            4 => Self::PassiveWithPassiveLightweight,
            5 => Self::ActiveLightweight,
            6 => Self::PassiveWithActiveLightweight,
            other => Self::Other(other),
        }
    }

    /// Its number.
    #[must_use]
    pub fn number(self) -> u32 {
        match self {
            Self::Off => 0,
            Self::Passive => 1,
            Self::Active => 2,
            Self::PassiveLightweight => 3,
            Self::PassiveWithPassiveLightweight => 4,
            Self::ActiveLightweight => 5,
            Self::PassiveWithActiveLightweight => 6,
            Self::Other(number) => number,
        }
    }
}

structure!(SetParameterAttributes { "ParameterList" => parameters, });
structure!(SetParameterAttributesResponse {});
structure!(GetParameterAttributes { "ParameterNames" => names, });
structure!(GetParameterAttributesResponse { "ParameterList" => parameters, });
structure!(ParameterAttribute { "Name" => path, "Notification" => notification, "AccessList" => access_list, });
item!(ParameterAttribute = "ParameterAttributeStruct", Parameters);
numbered!(Notification);

/// On the wire each attribute stands beside a boolean that says whether it is to change.
#[derive(Default)]
struct SetFields {
    path: String,
    notification_change: bool,
    notification: Notification,
    access_list_change: bool,
    access_list: Vec<String>,
}

structure!(SetFields {
    "Name" => path,
    "NotificationChange" => notification_change,
    "Notification" => notification,
    "AccessListChange" => access_list_change,
    "AccessList" => access_list,
});

impl Structure for SetParameterAttribute {
    fn read(reader: &mut Reader<'_>) -> Result<Self, SoapError> {
        let fields = SetFields::read(reader)?;
        Ok(Self {
            path: fields.path,
            notification: fields.notification_change.then_some(fields.notification),
            access_list: fields.access_list_change.then_some(fields.access_list),
        })
    }

    fn write(&self, writer: &mut Writer<'_>) {
        let fields = SetFields {
            path: self.path.clone(),
            notification_change: self.notification.is_some(),
            notification: self.notification.unwrap_or_default(),
            access_list_change: self.access_list.is_some(),
            access_list: self.access_list.clone().unwrap_or_default(),
        };
        fields.write(writer);
    }
}

item!(SetParameterAttribute = "SetParameterAttributesStruct", Parameters);
