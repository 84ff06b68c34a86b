use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Reads an input as a script of small numbers and byte strings. At its end everything is zero or empty.
pub(crate) struct Script<'a> {
    rest: &'a [u8],
}

impl<'a> Script<'a> {
    pub(crate) fn new(input: &'a [u8]) -> Self {
        Self { rest: input }
    }

    /// The next step's code; `None` when the script is over.
    pub(crate) fn step(&mut self) -> Option<u8> {
        let (step, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*step)
    }

    pub(crate) fn u8(&mut self) -> u8 {
        self.step().unwrap_or(0)
    }

    pub(crate) fn u16(&mut self) -> u16 {
        u16::from_be_bytes([self.u8(), self.u8()])
    }

    pub(crate) fn u32(&mut self) -> u32 {
        u32::from(self.u16()) << 16 | u32::from(self.u16())
    }

    /// A length in two bytes, then as many bytes as there are of it.
    pub(crate) fn bytes(&mut self) -> &'a [u8] {
        let wanted = usize::from(self.u16());
        let (bytes, rest) = self.rest.split_at(wanted.min(self.rest.len()));
        self.rest = rest;
        bytes
    }

    /// As [`Script::bytes`], up to where it stops being UTF-8.
    pub(crate) fn text(&mut self) -> &'a str {
        let bytes = self.bytes();
        let valid = std::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
        std::str::from_utf8(&bytes[..valid]).unwrap_or_default()
    }

    /// An address in which few bits decide much: public, private, loopback, mapped.
    pub(crate) fn address(&mut self) -> SocketAddr {
        let kind = self.u8();
        let low = self.u8();
        let ip = match kind % 8 {
            0 | 1 => IpAddr::V4(Ipv4Addr::new(8, 8, 8, low)),
            2 => IpAddr::V4(Ipv4Addr::from_bits(self.u32())),
            3 => IpAddr::V4(Ipv4Addr::new(127, 0, 0, low)),
            4 => IpAddr::V6(Ipv6Addr::new(0x2600, 0, 0, 0, 0, 0, 0, low.into())),
            5 => IpAddr::V6(Ipv4Addr::from_bits(self.u32()).to_ipv6_mapped()),
            6 => IpAddr::V6(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, self.u16(), self.u16())),
            _ => crate::turn_client_bytes::RELAY_V4.into(),
        };
        SocketAddr::new(ip, self.u16())
    }
}
