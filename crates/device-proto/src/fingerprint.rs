use crate::ValueKind;

/// What tells one list of parameters from another, the same in every version of the program: FNV-1a of 64 bits. A device can
/// only ever deceive itself with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub u64);

/// Makes a [`Fingerprint`] of parameters in their order.
#[derive(Clone, Debug)]
pub struct Fingerprinter(u64);

impl Default for Fingerprinter {
    fn default() -> Self {
        Self(0xCBF2_9CE4_8422_2325)
    }
}

impl Fingerprinter {
    /// Adds one parameter.
    pub fn add(&mut self, path: &str, kind: ValueKind, value: &str) {
        self.bytes(path.as_bytes());
        // No UTF-8 has this byte: what is before and behind it cannot be shifted.
        self.bytes(&[0xFF, kind.code()]);
        self.bytes(value.as_bytes());
        self.bytes(&[0xFF]);
    }

    /// Of what was added; never zero, which stands for none.
    #[must_use]
    pub fn finish(&self) -> Fingerprint {
        Fingerprint(self.0.max(1))
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(list: &[(&str, &str)]) -> Fingerprint {
        let mut fingerprinter = Fingerprinter::default();
        for (path, value) in list {
            fingerprinter.add(path, ValueKind::String, value);
        }
        fingerprinter.finish()
    }

    #[test]
    fn another_value_name_order_or_boundary_shows() {
        let one = of(&[("a", "1"), ("b", "2")]);
        assert_eq!(one, of(&[("a", "1"), ("b", "2")]));
        for other in
            [&[("a", "1"), ("b", "3")][..], &[("b", "2"), ("a", "1")], &[("a1", ""), ("b", "2")], &[("a", "1")]]
        {
            assert_ne!(one, of(other), "{other:?}");
        }
    }

    #[test]
    fn the_fingerprint_of_a_list_stays_what_it_is_since_it_is_stored() {
        assert_eq!(of(&[("Device.DeviceInfo.SoftwareVersion", "1.2")]), Fingerprint(2_463_946_003_576_731_700));
    }
}
