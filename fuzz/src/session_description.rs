use sangam_mesh_proto::sdp::{
    self, BYTES_MAX, CANDIDATES_MAX, CandidateLine, Mark, candidates, check, fold, mark, profile, read_mark, unmarked,
    whole,
};
use sangam_mesh_proto::{Candidate, PeerId, Profile};

/// Text of a stranger as a session description: what is written into it is within the bounds and is read again, what is
/// taken out is gone. The text after the last NUL is a candidate that came by itself.
pub fn session_description(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (text, line) = text.rsplit_once('\0').unwrap_or((text, text.lines().last().unwrap_or_default()));
    if let Ok(parsed) = CandidateLine::parse(line) {
        assert_eq!(CandidateLine::parse(&parsed.to_string()), Ok(parsed));
    }
    let candidate = Candidate { line: line.to_owned(), mid: Some("0".into()), line_index: Some(1), ufrag: None };
    if let Ok(folded) = fold(text, std::slice::from_ref(&candidate)) {
        assert_eq!(check(&folded), Ok(()));
        assert_eq!(fold(&folded, &[candidate]), Ok(folded.clone()));
        if let Ok(whole) = whole(&folded, &[]) {
            assert!(sdp::has_end_of_candidates(&whole));
        }
    }
    if let Ok(candidates) = candidates(text) {
        assert!(candidates.len() <= CANDIDATES_MAX && text.len() <= BYTES_MAX);
        assert!(sdp::without_candidates(text).len() <= text.len() + text.lines().count() + 2);
        assert_eq!(sdp::candidates(&sdp::without_candidates(text)), Ok(Vec::new()));
    }
    assert_eq!(read_mark(&unmarked(text)), None);
    assert!(sdp::fingerprints(text).len() <= 16);
    let Ok(id) = PeerId::new("somebody") else { return };
    let ours = Mark::new(id, None);
    if let Ok(marked) = mark(text, &ours) {
        assert_eq!(read_mark(&marked), Some(ours));
        assert_eq!(profile(&marked), Profile::Sangam);
    }
}
