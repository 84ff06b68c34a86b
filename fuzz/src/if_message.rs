use sangam_mesh_proto::PeerId;
use sangam_mesh_proto::if_message::{Guard, GuardOptions, IfMessage, Refusal, Required, Trust};
use sangam_types::Wall;

/// Text of a stranger as a message of an agent: it means the same after writing it again, it is taken once at most, and
/// never with more trust than its signature gives.
pub fn if_message(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(message) = IfMessage::parse(text, 16 << 10) else { return };
    let again = IfMessage::parse(&message.to_string(), 32 << 10);
    assert_eq!(again.as_ref(), Ok(&message));
    let us = if message.is_broadcast() { PeerId::new("agent-b") } else { Ok(message.destination().clone()) };
    let Ok(us) = us else { return };
    let now: Wall = message.at();
    let mut open = Guard::new(us.clone(), GuardOptions { required: Required::Nothing, ..GuardOptions::default() });
    let taken = open.check(&message, now);
    if let Ok(trust) = taken {
        assert_eq!(open.check(&message, now), Err(Refusal::Replay));
        let mut strict = Guard::new(us, GuardOptions { required: Required::SoundSignature, ..GuardOptions::default() });
        assert_eq!(strict.check(&message, now).is_ok(), trust == Trust::Sound);
    }
}
