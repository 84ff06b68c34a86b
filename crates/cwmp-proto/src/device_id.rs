/// Who a CPE is (`DeviceIdStruct`, TR-069 Amendment 6 Annex A.3.3.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct DeviceId {
    /// For people; not part of the identity. At most 64 characters.
    pub manufacturer: String,
    /// Six hexadecimal digits, upper case.
    pub oui: String,
    /// At most 64 characters; empty if serial numbers are unique within the OUI.
    pub product_class: String,
    /// At most 64 characters, never empty.
    pub serial_number: String,
}

/// What is wrong with an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceIdOffence {
    /// The OUI is not six hexadecimal digits.
    #[error("an OUI is six hexadecimal digits")]
    Oui,
    /// There is no serial number.
    #[error("there is no serial number")]
    NoSerialNumber,
    /// A field has more than 64 characters.
    #[error("a field has more than 64 characters")]
    TooLong,
}

impl DeviceId {
    /// Checks the bounds of the schema. Nothing is changed: identities are compared exactly. Small letters in an OUI,
    /// which the schema forbids, are let pass.
    ///
    /// # Errors
    /// The first offence.
    pub fn check(&self) -> Result<(), DeviceIdOffence> {
        if self.oui.len() != 6 || !self.oui.bytes().all(|it| it.is_ascii_hexdigit()) {
            return Err(DeviceIdOffence::Oui);
        }
        if self.serial_number.is_empty() {
            return Err(DeviceIdOffence::NoSerialNumber);
        }
        let fields = [&self.manufacturer, &self.product_class, &self.serial_number];
        if fields.iter().any(|it| it.chars().count() > CHARS_MAX) {
            return Err(DeviceIdOffence::TooLong);
        }
        Ok(())
    }
}

/// `DeviceIdStruct` of the schemas: `maxLength` of each field but the OUI.
const CHARS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn device() -> DeviceId {
        DeviceId {
            manufacturer: "Example".into(),
            oui: "00D09E".into(),
            product_class: String::new(),
            serial_number: "1".into(),
        }
    }

    #[test]
    fn an_identity_within_the_schema_passes() {
        assert_eq!(device().check(), Ok(()));
        assert_eq!(DeviceId { serial_number: "é".repeat(64), ..device() }.check(), Ok(()));
    }

    #[test]
    fn an_identity_beyond_the_schema_is_named() {
        let table = [
            (DeviceId { oui: "00D09".into(), ..device() }, DeviceIdOffence::Oui),
            (DeviceId { oui: "00D09G".into(), ..device() }, DeviceIdOffence::Oui),
            (DeviceId { serial_number: String::new(), ..device() }, DeviceIdOffence::NoSerialNumber),
            (DeviceId { product_class: "x".repeat(65), ..device() }, DeviceIdOffence::TooLong),
        ];
        for (id, offence) in table {
            assert_eq!(id.check(), Err(offence));
        }
    }
}
