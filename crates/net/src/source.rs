use std::net::{IpAddr, Ipv4Addr};

/// Whose connections are counted together: one IPv4 address, or one IPv6 /64, the least a customer is given
/// (RFC 6177 §2), so that an IPv6 host cannot be as many clients as it likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    V4(Ipv4Addr),
    V6Network([u16; 4]),
}

impl Source {
    pub(crate) fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => Self::V4(ip),
            IpAddr::V6(ip) => {
                let [a, b, c, d, ..] = ip.segments();
                Self::V6Network([a, b, c, d])
            }
        }
    }
}
