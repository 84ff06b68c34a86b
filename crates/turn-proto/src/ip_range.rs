use std::net::IpAddr;
use std::str::FromStr;

use thiserror::Error;

/// A run of addresses of one family, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IpRange {
    first: IpAddr,
    last: IpAddr,
}

/// Why a text is no [`IpRange`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IpRangeError {
    /// Not an address where one should be.
    #[error("'{text}' is not an IP address")]
    NotAnAddress {
        /// The part in question.
        text: String,
    },
    /// The prefix length is no number or too long.
    #[error("'{text}' is not a prefix length between 0 and {max}")]
    PrefixLength {
        /// The part in question.
        text: String,
        /// 32 or 128.
        max: u8,
    },
    /// The ends are of two families, or the last comes before the first.
    #[error("{first}-{last} is not a range: both ends need one family and the lower address first")]
    Order {
        /// As written.
        first: IpAddr,
        /// As written.
        last: IpAddr,
    },
}

impl IpRange {
    /// From `first` to `last`.
    ///
    /// # Errors
    /// [`IpRangeError::Order`] unless both are of one family and in order.
    pub fn new(first: IpAddr, last: IpAddr) -> Result<Self, IpRangeError> {
        if first.is_ipv4() != last.is_ipv4() || first > last {
            return Err(IpRangeError::Order { first, last });
        }
        Ok(Self { first, last })
    }

    /// The one address.
    #[must_use]
    pub const fn single(address: IpAddr) -> Self {
        Self { first: address, last: address }
    }

    /// All addresses that share the first `length` bits of `address`; lengths beyond the family's mean all its bits.
    #[must_use]
    pub fn prefix(address: IpAddr, length: u8) -> Self {
        match address {
            IpAddr::V4(v4) => {
                let host = u32::MAX.checked_shr(u32::from(length)).unwrap_or(0);
                let bits = v4.to_bits();
                Self { first: IpAddr::V4((bits & !host).into()), last: IpAddr::V4((bits | host).into()) }
            }
            IpAddr::V6(v6) => {
                let host = u128::MAX.checked_shr(u32::from(length)).unwrap_or(0);
                let bits = v6.to_bits();
                Self { first: IpAddr::V6((bits & !host).into()), last: IpAddr::V6((bits | host).into()) }
            }
        }
    }

    /// Whether the address lies in it. Families are never mixed.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        // `IpAddr` orders every v4 address before every v6 one.
        self.first <= address && address <= self.last
    }

    /// Whether it is this address and no other.
    #[must_use]
    pub fn is_exactly(&self, address: IpAddr) -> bool {
        self.first == address && self.last == address
    }
}

/// `a`, `a/prefix` or `a-b`, as turnserver.conf writes ranges.
impl FromStr for IpRange {
    type Err = IpRangeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some((first, last)) = text.split_once('-') {
            return Self::new(parse_address(first)?, parse_address(last)?);
        }
        let Some((address, length)) = text.split_once('/') else {
            return parse_address(text).map(Self::single);
        };
        let address = parse_address(address)?;
        let max = if address.is_ipv4() { 32 } else { 128 };
        match length.trim().parse::<u8>() {
            Ok(length) if length <= max => Ok(Self::prefix(address, length)),
            _ => Err(IpRangeError::PrefixLength { text: length.trim().to_owned(), max }),
        }
    }
}

fn parse_address(text: &str) -> Result<IpAddr, IpRangeError> {
    let text = text.trim();
    text.parse().map_err(|_| IpRangeError::NotAnAddress { text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> IpRange {
        text.parse().unwrap()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_prefix_holds_its_ends_and_not_its_neighbours() {
        for (text, inside, outside) in [
            ("10.0.0.0/8", ["10.0.0.0", "10.255.255.255"], ["9.255.255.255", "11.0.0.0"]),
            ("192.0.2.7/32", ["192.0.2.7", "192.0.2.7"], ["192.0.2.6", "192.0.2.8"]),
            ("0.0.0.0/0", ["0.0.0.0", "255.255.255.255"], ["::", "::1"]),
            ("fc00::/7", ["fc00::", "fdff:ffff::1"], ["fbff::", "fe00::"]),
            ("10.0.0.1-10.0.0.9", ["10.0.0.1", "10.0.0.9"], ["10.0.0.0", "10.0.0.10"]),
        ] {
            for address in inside {
                assert!(range(text).contains(ip(address)), "{text} {address}");
            }
            for address in outside {
                assert!(!range(text).contains(ip(address)), "{text} {address}");
            }
        }
    }

    #[test]
    fn a_text_that_is_no_range_says_which_part_is_wrong() {
        for (text, message) in [
            ("ten", "'ten' is not an IP address"),
            ("10.0.0.0/33", "'33' is not a prefix length between 0 and 32"),
            ("::/129", "'129' is not a prefix length between 0 and 128"),
            (
                "10.0.0.9-10.0.0.1",
                "10.0.0.9-10.0.0.1 is not a range: both ends need one family and the lower address first",
            ),
            ("10.0.0.9-::1", "10.0.0.9-::1 is not a range: both ends need one family and the lower address first"),
        ] {
            assert_eq!(text.parse::<IpRange>().unwrap_err().to_string(), message);
        }
    }
}
