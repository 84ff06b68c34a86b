use std::fmt::Write as _;

use sangam_types::Wall;

use super::Called;

/// By what a device is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum CallKind {
    /// A GET of its ConnectionRequestURL (TR-069 Amendment 6 §3.2.2).
    Http,
    /// Datagrams through its NAT, from the STUN listener (Annex G).
    Udp,
    /// An iq through an XMPP server (Annex K).
    Xmpp,
}

impl CallKind {
    /// One word, for the API and for a counter.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Udp => "udp",
            Self::Xmpp => "xmpp",
        }
    }
}

/// The ways that were tried in one call, in order, and what came of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attempts(Vec<(CallKind, Called)>);

impl Attempts {
    pub(super) fn add(&mut self, kind: CallKind, called: Called) {
        self.0.push((kind, called));
    }

    /// What came of the call as a whole: the best of it, or else why the first that got anywhere did not reach the device.
    pub(super) fn outcome(&self) -> Called {
        let all = || self.0.iter().map(|(_, called)| *called);
        let accepted = all().find(|called| *called == Called::Accepted);
        accepted
            .or_else(|| all().find(|called| called.was_asked()))
            .or_else(|| all().next())
            .unwrap_or(Called::NoAddress)
    }

    /// Whether another way may fare better.
    pub(super) fn is_settled(&self) -> bool {
        matches!(self.0.last(), Some((_, Called::Accepted | Called::Busy | Called::NotNeeded | Called::Failed)))
    }

    /// For people: one sentence.
    pub(super) fn text(&self) -> String {
        match self.0.as_slice() {
            [] => Called::NoAddress.text().to_owned(),
            [(_, called)] => called.text().to_owned(),
            several => {
                let mut text = String::new();
                for (kind, called) in several {
                    // Writing to a text cannot fail.
                    let _: Result<(), _> = write!(text, "by {}: {}; ", kind.label(), called.label().replace('_', " "));
                }
                text + "it is done when the device comes by itself"
            }
        }
    }

    pub(crate) fn all(&self) -> &[(CallKind, Called)] {
        &self.0
    }
}

/// The last call of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LastCall {
    pub(crate) at: Wall,
    pub(crate) outcome: Called,
    pub(crate) attempts: Attempts,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempts(all: &[(CallKind, Called)]) -> Attempts {
        Attempts(all.to_vec())
    }

    #[test]
    fn what_got_furthest_is_what_came_of_a_call() {
        use CallKind::{Http, Udp, Xmpp};
        for (all, expected) in [
            (&[(Http, Called::NotAllowed)][..], Called::NotAllowed),
            (&[(Http, Called::NotAllowed), (Udp, Called::Timeout)], Called::Timeout),
            (&[(Http, Called::NotAllowed), (Udp, Called::NoSocket)], Called::NotAllowed),
            (&[(Http, Called::Unreachable), (Udp, Called::Timeout), (Xmpp, Called::Accepted)], Called::Accepted),
            (&[], Called::NoAddress),
        ] {
            assert_eq!(attempts(all).outcome(), expected, "{all:?}");
        }
    }

    #[test]
    fn the_reason_of_each_way_is_told() {
        let all = attempts(&[(CallKind::Http, Called::NotAllowed), (CallKind::Udp, Called::NoSocket)]);
        assert_eq!(all.text(), "by http: not allowed; by udp: no socket; it is done when the device comes by itself");
        assert!(!all.is_settled() && attempts(&[(CallKind::Http, Called::Busy)]).is_settled());
    }
}
