use std::net::Ipv4Addr;

/// How a NAT maps and filters (RFC 4787 sections 4 and 5), by the rules of nftables that make it do so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nat {
    /// Mapping and filtering endpoint-independent: what comes to a port of the public address reaches this host, whoever
    /// sends it.
    FullCone(Ipv4Addr),
    /// Mapping endpoint-independent, filtering by address: this host hears every port of an address it sent to.
    AddressRestricted(Ipv4Addr),
    /// Mapping endpoint-independent, filtering by address and port: most homes.
    PortRestricted,
    /// Mapping and filtering by address and port: offices, some carriers. A hole cannot be punched from here to another
    /// such one, nor to a port-restricted one.
    Symmetric,
    /// The public address stands for this one host whole, both ways, as a cloud's floating address does.
    OneToOne(Ipv4Addr),
}

/// What a gateway lets out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Firewall {
    /// Everything.
    Open,
    /// TCP to these ports alone, without a word about the rest.
    Tcp(&'static [u16]),
}

impl Nat {
    /// The rules in force on the NAT itself.
    pub(super) fn rules(&self, uplink: &str, firewall: Firewall) -> String {
        let (note, inward, outward) = match self {
            Self::FullCone(host) => {
                ("", format!("meta l4proto {{ tcp, udp }} th dport 1024-65535 dnat to {host}"), "masquerade")
            }
            Self::AddressRestricted(host) => {
                // A mapping keeps the port of its one client.
                let known = format!("meta l4proto udp ip saddr . udp dport @seen dnat to {host}");
                ("update @seen { ip daddr . udp sport }", known, "masquerade")
            }
            Self::PortRestricted => ("", String::new(), "masquerade"),
            Self::Symmetric => ("", String::new(), "masquerade random,fully-random"),
            Self::OneToOne(host) => ("", format!("dnat to {host}"), "masquerade"),
        };
        let note =
            if note.is_empty() { String::new() } else { format!("oifname \"{uplink}\" meta l4proto udp {note}") };
        let through = firewall.rules(uplink);
        // What nobody asked for is dropped, not refused: a refusal would leave an entry in the table of connections, and
        // the next mapping would get another port.
        format!(
            "table ip nat {{
                set seen {{ type ipv4_addr . inet_service; flags dynamic,timeout; timeout 2m; }}
                chain noting {{ type filter hook postrouting priority mangle; {note}; }}
                chain inward {{ type nat hook prerouting priority dstnat; iifname != \"{uplink}\" accept; {inward}; }}
                chain outward {{ type nat hook postrouting priority srcnat; oifname \"{uplink}\" {outward}; }}
            }}
            table ip filter {{
                chain input {{
                    type filter hook input priority filter; policy drop;
                    ct state established,related accept
                    iifname != \"{uplink}\" accept
                }}
                chain forward {{ type filter hook forward priority filter; {through}; }}
            }}"
        )
    }
}

impl Firewall {
    fn rules(self, uplink: &str) -> String {
        match self {
            Self::Open => String::new(),
            Self::Tcp(ports) => {
                let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
                format!(
                    "oifname \"{uplink}\" tcp dport != {{ {} }} drop; oifname \"{uplink}\" meta l4proto != tcp drop",
                    ports.join(", ")
                )
            }
        }
    }
}
