use proptest::prelude::*;

use super::*;

const TWO: &str = "v=0\r\na=group:BUNDLE 0\r\nm=audio 9 RTP 0\r\na=mid:0\r\na=candidate:1 1 udp 1 10.0.0.1 1 typ host\r\n\
                   m=video 9 RTP 0\r\na=mid:video\r\n";
const LINE: &str = "candidate:2 1 udp 1 10.0.0.2 2 typ host";

fn at(mid: Option<&'static str>, index: Option<usize>) -> Place<'static> {
    Place { mid, index }
}

#[test]
fn a_candidate_is_written_at_the_end_of_its_section() {
    let in_audio = TWO.replace("m=video", &format!("a={LINE}\r\nm=video"));
    let in_video = format!("{TWO}a={LINE}\r\n");
    for (place, expected) in [
        (at(Some("0"), None), &in_audio),
        (at(Some("video"), None), &in_video),
        (at(Some("video"), Some(0)), &in_video),
        (at(None, Some(1)), &in_video),
        (at(Some(""), Some(1)), &in_video),
        (at(Some("unknown"), Some(1)), &in_video),
        (at(None, None), &in_audio),
    ] {
        assert_eq!(with_candidate(TWO, LINE, place).as_ref(), Some(expected), "{place:?}");
        assert_eq!(with_candidate(TWO, &format!("a={LINE}\r\n"), place).as_ref(), Some(expected), "{place:?}");
    }
}

#[test]
fn a_candidate_stands_before_the_end_of_candidates_and_only_once() {
    let ended = with_end(TWO);
    assert_eq!(ended.matches(END).count(), 2);
    let folded = with_candidate(&ended, LINE, at(None, Some(0))).unwrap();
    assert!(folded.contains(&format!("a={LINE}\r\n{END}\r\nm=video")));
    assert_eq!(with_candidate(&folded, LINE, at(None, Some(0))), Some(folded.clone()));
    assert_eq!(with_end(&ended), ended);
}

#[test]
fn what_is_no_candidate_or_belongs_nowhere_is_not_written() {
    assert_eq!(with_candidate(TWO, "candidate:1\r\na=fingerprint:x", Place::default()), None);
    assert_eq!(with_candidate(TWO, "", Place::default()), None);
    assert_eq!(with_candidate(TWO, "a=mid:0", Place::default()), None);
    assert_eq!(with_candidate(TWO, LINE, at(None, Some(2))), None);
    assert_eq!(with_candidate("v=0\r\n", LINE, Place::default()), None);
}

#[test]
fn lines_end_as_they_did() {
    let unix = TWO.replace("\r\n", "\n");
    assert!(!with_candidate(&unix, LINE, Place::default()).unwrap().contains('\r'));
    let cut = TWO.trim_end();
    assert_eq!(with_candidate(cut, LINE, at(None, Some(1))).unwrap(), format!("{TWO}a={LINE}\r\n"));
}

#[test]
fn candidates_have_ended_when_every_section_that_gathers_says_so() {
    let trickling = TWO.replace("v=0\r\n", "v=0\r\na=ice-options:ice2,trickle\r\n");
    assert!(!ends_candidates(&trickling));
    assert!(ends_candidates(&with_end(&trickling)));
    let bundle = trickling.replace("BUNDLE 0", "BUNDLE 0 video");
    assert!(ends_candidates(&bundle.replace("m=video", "a=end-of-candidates\r\nm=video")));
    assert!(!ends_candidates(&trickling.replace("m=video", "a=end-of-candidates\r\nm=video")));
}

#[test]
fn who_does_not_speak_of_trickling_has_sent_all_its_candidates_at_once() {
    assert!(ends_candidates(TWO));
    assert!(!ends_candidates("v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"));
    assert!(!ends_candidates(""));
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("m=audio 9 x 0".to_owned()),
        Just("a=mid:0".to_owned()),
        Just("a=mid:é".to_owned()),
        Just(END.to_owned()),
        Just("a=group:BUNDLE 0 é".to_owned()),
        "[a-z]=\\PC{0,8}",
        Just(String::new()),
    ]
}

proptest! {
    #[test]
    fn any_text_is_borne(sdp in "\\PC*|(.|\r|\n)*", candidate in "(a=)?candidate:.*", mid in ".?", index in 0_usize..3) {
        let place = Place { mid: Some(&mid), index: Some(index) };
        let _folded: Option<String> = with_candidate(&sdp, &candidate, place);
        let _ended: bool = ends_candidates(&with_end(&sdp));
    }

    #[test]
    fn folding_adds_one_line_and_changes_no_other(
        lines in prop::collection::vec(line(), 0..12),
        index in 0_usize..3,
        newline in prop_oneof![Just("\n"), Just("\r\n")],
    ) {
        let sdp: String = lines.iter().map(|line| format!("{line}{newline}")).collect();
        let place = Place { mid: None, index: Some(index) };
        let sections_before = sections(&sdp).len();
        match with_candidate(&sdp, LINE, place) {
            None => prop_assert!(sections_before <= index),
            Some(folded) => {
                let added = format!("a={LINE}{newline}");
                prop_assert_eq!(folded.matches(&added).count(), 1);
                prop_assert_eq!(folded.replacen(&added, "", 1), sdp);
                let section = sections(&folded)[index].clone();
                prop_assert!(folded[section].contains(&added));
            }
        }
    }
}
