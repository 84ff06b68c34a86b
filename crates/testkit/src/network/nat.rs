use std::net::Ipv4Addr;

/// How a NAT maps and filters (RFC 4787), by the rules of nftables that make it do so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nat {
    /// Mapping endpoint-independent, filtering by address and port: most homes.
    PortRestricted,
    /// Mapping and filtering by address and port: offices, some carriers. A hole cannot be punched from here to another
    /// such one, nor to a port-restricted one.
    Symmetric,
    /// The public address stands for this one host whole, both ways, as a cloud's floating address does.
    OneToOne(Ipv4Addr),
}

impl Nat {
    /// The rules in force on the NAT itself.
    pub(super) fn rules(&self, uplink: &str, public: Ipv4Addr) -> String {
        let (inward, outward) = match self {
            Self::PortRestricted => (String::new(), "masquerade".to_owned()),
            Self::Symmetric => (String::new(), "masquerade random,fully-random".to_owned()),
            Self::OneToOne(host) => (format!("ip daddr {public} dnat to {host}"), format!("snat to {public}")),
        };
        // What nobody asked for is dropped, not refused: a refusal would leave an entry in the table of connections, and
        // the next mapping would get another port.
        format!(
            "table ip nat {{
                chain inward {{ type nat hook prerouting priority dstnat; iifname != \"{uplink}\" accept; {inward}; }}
                chain outward {{ type nat hook postrouting priority srcnat; oifname \"{uplink}\" {outward}; }}
            }}
            table ip filter {{
                chain input {{
                    type filter hook input priority filter; policy drop;
                    ct state established,related accept
                    iifname != \"{uplink}\" accept
                }}
            }}"
        )
    }
}
