//! Words of the core as labels of metrics and names of events: bounded, and stable once published.

use crate::dialect::socketio::Dropped;
use sangam_engineio_proto::{CloseReason as SessionClose, Refusal as EngineRefusal};
use sangam_signal_proto::{CloseReason, DropReason, Event, GlareOutcome, Refusal, SignalKind};
use sangam_socketio::engine::NotOpened;

/// What the guide's witness calls the event, where it has it.
pub(crate) fn event(event: &Event) -> &'static str {
    match event {
        Event::Joined { .. } => "agent_registered",
        Event::Left { .. } => "agent_disconnected",
        Event::Relayed { kind: SignalKind::Offer, .. } => "sdp_offer_relayed",
        Event::Relayed { kind: SignalKind::Answer, .. } => "sdp_answer_relayed",
        Event::Relayed { kind: SignalKind::Candidate, .. } => "ice_candidate_relayed",
        Event::Glare { .. } => "offers_met",
        Event::Dropped { .. } => "message_dropped",
        Event::Refused { .. } => "request_refused",
        Event::Closed { .. } => "socket_closed",
        Event::GraceRefused { .. } => "grace_refused",
        Event::RoomOpened { .. } => "room_opened",
        Event::RoomClosed { .. } => "room_closed",
        Event::Ended { .. } => "session_ended",
        Event::TimerExpired { .. } => "timer_expired",
        Event::Kicked { .. } => "participant_kicked",
        Event::Locked { .. } => "room_locked",
        Event::NotRestored { .. } => "room_not_restored",
    }
}

pub(crate) fn kind(kind: SignalKind) -> &'static str {
    match kind {
        SignalKind::Offer => "offer",
        SignalKind::Answer => "answer",
        SignalKind::Candidate => "candidate",
    }
}

pub(crate) fn drop_reason(reason: DropReason) -> &'static str {
    match reason {
        DropReason::PeerNotFound => "peer_not_found",
        DropReason::PeerIsSelf => "peer_is_self",
        DropReason::HeldTooLong => "held_too_long",
        DropReason::HoldFull => "hold_full",
        DropReason::GlareLost => "glare_lost",
        DropReason::PeerLeft => "peer_left",
        DropReason::TooManyPeers => "too_many_peers",
        DropReason::MailboxFull => "mailbox_full",
        DropReason::SenderMailFull => "sender_mail_full",
        DropReason::MailFull => "mail_full",
        DropReason::MailExpired => "mail_expired",
        DropReason::StaleOffer => "stale_offer",
        DropReason::CandidateLate => "candidate_late",
        DropReason::CandidateUnfit => "candidate_unfit",
    }
}

/// Of an event that has no effect.
pub(crate) fn unheard(why: Dropped) -> &'static str {
    match why {
        Dropped::Unknown => "unknown",
        Dropped::Echo => "echo",
        Dropped::Rate => "too_fast",
        Dropped::Over => "over",
    }
}

pub(crate) fn refusal(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::NotInRoom => "not_in_room",
        Refusal::NotAllowed { .. } => "not_allowed",
        Refusal::RoomLocked => "room_locked",
        Refusal::RoomFull { .. } => "room_full",
        Refusal::TooManyRooms { .. } => "too_many_rooms",
        Refusal::TooManySockets { .. } => "too_many_sockets",
        Refusal::BadDuration => "bad_duration",
        Refusal::NoTimer => "no_timer",
        Refusal::TooLarge { .. } => "too_large",
        Refusal::PeerNotFound { .. } => "peer_not_found",
        Refusal::PeerIsSelf { .. } => "peer_is_self",
        Refusal::IdInUse { .. } => "id_in_use",
        Refusal::TooManyIds { .. } => "too_many_ids",
        Refusal::TooManyPeers { .. } => "too_many_peers",
    }
}

pub(crate) fn close(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::Replaced => "replaced",
        CloseReason::Silent => "silent",
        CloseReason::Lost => "lost",
    }
}

pub(crate) fn glare(outcome: GlareOutcome) -> &'static str {
    match outcome {
        GlareOutcome::Crossed => "crossed",
        GlareOutcome::FirstStands => "first_stands",
        GlareOutcome::SecondStands => "second_stands",
    }
}

/// Of a request to Socket.IO.
pub(crate) fn engine_refusal(refusal: EngineRefusal) -> &'static str {
    match refusal {
        EngineRefusal::TransportUnknown => "transport_unknown",
        EngineRefusal::SessionUnknown => "session_unknown",
        EngineRefusal::BadHandshakeMethod => "bad_handshake_method",
        EngineRefusal::BadRequest => "bad_request",
        EngineRefusal::Forbidden => "forbidden",
        EngineRefusal::UnsupportedVersion => "unsupported_version",
    }
}

/// Of a session of Socket.IO that does not begin.
pub(crate) fn not_opened(reason: NotOpened) -> &'static str {
    match reason {
        NotOpened::Full => "too_many_sessions",
        NotOpened::AddressFull => "too_many_sessions_from_address",
        NotOpened::TooFast => "too_fast",
        NotOpened::Draining => "draining",
        NotOpened::Origin => "origin_not_allowed",
    }
}

/// Of a session of Socket.IO that ends.
pub(crate) fn session_close(reason: SessionClose) -> &'static str {
    match reason {
        SessionClose::TransportClose => "transport_close",
        SessionClose::TransportError => "transport_error",
        SessionClose::PingTimeout => "ping_timeout",
        SessionClose::ParseError => "parse_error",
        SessionClose::ForcedClose => "forced_close",
        SessionClose::TooSlow => "slow",
    }
}
