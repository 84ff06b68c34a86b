use std::net::IpAddr;
use std::time::Duration;

use sangam_testkit::network::SiteKind;

use super::Help;
use super::peer_program::Ending;

/// How a call between two peers went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairOutcome {
    /// Whether each side had a word of its own back.
    pub connected: bool,
    /// Whether the packets of neither side pass the relay in the end.
    pub direct: bool,
    /// From the caller's offer to its open channel.
    pub connect_time: Option<Duration>,
    /// The caller's candidates in use in the end, as `local/remote`.
    pub pair: Option<String>,
    /// The same when the channel opened.
    pub pair_at_first: Option<String>,
    /// Why there is no connection.
    pub failure: Option<String>,
}

impl PairOutcome {
    /// `relays`: the addresses that relayed candidates have.
    pub(super) fn of(caller: Ending, called: Ending, relays: &[IpAddr]) -> Self {
        match (caller, called) {
            (Ending::Connected { open, first, last }, Ending::Connected { last: others, .. }) => Self {
                connected: true,
                direct: !last.is_relayed(relays) && !others.is_relayed(relays),
                connect_time: Some(open),
                pair: Some(format!("{}/{}", last.local, last.remote)),
                pair_at_first: Some(format!("{}/{}", first.local, first.remote)),
                failure: None,
            },
            (Ending::Failed { why }, _) => Self::failed(format!("the caller: {why}")),
            (_, Ending::Failed { why }) => Self::failed(format!("the called: {why}")),
        }
    }

    fn failed(why: String) -> Self {
        let failure = Some(why);
        Self { connected: false, direct: false, connect_time: None, pair: None, pair_at_first: None, failure }
    }

    /// Whether it went as it must between sites of these kinds: connected whenever there is a way, and past the relay
    /// whenever there is one.
    #[must_use]
    pub fn is_as_expected(&self, kinds: [SiteKind; 2], help: Help) -> bool {
        let is_direct_possible = kinds[0].is_direct_possible(kinds[1]);
        let must_connect = is_direct_possible || help == Help::Relay;
        (self.connected, self.direct) == (must_connect, is_direct_possible)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::super::peer_program::UsedPair;
    use super::*;

    const RELAY: IpAddr = IpAddr::V4(Ipv4Addr::new(20, 0, 0, 1));
    const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(20, 1, 2, 1));

    fn connected(local: &str, remote: &str, to: IpAddr) -> Ending {
        let pair = |local: &str| UsedPair { local: local.into(), remote: remote.into(), to: Some(to) };
        Ending::Connected { open: Duration::from_millis(7), first: pair("relay"), last: pair(local) }
    }

    fn of(caller: Ending, called: Ending) -> PairOutcome {
        PairOutcome::of(caller, called, &[RELAY])
    }

    #[test]
    fn a_call_is_direct_only_if_neither_side_uses_the_relay() {
        let direct = || connected("host", "prflx", OTHER);
        let outcome = of(direct(), direct());
        assert!(outcome.connected && outcome.direct);
        assert_eq!(
            (outcome.pair.as_deref(), outcome.pair_at_first.as_deref()),
            (Some("host/prflx"), Some("relay/prflx"))
        );
        for relayed in [("relay", "srflx", OTHER), ("srflx", "relay", RELAY), ("host", "prflx", RELAY)] {
            let relayed = || connected(relayed.0, relayed.1, relayed.2);
            for outcome in [of(relayed(), direct()), of(direct(), relayed())] {
                assert!(outcome.connected && !outcome.direct, "{outcome:?}");
            }
        }
        let failed = of(direct(), Ending::Failed { why: "gone".into() });
        assert!(!failed.connected && !failed.direct && failed.failure.unwrap().contains("gone"));
    }

    #[test]
    fn a_call_is_expected_to_use_the_relay_only_where_nothing_else_helps() {
        let direct = of(connected("host", "host", OTHER), connected("host", "host", OTHER));
        let relayed = of(connected("relay", "host", OTHER), connected("host", "relay", RELAY));
        let failed = PairOutcome::failed(String::new());
        let (easy, hard) = ([SiteKind::Public, SiteKind::Symmetric], [SiteKind::Symmetric; 2]);
        for help in [Help::Relay, Help::StunOnly] {
            assert!(direct.is_as_expected(easy, help) && !direct.is_as_expected(hard, help));
            assert!(!relayed.is_as_expected(easy, help) && !failed.is_as_expected(easy, help));
        }
        assert!(relayed.is_as_expected(hard, Help::Relay) && !relayed.is_as_expected(hard, Help::StunOnly));
        assert!(failed.is_as_expected(hard, Help::StunOnly) && !failed.is_as_expected(hard, Help::Relay));
    }
}
