//! Ports kept for a later allocation: EVEN-PORT with its R bit, and RESERVATION-TOKEN (RFC 8656 §7.2).

use sangam_types::{Mono, Now};

use super::TurnServer;
use super::request::Request;
use super::respond::Refusal;
use crate::api::{AllocationKey, Opened, Output, PortWish, RequestId};
use crate::error_code::ErrorCode;
use crate::reservation::{OpenReservation, Reservation, ReservationToken};
use crate::stats::Limited;
use crate::timers::Timer;

impl TurnServer {
    /// Gives up an address that is reserved here for an allocation of another server of this process. The driver moves
    /// the socket with the key returned to that server and answers its [`Output::TakeReserved`] there. `None` if there
    /// is no such reservation, or it is another user's.
    pub fn release_reserved(&mut self, now: Now, token: ReservationToken, username: &str) -> Option<AllocationKey> {
        self.expire(now.mono);
        let (reservation, open) = self.reservations.take(token, username)?;
        self.timers.cancel(open.expires, Timer::Reservation(token));
        self.users.remove(&reservation.username);
        self.allocations.release(reservation.key);
        Some(reservation.key)
    }

    /// RFC 8656 §7.2 (8): a port is asked for together with the next, which is kept under a token.
    pub(super) fn promise_reservation(
        &mut self,
        username: &str,
    ) -> Result<(PortWish, Option<ReservationToken>), Refusal> {
        if self.reservations.len() >= self.limits.reservations {
            let (code, limited) = (ErrorCode::InsufficientCapacity, Limited::Reservations);
            return Err(Refusal::by_limit(code, limited, "as many ports are reserved as may be"));
        }
        let next = self.allocations.reserve();
        self.users.add(username);
        Ok((PortWish::EvenAndNext { next }, Some(self.reservations.promise(next, username))))
    }

    /// The allocation that a port was reserved for.
    pub(super) fn allocate_reserved(
        &mut self,
        now: Mono,
        request: &Request<'_>,
        token: ReservationToken,
    ) -> Result<(), Refusal> {
        let names_family = request.requested_family()?.is_some() || request.additional_family()?.is_some();
        if request.even_port()?.is_some() || names_family {
            let reason = "RESERVATION-TOKEN beside EVEN-PORT or an address family";
            return Err(Refusal::new(ErrorCode::BadRequest, reason));
        }
        if !self.reservations.is_ours(token) {
            self.check_quotas(request.username, 1)?;
            let lifetime = self.granted(request.lifetime()?);
            let key = self.allocations.reserve();
            self.users.add(request.username);
            self.wait_for_socket(now, key, request, lifetime, None);
            let (request, username) = (RequestId(key.0), request.username.to_owned());
            self.outputs.push_back(Output::TakeReserved { request, allocation: key, token, username });
            return Ok(());
        }
        // It was counted when it was reserved.
        self.check_quotas(request.username, 0)?;
        let lifetime = self.granted(request.lifetime()?);
        let Some((reservation, open)) = self.reservations.take(token, request.username) else {
            return Err(Refusal::new(ErrorCode::InsufficientCapacity, "no port is reserved by that token"));
        };
        self.timers.cancel(open.expires, Timer::Reservation(token));
        self.wait_for_socket(now, reservation.key, request, lifetime, None);
        self.handle_relayed_opened(now, RequestId(reservation.key.0), Ok(Opened::from(open.relayed)));
        Ok(())
    }

    /// The socket of a reservation is open: its time begins.
    pub(super) fn begin_reservation(&mut self, now: Mono, token: ReservationToken, opened: &Opened) {
        let Some((_, relayed)) = opened.next else { return };
        let expires = now + self.lifetimes.reservation;
        self.reservations.begin(token, OpenReservation { relayed, expires });
        self.timers.set(expires, Timer::Reservation(token));
    }

    /// Ends a reservation that nobody took, or whose socket was not opened.
    pub(super) fn end_reservation(&mut self, token: ReservationToken) {
        let Some(Reservation { key, username, open }) = self.reservations.remove(token) else { return };
        self.users.remove(&username);
        self.allocations.release(key);
        if let Some(OpenReservation { relayed, .. }) = open {
            self.outputs.push_back(Output::CloseRelayed { allocation: key, relayed });
        }
    }
}
