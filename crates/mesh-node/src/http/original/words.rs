use std::time::SystemTime;

use sangam_mesh_proto::LinkState;
use serde_json::value::RawValue;

/// This moment with microseconds and `+00:00`, as Python writes it.
pub(in super::super) fn timestamp() -> String {
    let now = humantime::format_rfc3339_micros(SystemTime::now()).to_string();
    now.trim_end_matches('Z').to_owned() + "+00:00"
}

/// `RTCDataChannel.readyState`, and the original's word for none.
pub(super) fn channel_state(open: bool, state: LinkState) -> &'static str {
    match (open, state) {
        (true, LinkState::Connecting | LinkState::Open | LinkState::Interrupted) => "open",
        (false, LinkState::Open | LinkState::Interrupted) => "connecting",
        (false, LinkState::Connecting) => "none",
        (_, LinkState::Closed(_)) => "closed",
    }
}

/// A member that is text and not empty: what counts as given where the original asks for truth.
pub(super) fn given(value: Option<&RawValue>) -> Option<String> {
    let text: String = serde_json::from_str(value?.get()).ok()?;
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use sangam_mesh_proto::Failure;

    use super::*;

    #[test]
    fn states_have_the_words_of_the_browsers_api() {
        assert_eq!(LinkState::Closed(Failure::NoPath).connection_state(), "failed");
        assert_eq!(LinkState::Closed(Failure::ClosedByPeer).connection_state(), "closed");
        assert_eq!(channel_state(false, LinkState::Connecting), "none");
        assert_eq!(channel_state(true, LinkState::Interrupted), "open");
    }

    #[test]
    fn the_time_is_written_as_python_writes_it() {
        let now = timestamp();
        assert!(now.ends_with("+00:00") && now.len() == "2026-11-20T15:29:40.442192+00:00".len(), "{now}");
    }
}
