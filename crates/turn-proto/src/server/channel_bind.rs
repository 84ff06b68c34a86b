use std::net::SocketAddr;

use sangam_types::Mono;

use super::TurnServer;
use super::create_permission::check_family;
use super::request::Request;
use super::respond::Refusal;
use crate::allocation::is_same;
use crate::api::AllocationKey;
use crate::channel::Channel;
use crate::error_code::ErrorCode;
use crate::stats::Limited;

/// RFC 8656 §12: the lowest channel number.
const CHANNEL_NUMBER_MIN: u16 = 0x4000;

impl TurnServer {
    /// RFC 8656 §12.2
    pub(super) fn channel_bind(&mut self, now: Mono, request: &Request<'_>) -> Result<(), Refusal> {
        let (key, families) = self.allocation_for(request)?;
        let number = request.channel_number()?;
        let asked = request.peers()?[0];
        if !(CHANNEL_NUMBER_MIN..=self.channel_number_max).contains(&number) {
            return Err(Refusal::new(ErrorCode::BadRequest, "the channel number is out of range"));
        }
        if asked.port() == 0 {
            return Err(Refusal::new(ErrorCode::BadRequest, "a channel needs a peer's port"));
        }
        let peer = SocketAddr::new(self.filter.bound_of(asked.ip()), asked.port());
        let is_new = self.check_binding(now, key, number, peer)?;
        check_family(asked, families)?;
        let admitted = self.admit(asked.ip())?;
        if is_new {
            self.check_room(key)?;
        }
        self.permit(now, key, &[admitted])?;
        if let Some(allocation) = self.allocations.get_mut(key) {
            let expires = now + self.lifetimes.channel;
            allocation.bind(Channel { peer, expires, number, route: admitted.route });
        }
        self.succeed(&request.reply_to, &[]);
        Ok(())
    }

    /// A number stands for one peer and a peer has one number, from the first binding until the rest after its end.
    /// Says whether the binding is a new one.
    fn check_binding(&mut self, now: Mono, key: AllocationKey, number: u16, peer: SocketAddr) -> Result<bool, Refusal> {
        let Some(allocation) = self.allocations.get_mut(key) else { return Ok(false) };
        let rest = self.lifetimes.channel_rest;
        allocation.channels.retain(|channel| channel.is_held(now, rest));
        for channel in allocation.channels.iter() {
            match (channel.number == number, is_same(channel.peer, peer)) {
                (true, true) => return Ok(false),
                (true, false) => {
                    return Err(Refusal::new(ErrorCode::BadRequest, "the channel stands for another peer"));
                }
                (false, true) => return Err(Refusal::new(ErrorCode::BadRequest, "the peer has another channel")),
                (false, false) => {}
            }
        }
        Ok(true)
    }

    fn check_room(&self, key: AllocationKey) -> Result<(), Refusal> {
        let held = self.allocations.get(key).map_or(0, |allocation| allocation.channels.len());
        if held < self.limits.channels {
            return Ok(());
        }
        let (code, limited) = (ErrorCode::InsufficientCapacity, Limited::Channels);
        Err(Refusal::by_limit(code, limited, "the allocation has as many channels as one may have"))
    }
}
