//! Operations done to the server.

use sangam_turn_proto::{
    Attribute, EndCause, ErrorCode, FiveTuple, FromClient, FromPeer, Input, Method, RelayedAddr, ReservationToken,
};

use super::naive::{Model, family_of, is_own};
use super::operation::{Op, Port, Verdict};
use super::{NUMBERS, USERS};
use crate::fixture::{Client, House, Reply, UDP, delivered, secs};

type Clients = [[Client; USERS.len()]];

/// Does to the server what `op` says, and reads the verdict off its outputs.
pub(super) fn perform(house: &mut House, clients: &Clients, model: &mut Model, op: &Op, user: usize) -> Verdict {
    match op {
        Op::Allocate { client, lifetime, port, is_mobile, .. } => {
            let port = port_wish(model, *port);
            let asks = is_mobile.then_some(Attribute::MobilityTicket(&[]));
            let attributes = [Some(UDP), lifetime.map(Attribute::Lifetime), port, asks];
            let reply =
                house.ask(&clients[*client][user], Method::ALLOCATE, &Vec::from_iter(attributes.into_iter().flatten()));
            if reply.code().is_none() {
                note_allocation(model, *client, &reply);
            }
            lifetime_of(&reply)
        }
        Op::Refresh { client, lifetime, family, .. } | Op::Move { client, lifetime, family, .. } => {
            let family = family.map(|family| Attribute::RequestedAddressFamily(1 + family as u8));
            let attributes = [lifetime.map(Attribute::Lifetime), family];
            refresh(house, &clients[*client][user], model, *client, attributes)
        }
        Op::Again { client } => {
            let Some(bytes) = model.sent[*client].clone() else { return Verdict::Success };
            refreshed(house, &clients[*client][0], model, *client, &bytes)
        }
        Op::Permit { client, peers, .. } => {
            let peers: Vec<_> = peers.iter().map(|&who| model.address(who)).collect();
            outcome(house.permit(&clients[*client][user], &peers))
        }
        Op::Bind { client, number, peer, .. } => {
            outcome(house.bind(&clients[*client][user], NUMBERS[*number], model.address(*peer)))
        }
        Op::Send { client, to } => verdict_of(house.send(&clients[*client][0], model.address(*to), b"data")),
        Op::ChannelData { client, number } => {
            verdict_of(house.channel_data(&clients[*client][0], NUMBERS[*number], b"data"))
        }
        Op::FromPeer { client, from } => {
            let from = model.address(*from);
            let Some(to) = model.relayed[*client][family_of(from.ip())] else { return model.deliver(*client, from) };
            let verdict = if is_own(from) {
                house.server.relay_from_own(house.now, RelayedAddr(to), RelayedAddr(from), 4)
            } else {
                house.datagram(to, from, b"data")
            };
            delivery_of(verdict, clients)
        }
        Op::Close { client } => {
            house.input(Input::ConnectionClosed(clients[*client][0].five_tuple));
            Verdict::Success
        }
        Op::Kick { client } => {
            let its = clients[*client][0].five_tuple;
            let everywhere = 0..house.server.session_places();
            let is_its = |session: &sangam_turn_proto::Session<'_>| session.five_tuple == its;
            Verdict::Ended(house.server.end_sessions(house.now, EndCause::Kicked, everywhere, is_its))
        }
        Op::Pass(time, keeps_deadline) => {
            house.now = house.now + secs(*time);
            if *keeps_deadline {
                house.pass(secs(0));
            }
            Verdict::Success
        }
    }
}

fn port_wish(model: &Model, port: Port) -> Option<Attribute<'static>> {
    match port {
        Port::Any => None,
        Port::Even => Some(Attribute::EvenPort { reserve: false }),
        Port::Pair => Some(Attribute::EvenPort { reserve: true }),
        Port::Both => Some(Attribute::AdditionalAddressFamily(2)),
        Port::Reserved => Some(Attribute::ReservationToken(model.token.unwrap_or(ReservationToken([0; 8])))),
    }
}

/// What only the server can choose.
fn note_allocation(model: &mut Model, client: usize, reply: &Reply) {
    model.token = reply.token().or(model.token);
    let whose = model.allocations.len() - 1;
    for relayed in reply.all_relayed() {
        let family = family_of(relayed.ip());
        model.relayed[client][family] = Some(relayed);
        model.allocations[whose].relayed[family] = Some(relayed);
    }
    assert_eq!(reply.ticket().is_some(), model.allocations[whose].is_mobile);
    model.tickets.extend(reply.ticket().map(|sealed| (sealed, whose, 0)));
}

fn refresh(
    house: &mut House,
    from: &Client,
    model: &mut Model,
    client: usize,
    attributes: [Option<Attribute<'_>>; 2],
) -> Verdict {
    let ticket = model.shown(client);
    let ticket = ticket.as_deref().map(Attribute::MobilityTicket);
    let attributes: Vec<_> = attributes.into_iter().flatten().chain(ticket).collect();
    let bytes = from.request(house.transaction(), Method::REFRESH, &attributes);
    model.sent[client] = Some(bytes.clone());
    refreshed(house, from, model, client, &bytes)
}

/// Sends a Refresh, and compares the ticket in its answer.
fn refreshed(house: &mut House, from: &Client, model: &mut Model, client: usize, bytes: &[u8]) -> Verdict {
    let reply = house.raw(from.five_tuple, bytes).expect("a response");
    if reply.code().is_none() {
        let due = model.due_ticket.take();
        assert_eq!(reply.ticket().is_some(), due.is_some(), "a ticket to who moved, client {client}");
        if let Some((fresh, (whose, number))) = reply.ticket().zip(due) {
            match model.tickets.iter().find(|(_, held, at)| (*held, *at) == (whose, number)) {
                Some((known, ..)) => assert_eq!(*known, fresh, "the same answer again"),
                None => model.tickets.push((fresh, whose, number)),
            }
        }
    }
    lifetime_of(&reply)
}

fn lifetime_of(reply: &Reply) -> Verdict {
    reply.code().map_or_else(|| Verdict::Lifetime(reply.lifetime_secs()), |code| Verdict::Error(code.number()))
}

fn outcome(code: Option<ErrorCode>) -> Verdict {
    code.map_or(Verdict::Success, |code| Verdict::Error(code.number()))
}

fn verdict_of(verdict: FromClient) -> Verdict {
    match verdict {
        FromClient::Forward(forward) => Verdict::Forward(forward.peer.0, forward.route),
        FromClient::Dropped(reason) => Verdict::Dropped(reason),
        FromClient::Control => panic!("data is no control message"),
    }
}

fn delivery_of(verdict: FromPeer, clients: &Clients) -> Verdict {
    if let FromPeer::Dropped(reason) = verdict {
        return Verdict::Dropped(reason);
    }
    let (to, bytes) = delivered(verdict, b"data");
    let number = u16::from_be_bytes([bytes[0], bytes[1]]);
    Verdict::Delivered(client_at(clients, &to), (number >= 0x4000).then_some(number))
}

pub(super) fn client_at(clients: &Clients, path: &FiveTuple) -> usize {
    clients.iter().position(|client| client[0].five_tuple == *path).expect("a path of a client")
}
