use super::packet::{Fields, MqttFault, MqttLimits};

/// The properties of a packet that concern a USP endpoint (MQTT 5 §2.2.2.2); the others are read over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Properties {
    /// Of PUBLISH.
    pub(super) content_type: Option<String>,
    /// Of PUBLISH.
    pub(super) response_topic: Option<String>,
    /// Of CONNACK.
    pub(super) response_information: Option<String>,
    /// Of CONNACK, seconds.
    pub(super) server_keep_alive: Option<u16>,
    /// Of CONNACK: messages that may be unacknowledged.
    pub(super) receive_maximum: Option<u16>,
    /// Of CONNACK, bytes.
    pub(super) maximum_packet_size: Option<u32>,
    /// Of any answer.
    pub(super) reason: Option<String>,
    /// In order.
    pub(super) user: Vec<(String, String)>,
}

impl Properties {
    pub(super) fn read(fields: &mut Fields, limits: &MqttLimits) -> Result<Self, MqttFault> {
        let length = fields.variable_int()?;
        let mut rest = Fields(fields.take(length as usize)?);
        let mut properties = Self::default();
        while !rest.is_empty() {
            match rest.u8()? {
                0x03 => properties.content_type = Some(rest.text()?),
                0x08 => properties.response_topic = Some(rest.text()?),
                0x13 => properties.server_keep_alive = Some(rest.u16()?),
                0x1a => properties.response_information = Some(rest.text()?),
                0x1f => properties.reason = Some(rest.text()?),
                0x21 => properties.receive_maximum = Some(rest.u16()?),
                0x26 if properties.user.len() == limits.user_properties_max => return Err(MqttFault::BadProperty),
                0x26 => properties.user.push((rest.text()?, rest.text()?)),
                0x27 => properties.maximum_packet_size = Some(rest.u32()?),
                0x01 | 0x17 | 0x19 | 0x24 | 0x25 | 0x28 | 0x29 | 0x2a => drop(rest.u8()?),
                0x22 | 0x23 => drop(rest.u16()?),
                0x02 | 0x11 | 0x18 => drop(rest.u32()?),
                0x0b => drop(rest.variable_int()?),
                0x12 | 0x15 | 0x1c => drop(rest.text()?),
                0x09 | 0x16 => drop(rest.binary()?),
                _ => return Err(MqttFault::BadProperty),
            }
        }
        Ok(properties)
    }

    /// The values of the user property of that name.
    pub(super) fn user_values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.user.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}
