use std::fmt;
use std::str::FromStr;

use super::{IdentityError, percent};
use crate::text::bounded_text;

/// The manufacturer's Organizationally Unique Identifier: 24 bits, written as six hexadecimal digits in capitals
/// (TR-069 Table 36). Small letters are the same number and are taken as capitals.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oui([u8; 6]);

impl Oui {
    /// Six digits, in capitals.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Hexadecimal digits alone are in it.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for Oui {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, IdentityError> {
        let digits: [u8; 6] = text.as_bytes().try_into().map_err(|_| IdentityError::Oui)?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(IdentityError::Oui);
        }
        Ok(Self(digits.map(|digit| digit.to_ascii_uppercase())))
    }
}

impl fmt::Display for Oui {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Oui {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Oui({})", self.as_str())
    }
}

bounded_text!(
    /// The class of product within a manufacturer's OUI, compared exactly; may be empty (TR-069 Table 36: `string(64)`).
    ProductClass,
    0,
    64
);

bounded_text!(
    /// The serial number within a product class, compared exactly (TR-069 Table 36: `string(64)`).
    SerialNumber,
    1,
    64
);

/// Which device: unique as a whole, none of its parts alone.
///
/// Written `OUI-ProductClass-SerialNumber`; in the last two everything but ASCII letters, digits and `_` is percent-encoded, so
/// that a `-` in them is `%2D` and the text has one meaning. An empty product class leaves two `-` side by side.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceKey {
    /// Whose.
    pub oui: Oui,
    /// Of which kind.
    pub product_class: ProductClass,
    /// Which one.
    pub serial: SerialNumber,
}

impl DeviceKey {
    /// From what a device says of itself.
    ///
    /// # Errors
    ///
    /// A part is out of its bounds.
    pub fn new(oui: &str, product_class: &str, serial: &str) -> Result<Self, IdentityError> {
        Ok(Self {
            oui: oui.parse()?,
            product_class: ProductClass::new(product_class).map_err(IdentityError::ProductClass)?,
            serial: SerialNumber::new(serial).map_err(IdentityError::SerialNumber)?,
        })
    }
}

impl fmt::Display for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(8 + self.product_class.len() + self.serial.len());
        text.push_str(self.oui.as_str());
        text.push('-');
        percent::encode(&self.product_class, &mut text);
        text.push('-');
        percent::encode(&self.serial, &mut text);
        f.write_str(&text)
    }
}

impl FromStr for DeviceKey {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, IdentityError> {
        let mut parts = text.split('-');
        let (Some(oui), Some(class), Some(serial), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(IdentityError::Form);
        };
        let class = percent::decode(class).ok_or(IdentityError::Form)?;
        let serial = percent::decode(serial).ok_or(IdentityError::Form)?;
        Self::new(oui, &class, &serial)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_key_is_written_so_that_a_dash_in_it_parts_nothing() {
        let table = [
            (("00D09E", "IGD", "1234"), "00D09E-IGD-1234"),
            (("00d09e", "", "a-b"), "00D09E--a%2Db"),
            (("FFFFFF", "Home Box-7", "ä/1"), "FFFFFF-Home%20Box%2D7-%C3%A4%2F1"),
            (("000000", "%2D", "_"), "000000-%252D-_"),
        ];
        for ((oui, class, serial), text) in table {
            let key = DeviceKey::new(oui, class, serial).unwrap();
            assert_eq!(key.to_string(), text);
            assert_eq!(text.parse(), Ok(key));
        }
    }

    #[test]
    fn what_is_out_of_bounds_is_no_identity() {
        let long = "x".repeat(65);
        for (oui, class, serial) in
            [("00D09", "", "1"), ("00D09G", "", "1"), ("", "", "1"), ("00D09E", "", ""), ("00D09E", &long, "1")]
        {
            assert!(DeviceKey::new(oui, class, serial).is_err(), "{oui} {class} {serial}");
        }
        assert!(DeviceKey::new("00D09E", &"ä".repeat(64), &"x".repeat(64)).is_ok());
        for text in ["", "00D09E", "00D09E-1", "00D09E-a-b-c", "00D09E-%2-b", "00D09E-%FF-b", "00D09E-a-"] {
            assert!(text.parse::<DeviceKey>().is_err(), "{text}");
        }
    }

    #[test]
    fn case_counts_in_class_and_serial() {
        let key = |class, serial| DeviceKey::new("00D09E", class, serial).unwrap();
        assert_ne!(key("igd", "1a"), key("IGD", "1a"));
        assert_ne!(key("igd", "1a"), key("igd", "1A"));
    }

    proptest! {
        #[test]
        fn reading_what_was_written_gives_the_same_key(
            oui in "[0-9A-Fa-f]{6}", class in "\\PC{0,64}", serial in "\\PC{1,64}",
        ) {
            if let Ok(key) = DeviceKey::new(&oui, &class, &serial) {
                prop_assert_eq!(key.to_string().parse(), Ok(key));
            }
        }

        #[test]
        fn two_keys_are_never_written_alike(
            a in ("[-%a]{0,4}", "[-%a]{1,4}"), b in ("[-%a]{0,4}", "[-%a]{1,4}"),
        ) {
            let key = |(class, serial): &(String, String)| DeviceKey::new("00D09E", class, serial).unwrap();
            prop_assert_eq!(key(&a) == key(&b), key(&a).to_string() == key(&b).to_string());
        }
    }
}
