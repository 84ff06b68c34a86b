//! Words of the core as labels of metrics and names of events: bounded, and stable once published.

use sangam_signal_proto::{CloseReason, DropReason, Event, GlareOutcome, Refusal, SignalKind};

/// What the guide's witness calls the event, where it has it.
pub(crate) fn event(event: &Event) -> &'static str {
    match event {
        Event::Registered { .. } => "agent_registered",
        Event::Left { .. } => "agent_disconnected",
        Event::Relayed { kind: SignalKind::Offer, .. } => "sdp_offer_relayed",
        Event::Relayed { kind: SignalKind::Answer, .. } => "sdp_answer_relayed",
        Event::Relayed { kind: SignalKind::Candidate, .. } => "ice_candidate_relayed",
        Event::Glare { .. } => "offers_met",
        Event::Dropped { .. } => "message_dropped",
        Event::Refused { .. } => "request_refused",
        Event::Closed { .. } => "socket_closed",
        Event::GraceRefused { .. } => "grace_refused",
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
    }
}

pub(crate) fn refusal(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::NotRegistered => "not_registered",
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
    }
}

pub(crate) fn glare(outcome: GlareOutcome) -> &'static str {
    match outcome {
        GlareOutcome::Crossed => "crossed",
        GlareOutcome::FirstStands => "first_stands",
        GlareOutcome::SecondStands => "second_stands",
    }
}
