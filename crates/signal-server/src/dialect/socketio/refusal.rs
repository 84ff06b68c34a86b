use sangam_signal_proto::{Refusal, Right};
use sangam_socketio_proto::Arguments;

use super::outgoing::Outgoing;
use crate::dialect::object::ObjectWriter;

/// The `error` for a refusal. None where the original is silent and its clients rely on it: a signal to nobody, and a timer
/// that was never started.
pub(super) fn encode(refusal: &Refusal) -> Option<Outgoing> {
    let (code, message) = words(refusal)?;
    let writer = ObjectWriter::new().text("message", &message).text("code", code);
    Some(Outgoing::new("error", &writer.end(), &[]))
}

/// An `error` that no request of the core caused.
pub(crate) fn encode_error(code: &str, message: &str) -> Arguments {
    let writer = ObjectWriter::new().text("message", message).text("code", code);
    Outgoing::new("error", &writer.end(), &[]).arguments
}

fn words(refusal: &Refusal) -> Option<(&'static str, String)> {
    Some(match refusal {
        Refusal::PeerNotFound { .. } | Refusal::NoTimer => return None,
        Refusal::NotInRoom => ("not_in_session", "Not in this session: join it first".to_owned()),
        Refusal::NotAllowed { right } => ("not_allowed", format!("Not allowed to {}", deed(*right))),
        Refusal::PeerIsSelf { participant } => {
            ("peer_is_self", format!("Participant {participant} cannot signal to itself"))
        }
        Refusal::IdInUse { participant } => ("id_in_use", format!("Participant id {participant} is in use")),
        Refusal::RoomLocked => ("session_locked", "The session is locked".to_owned()),
        Refusal::RoomFull { max } => ("session_full", format!("A session has at most {max} participants")),
        Refusal::TooManyRooms { max } => ("too_many_sessions", format!("There are at most {max} sessions")),
        Refusal::TooManySockets { max } => ("too_many_sockets", format!("A participant has at most {max} sockets")),
        Refusal::TooManyIds { max } => ("too_many_ids", format!("A socket has at most {max} participant ids")),
        Refusal::TooManyPeers { max } => ("too_many_peers", format!("A participant signals to at most {max} others")),
        Refusal::BadDuration => ("duration_invalid", "Failed to start session timer".to_owned()),
        Refusal::TooLarge { max } => ("too_large", format!("At most {max} bytes are kept for who comes late")),
    })
}

fn deed(right: Right) -> &'static str {
    match right {
        Right::Room => "be in this session",
        Right::Join => "join",
        Right::Signal => "signal",
        Right::Timer => "control the timer",
        Right::Moderate => "moderate",
    }
}
