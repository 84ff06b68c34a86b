use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use sangam_turn_proto::{FiveTuple, IpRange};

/// What the sessions of health checks over UDP speak from.
const LOOPBACK: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// The networks whose clients may use the relay; all if none is named.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClientNetworks(Vec<IpRange>);

impl ClientNetworks {
    pub(crate) fn new(networks: Vec<IpRange>) -> Self {
        Self(networks)
    }

    /// Whether this client may. This machine itself always may: health checks come from the address that they ask, or
    /// from [`LOOPBACK`] to any of this machine's.
    pub(crate) fn admit(&self, from: &FiveTuple) -> bool {
        if self.0.is_empty() {
            return true;
        }
        let (client, server) = (from.client.0.ip().to_canonical(), from.server.ip().to_canonical());
        client == server || LOOPBACK.contains(&client) || self.0.iter().any(|network| network.contains(client))
    }
}

#[cfg(test)]
mod tests {
    use sangam_turn_proto::{ClientAddr, Transport};

    use super::*;

    #[test]
    fn only_clients_of_a_network_named_and_this_machine_may() {
        let admits = |networks: &[&str], client: &str| {
            let from = FiveTuple {
                client: ClientAddr(format!("{client}:5000").parse().unwrap()),
                server: "192.0.2.1:3478".parse().unwrap(),
                transport: Transport::Udp,
            };
            ClientNetworks::new(networks.iter().map(|text| text.parse().unwrap()).collect()).admit(&from)
        };
        assert!(admits(&[], "203.0.113.9"));
        let networks = ["10.0.0.0/8", "2001:db8::/32"];
        assert!(admits(&networks, "10.9.9.9") && admits(&networks, "[2001:db8::1]") && admits(&networks, "192.0.2.1"));
        assert!(admits(&networks, "[::ffff:10.0.0.1]"));
        assert!(admits(&networks, "127.0.0.1") && admits(&networks, "[::1]"), "health checks come from there");
        assert!(!admits(&networks, "127.0.0.2"));
        assert!(!admits(&networks, "11.0.0.1") && !admits(&networks, "[2001:db9::1]"));
    }
}
