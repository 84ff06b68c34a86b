//! The packet path: no allocation, no clock, one look-up by hash at most.

use std::net::SocketAddr;

use sangam_types::Mono;

use super::TurnServer;
use crate::address::{FiveTuple, PeerAddr, RelayedAddr, Transport};
use crate::allocation::Allocation;
use crate::api::{AllocationKey, DropReason, Forward, FromPeer, PeerHeader, Route};
use crate::attribute::{AttributeType, encode_address};
use crate::bandwidth::Direction;
use crate::channel_data::ChannelData;
use crate::five_tuple_key::{FiveTupleKey, RelayedKey};
use crate::indication_ids::IndicationIds;
use crate::message::{Class, HEADER_LEN, MAGIC_COOKIE, Method, join_type, padded};
use crate::peer_filter::PeerFilter;
use crate::send_indication::SendIndication;
use crate::slots::Slots;

const SEND_INDICATION: [u8; 2] = join_type(Class::Indication, Method::SEND).to_be_bytes();
const DATA_INDICATION: [u8; 2] = join_type(Class::Indication, Method::DATA).to_be_bytes();

/// What a datagram for a client becomes.
pub(super) type Delivery = (FiveTuple, PeerHeader, usize);

impl TurnServer {
    /// RFC 8656 §12: the first two bits tell STUN (00) from ChannelData (01). `None` for a message that is no data.
    pub(super) fn judge_client_message(
        &mut self,
        now: Mono,
        from: &FiveTuple,
        bytes: &[u8],
    ) -> Result<Option<Forward>, DropReason> {
        match bytes {
            [0x40..=0x7F, ..] => self.judge_channel_data(now, from, bytes).map(Some),
            [first, second, ..] if [*first, *second] == SEND_INDICATION => {
                self.judge_send_indication(now, from, bytes).map(Some)
            }
            [0x00..=0x3F, ..] => Ok(None),
            _ => Err(DropReason::Malformed),
        }
    }

    /// RFC 8656 §12.6
    fn judge_channel_data(&mut self, now: Mono, from: &FiveTuple, bytes: &[u8]) -> Result<Forward, DropReason> {
        let data = ChannelData::decode(bytes).ok_or(DropReason::Malformed)?;
        if data.number > self.channel_number_max {
            return Err(DropReason::Malformed);
        }
        let key = self.key_for_data(from).ok_or(DropReason::NoAllocation)?;
        let allocation = alive(&mut self.allocations, now, key).ok_or(DropReason::NoAllocation)?;
        let &channel = allocation.channel(data.number, now).ok_or(DropReason::NoChannel)?;
        let (socket, relayed) = allocation.way_to(key, channel.peer.ip(), now).ok_or(DropReason::NoChannel)?;
        self.bandwidth.admit(Direction::ToPeer, &mut allocation.meters, now, data.payload.len(), &mut self.stats)?;
        allocation.sent.count(data.payload.len());
        self.stats.sent.count(data.payload.len());
        Ok(Forward {
            allocation: socket,
            relayed,
            peer: PeerAddr(channel.peer),
            payload: data.payload,
            route: channel.route,
            dont_fragment: false,
        })
    }

    /// RFC 8656 §11.2
    fn judge_send_indication(&mut self, now: Mono, from: &FiveTuple, bytes: &[u8]) -> Result<Forward, DropReason> {
        let send = SendIndication::decode(bytes).ok_or(DropReason::Malformed)?;
        let peer = SocketAddr::new(self.filter.bound_of(send.peer.ip()), send.peer.port());
        let key = self.key_for_data(from).ok_or(DropReason::NoAllocation)?;
        let allocation = alive(&mut self.allocations, now, key).ok_or(DropReason::NoAllocation)?;
        let Some(&permission) = allocation.permission(peer.ip(), now) else {
            // A policy that changed has ended its permissions, so this is where a denied peer shows.
            let is_denied = self.filter.admit(peer.ip()).is_none();
            return Err(if is_denied { DropReason::PeerDenied } else { DropReason::NoPermission });
        };
        let (socket, relayed) = allocation.way_to(key, peer.ip(), now).ok_or(DropReason::NoPermission)?;
        self.bandwidth.admit(Direction::ToPeer, &mut allocation.meters, now, send.payload.len(), &mut self.stats)?;
        allocation.sent.count(send.payload.len());
        self.stats.sent.count(send.payload.len());
        Ok(Forward {
            allocation: socket,
            relayed,
            peer: PeerAddr(peer),
            payload: send.payload,
            route: permission.route,
            dont_fragment: send.dont_fragment,
        })
    }

    /// RFC 8656 §11.3, §12.7
    pub(super) fn judge_wire_datagram(
        &mut self,
        now: Mono,
        socket: AllocationKey,
        PeerAddr(peer): PeerAddr,
        payload_len: usize,
    ) -> Result<Delivery, DropReason> {
        let key = self.owner_of(socket);
        let allocation = self.allocations.get_mut(key).filter(|allocation| allocation.is_alive_at(key, socket, now));
        let allocation = allocation.ok_or(DropReason::NoAllocation)?;
        let permission = allocation.permission(peer.ip(), now).ok_or(DropReason::NoPermission)?;
        if permission.route == Route::OwnOnly {
            // Something else on this machine speaks from an address that is permitted to our own allocations alone.
            return Err(DropReason::NoPermission);
        }
        let delivery = deliver(allocation, now, peer, payload_len, &self.filter, &mut self.indication_ids)?;
        self.bandwidth.admit(Direction::ToClient, &mut allocation.meters, now, payload_len, &mut self.stats)?;
        allocation.received.count(payload_len);
        Ok(delivery)
    }

    pub(super) fn judge_own_datagram(
        &mut self,
        now: Mono,
        to: RelayedAddr,
        RelayedAddr(from): RelayedAddr,
        payload_len: usize,
    ) -> Result<Delivery, DropReason> {
        let key = *self.by_relayed.get(&RelayedKey::from(to)).ok_or(DropReason::PeerGone)?;
        let allocation = self.allocations.get_mut(key).filter(|allocation| allocation.has_relayed(key, to, now));
        let allocation = allocation.ok_or(DropReason::PeerGone)?;
        if allocation.permission(from.ip(), now).is_none() {
            return Err(DropReason::NoPermission);
        }
        let delivery = deliver(allocation, now, from, payload_len, &self.filter, &mut self.indication_ids)?;
        self.bandwidth.admit(Direction::ToClient, &mut allocation.meters, now, payload_len, &mut self.stats)?;
        allocation.received.count(payload_len);
        Ok(delivery)
    }

    /// The allocation that this client's data belongs to, on the path it moved to or the one it is leaving. Data on the
    /// new path ends the old one (RFC 8016 §3.2.2).
    fn key_for_data(&mut self, from: &FiveTuple) -> Option<AllocationKey> {
        let five_tuple = FiveTupleKey::from(from);
        let key = match self.by_five_tuple.get(&five_tuple) {
            Some(&key) => key,
            None => self.moves.formerly_at(&five_tuple)?,
        };
        if self.moves.is_any_under_way() {
            self.use_path(key, from);
        }
        Some(key)
    }

    pub(super) fn count_from_peer(&mut self, verdict: Result<Delivery, DropReason>, payload_len: usize) -> FromPeer {
        match verdict {
            Ok((to, header, padding)) => {
                self.stats.received.count(payload_len);
                FromPeer::Forward { to, header, padding }
            }
            Err(reason) => {
                self.stats.count_drop(reason);
                FromPeer::Dropped(reason)
            }
        }
    }
}

fn alive(allocations: &mut Slots<Allocation>, now: Mono, key: AllocationKey) -> Option<&mut Allocation> {
    allocations.get_mut(key).filter(|allocation| allocation.is_alive(now))
}

/// On a channel if the peer has one, else as a Data indication.
fn deliver(
    allocation: &Allocation,
    now: Mono,
    peer: SocketAddr,
    payload_len: usize,
    filter: &PeerFilter,
    ids: &mut IndicationIds,
) -> Result<Delivery, DropReason> {
    let to = allocation.path();
    let to_boundary = padded(payload_len) - payload_len;
    let (header, padding) = match allocation.channel_to(peer, now) {
        Some(channel) => {
            let header = channel_header(channel.number, payload_len);
            // RFC 8656 §12.5: padding is for streams.
            (header, if to.transport == Transport::Udp { 0 } else { to_boundary })
        }
        None => (data_header(filter.external_of(RelayedAddr(peer)), payload_len, ids), to_boundary),
    };
    let header = header.ok_or(DropReason::Malformed)?;
    Ok((to, header, padding))
}

fn channel_header(number: u16, payload_len: usize) -> Option<PeerHeader> {
    let mut bytes = [0; PeerHeader::MAX];
    let header = ChannelData::encode_header(number, u16::try_from(payload_len).ok()?);
    bytes[..header.len()].copy_from_slice(&header);
    Some(PeerHeader { bytes, len: header.len() as u8 })
}

/// ```text
///  0             20            24                  32 or 44      36 or 48
/// +-------------+-------------+-------------------+-------------+---------+
/// | STUN header | 0x0012, len | XOR-PEER-ADDRESS  | 0x0013, len | payload |
/// +-------------+-------------+-------------------+-------------+---------+
/// ```
fn data_header(peer: SocketAddr, payload_len: usize, ids: &mut IndicationIds) -> Option<PeerHeader> {
    let transaction = ids.next();
    let (address, address_len) = encode_address(peer, transaction);
    let data_at = HEADER_LEN + 4 + address_len;
    let len = data_at + 4;
    let body_len = u16::try_from(len - HEADER_LEN + padded(payload_len)).ok()?;
    let payload_len = u16::try_from(payload_len).ok()?;
    let mut bytes = [0; PeerHeader::MAX];
    bytes[..2].copy_from_slice(&DATA_INDICATION);
    bytes[2..4].copy_from_slice(&body_len.to_be_bytes());
    bytes[4..8].copy_from_slice(&MAGIC_COOKIE.to_be_bytes());
    bytes[8..HEADER_LEN].copy_from_slice(&transaction.0);
    bytes[20..22].copy_from_slice(&AttributeType::XOR_PEER_ADDRESS.0.to_be_bytes());
    bytes[22..24].copy_from_slice(&(address_len as u16).to_be_bytes());
    bytes[24..data_at].copy_from_slice(&address[..address_len]);
    bytes[data_at..data_at + 2].copy_from_slice(&AttributeType::DATA.0.to_be_bytes());
    bytes[data_at + 2..len].copy_from_slice(&payload_len.to_be_bytes());
    Some(PeerHeader { bytes, len: len as u8 })
}
