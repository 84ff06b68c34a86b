use sangam_sync_proto::json::{Heard, HeardEvent, cursor_of_event_id, read};
use sangam_sync_proto::message::Bounds;

/// Text of a stranger as what a client or a server of sync says. What a client says means the same after writing it again;
/// what is refused is refused in few words, with an id no longer than one may be.
pub fn sync_json(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let bounds = Bounds { depth_max: 8, ops_max: 50, text_bytes_max: 300, entries_max: 20 };
    match read(text, &bounds) {
        Ok((id, said)) => {
            let again = said.text(id.as_deref());
            assert_eq!(read(&again, &bounds), Ok((id, said)));
        }
        Err(refused) => {
            assert!(refused.message.len() < 300, "{}", refused.message);
            assert!(refused.id.is_none_or(|id| id.len() <= bounds.text_bytes_max));
        }
    }
    if let Err(why) = Heard::read(text, &bounds) {
        assert!(why.0.len() < 300, "{why}");
    }
    for event in ["connected", "operations", "ping", "error"] {
        if let Err(why) = HeardEvent::read(event, text, &bounds) {
            assert!(why.0.len() < 300, "{why}");
        }
    }
    if let Some(cursor) = cursor_of_event_id(text) {
        assert!(text.trim_ascii().trim_start_matches('0').starts_with(cursor.to_string().trim_start_matches('0')));
    }
}
