//! What clients, peers, operators and time do to a server, and what is seen of it.

use std::net::SocketAddr;

use proptest::collection::vec;
use proptest::prelude::*;
use sangam_turn_proto::{DropReason, Route};

use super::{CLIENTS, NUMBERS, USERS};

/// Where it names a user: this one, or else the one that has most to say there.
#[derive(Clone, Debug)]
pub(super) enum Op {
    Allocate {
        client: usize,
        user: Option<usize>,
        lifetime: Option<u32>,
        port: Port,
        is_mobile: bool,
    },
    Refresh {
        client: usize,
        user: Option<usize>,
        lifetime: Option<u32>,
        family: Option<usize>,
    },
    /// A Refresh with a ticket: the last that was given to anybody, or one so many before.
    Move {
        client: usize,
        user: Option<usize>,
        lifetime: Option<u32>,
        family: Option<usize>,
        ticket: usize,
    },
    /// The last Refresh of this client, with a ticket or without, byte by byte.
    Again {
        client: usize,
    },
    Permit {
        client: usize,
        user: Option<usize>,
        peers: Vec<Who>,
    },
    Bind {
        client: usize,
        user: Option<usize>,
        number: usize,
        peer: Who,
    },
    Send {
        client: usize,
        to: Who,
    },
    ChannelData {
        client: usize,
        number: usize,
    },
    FromPeer {
        client: usize,
        from: Who,
    },
    /// The connection is lost.
    Close {
        client: usize,
    },
    /// By an operator.
    Kick {
        client: usize,
    },
    /// Seconds; whether the driver keeps the deadline.
    Pass(u64, bool),
}

/// What an Allocate request says about the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Port {
    Any,
    Even,
    /// An even one with the next reserved.
    Pair,
    /// The one reserved last, by whomever.
    Reserved,
    /// Any, and one of IPv6 besides.
    Both,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Who {
    Outside(&'static str),
    /// The relayed address of this family that this client was given last.
    Own(usize, usize),
}

/// What a client, a driver or an operator sees of one operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Success,
    Lifetime(u32),
    Error(u16),
    Forward(SocketAddr, Route),
    /// To this client, on this channel, or as a Data indication.
    Delivered(usize, Option<u16>),
    Dropped(DropReason),
    /// So many sessions.
    Ended(usize),
}

fn who() -> impl Strategy<Value = Who> {
    prop_oneof![
        6 => prop::sample::select(vec!["8.8.8.8:1", "8.8.8.8:2", "8.8.4.4:1", "1.1.1.1:1"]).prop_map(Who::Outside),
        1 => prop::sample::select(vec!["10.0.0.1:1", "[2600::9]:1"]).prop_map(Who::Outside),
        1 => Just(Who::Outside("[2600::8]:1")),
        3 => (0..CLIENTS, 0..2_usize).prop_map(|(client, family)| Who::Own(client, family)),
    ]
}

/// What clients ask for, and from where.
fn request() -> impl Strategy<Value = Op> {
    let user = prop_oneof![8 => Just(None), 1 => (0..USERS.len()).prop_map(Some)];
    let by = (0..CLIENTS, user);
    let lifetime = prop::option::of(prop::sample::select(vec![0, 1, 600, 900, 3_600, 9_999]));
    let port = prop_oneof![2 => Just(Port::Any), 1 => Just(Port::Even), 2 => Just(Port::Pair), 2 => Just(Port::Reserved), 4 => Just(Port::Both)];
    let family = prop_oneof![4 => Just(None), 1 => Just(Some(0)), 1 => Just(Some(1))];
    let ticket = prop::sample::select(vec![0, 0, 0, 1, 1, 2, 9]);
    prop_oneof![
        4 => (by.clone(), lifetime.clone(), port, prop::bool::weighted(0.8)).prop_map(
            |((client, user), lifetime, port, is_mobile)| Op::Allocate { client, user, lifetime, port, is_mobile }
        ),
        3 => (by.clone(), lifetime.clone(), family.clone())
            .prop_map(|((client, user), lifetime, family)| Op::Refresh { client, user, lifetime, family }),
        8 => (by.clone(), lifetime, family, ticket).prop_map(
            |((client, user), lifetime, family, ticket)| Op::Move { client, user, lifetime, family, ticket }
        ),
        2 => (0..CLIENTS).prop_map(|client| Op::Again { client }),
        4 => (by.clone(), vec(who(), 1..4)).prop_map(|((client, user), peers)| Op::Permit { client, user, peers }),
        4 => (by, 0..NUMBERS.len(), who())
            .prop_map(|((client, user), number, peer)| Op::Bind { client, user, number, peer }),
    ]
}

pub(super) fn op() -> impl Strategy<Value = Op> {
    let client = 0..CLIENTS;
    let pass = prop::sample::select(vec![1_u64, 29, 30, 39, 40, 60, 299, 300, 301, 599, 600, 900]);
    prop_oneof![
        44 => request(),
        6 => (client.clone(), who()).prop_map(|(client, to)| Op::Send { client, to }),
        6 => (client.clone(), 0..NUMBERS.len()).prop_map(|(client, number)| Op::ChannelData { client, number }),
        8 => (client.clone(), who()).prop_map(|(client, from)| Op::FromPeer { client, from }),
        1 => client.clone().prop_map(|client| Op::Close { client }),
        1 => client.prop_map(|client| Op::Kick { client }),
        6 => (pass, any::<bool>()).prop_map(|(secs, keeps)| Op::Pass(secs, keeps)),
    ]
}
