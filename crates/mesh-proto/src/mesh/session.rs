//! What two of us say about a session within its descriptions, and the little that is read of anybody's.

/// `a=sangam-session:<session> <life> <number> new|restart|answer:<ufrag>`, one attribute at session level.
///
/// All nodes of one process share a certificate, and a description that comes late looks like one that is new. With this a
/// receiver knows which of our sessions a description belongs to, whether it came twice or was overtaken, and which
/// offer an answer is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SessionMark {
    /// The session, by the number its offerer drew; an ICE restart keeps it.
    pub(crate) session: u64,
    /// The sender's process, by the number it drew at its start.
    pub(crate) life: u64,
    /// The how manieth description of that process this is.
    pub(crate) number: u64,
    pub(crate) kind: MarkKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MarkKind {
    /// It offers a new session.
    New,
    /// It offers new ICE credentials for a session that is there.
    Restart,
    /// It answers the offer with this ICE user fragment.
    Answer(String),
}

const ATTRIBUTE: &str = "a=sangam-session:";
/// ice-ufrag has at most 256 characters (RFC 8839 §5.4).
const UFRAG_BYTES_MAX: usize = 256;
const FINGERPRINTS_MAX: usize = 8;

impl SessionMark {
    /// The mark of a description, if it has a sound one.
    pub(crate) fn read(sdp: &str) -> Option<Self> {
        let session_level = sdp.lines().take_while(|line| !line.starts_with("m="));
        let mut words = session_level.filter_map(|line| line.strip_prefix(ATTRIBUTE)).next()?.split_ascii_whitespace();
        let session = u64::from_str_radix(words.next()?, 16).ok()?;
        let life = u64::from_str_radix(words.next()?, 16).ok()?;
        let number = words.next()?.parse().ok()?;
        let kind = match words.next()? {
            "new" => MarkKind::New,
            "restart" => MarkKind::Restart,
            other => MarkKind::Answer(other.strip_prefix("answer:").filter(|u| u.len() <= UFRAG_BYTES_MAX)?.to_owned()),
        };
        Some(Self { session, life, number, kind })
    }

    /// The description with this mark.
    pub(crate) fn write(&self, sdp: &str) -> String {
        let kind = match &self.kind {
            MarkKind::New => "new".to_owned(),
            MarkKind::Restart => "restart".to_owned(),
            MarkKind::Answer(ufrag) => format!("answer:{ufrag}"),
        };
        let line = format!("{ATTRIBUTE}{:016x} {:016x} {} {kind}\r\n", self.session, self.life, self.number);
        let at = if sdp.starts_with("m=") { 0 } else { sdp.find("\nm=").map_or(sdp.len(), |at| at + 1) };
        let (head, rest) = sdp.split_at(at);
        format!("{head}{line}{rest}")
    }
}

/// The ICE user fragment of a description (RFC 8839 §5.4); data channels have one media section.
pub(crate) fn ufrag(sdp: &str) -> Option<&str> {
    let ufrag = sdp.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:"))?.trim();
    (!ufrag.is_empty() && ufrag.len() <= UFRAG_BYTES_MAX).then_some(ufrag)
}

/// The DTLS fingerprints of a description in one text that compares (RFC 8122 §5); empty if it has none.
pub(crate) fn fingerprints(sdp: &str) -> String {
    let values = sdp.lines().filter_map(|line| line.strip_prefix("a=fingerprint:"));
    let mut values: Vec<String> = values.take(FINGERPRINTS_MAX).map(|v| v.trim().to_ascii_lowercase()).collect();
    values.sort_unstable();
    values.dedup();
    values.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDP: &str = "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n\
        a=ice-ufrag:abcd\r\na=fingerprint:sha-256 BB:01\r\na=fingerprint:sha-1 AA:02\r\n";

    #[test]
    fn a_mark_is_read_as_it_was_written_and_stands_before_the_media_section() {
        for kind in [MarkKind::New, MarkKind::Restart, MarkKind::Answer("x/+y".into())] {
            let mark = SessionMark { session: 7, life: u64::MAX, number: 3, kind };
            let marked = mark.write(SDP);
            assert_eq!(SessionMark::read(&marked), Some(mark));
            assert!(marked.find(ATTRIBUTE) < marked.find("m=application"));
            assert_eq!(marked.lines().count(), SDP.lines().count() + 1);
        }
    }

    #[test]
    fn a_mark_in_a_media_section_or_with_garbage_is_none() {
        assert_eq!(SessionMark::read(&format!("{SDP}a=sangam-session:1 2 3 new\r\n")), None);
        for bad in ["", "1", "1 2", "1 2 3", "g 2 3 new", "1 2 -3 new", "1 2 3 other"] {
            assert_eq!(SessionMark::read(&format!("v=0\r\na=sangam-session:{bad}\r\n")), None, "{bad}");
        }
    }

    #[test]
    fn fingerprints_compare_whatever_their_order_and_case() {
        assert_eq!(fingerprints(SDP), "sha-1 aa:02 sha-256 bb:01");
        assert_eq!(ufrag(SDP), Some("abcd"));
        assert_eq!((ufrag("v=0"), fingerprints("v=0")), (None, String::new()));
    }
}
