//! What no client would send: every answer is a refusal, and a short one.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use sangam_sync_proto::Operation;
use sangam_sync_proto::message::{
    Bounds, HandshakeRequest, Malformed, Message, PullRequest, PullResponse, PushRequest, PushResponse,
};

use crate::samples::{KINDS, through_kind, vectors};

/// What every message says to these bytes, which none may take.
fn refused_by_all(bytes: &Bytes) -> Vec<Malformed> {
    let refused = KINDS.map(|kind| through_kind(kind, bytes).expect_err(kind));
    for malformed in &refused {
        assert!(malformed.at <= bytes.len() && malformed.what.len() < 200, "{malformed}");
    }
    refused.into()
}

/// `head` as the value of a key that no message knows, and as that of keys they know.
fn as_value(head: &[u8]) -> Vec<Bytes> {
    let keys: [&[u8]; 6] = [b"\x61x", b"\x63ops", b"\x64dbId", b"\x6AclientInfo", b"\x69conflicts", b"\x6AentityCbor"];
    keys.iter().map(|key| [b"\xBF".as_slice(), key, head].concat().into()).collect()
}

#[test]
fn a_message_that_ends_anywhere_too_early_is_refused() {
    for vector in vectors().into_iter().filter(|vector| KINDS.contains(&&*vector.kind)) {
        for end in 0..vector.bytes.len() {
            let refused = through_kind(&vector.kind, &vector.bytes.slice(..end)).unwrap_err();
            assert_eq!(
                refused.what.rsplit(": ").next().unwrap(),
                "the message ends too early",
                "{} to {end}",
                vector.name
            );
        }
    }
}

#[test]
fn depth_bombs_are_refused_at_the_bound() {
    let bombs: [&[u8]; 6] = [b"\x81", b"\x9F", b"\xA1\x61a", b"\xBF\x61a", b"\xC1", b"\x82\x00"];
    for bomb in bombs {
        for bytes in as_value(&bomb.repeat(100_000)) {
            let refused = refused_by_all(&bytes);
            assert!(refused.iter().any(|malformed| malformed.what.ends_with("deeper than 32 levels")), "{bomb:x?}");
            assert!(refused.iter().all(|malformed| malformed.at < 200));
        }
    }
}

#[test]
fn depth_is_taken_up_to_the_bound_and_not_beyond() {
    let nested = |levels: usize| -> Bytes {
        [
            b"\xA4\x64dbId\x61d\x6BsinceCursor\x00\x61x".as_slice(),
            &b"\x81".repeat(levels),
            b"\x00\x61y",
            &b"\x81".repeat(levels),
            b"\x00",
        ]
        .concat()
        .into()
    };
    let bounds = Bounds { depth_max: 5, ..Bounds::default() };
    assert!(PullRequest::decode(&nested(4), &bounds).is_ok(), "and what was left does not count any more");
    assert_eq!(PullRequest::decode(&nested(5), &bounds).unwrap_err().what, "nested deeper than 5 levels");
}

#[test]
fn lengths_that_are_only_claimed_are_refused_without_room_made_for_them() {
    for major in [0x40_u8, 0x60, 0x80, 0xA0] {
        for claimed in [
            b"\x1B\x00\x00\x00\x00\x40\x00\x00\x00",
            b"\x1B\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
            b"\x1B\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
        ] {
            let mut head = claimed.to_vec();
            head[0] |= major;
            for bytes in as_value(&head) {
                refused_by_all(&bytes);
            }
            refused_by_all(&head.into());
        }
    }
}

#[test]
fn counts_and_lengths_are_bounded() {
    let bounds = Bounds { ops_max: 1, text_bytes_max: 20, entries_max: 1, ..Bounds::default() };
    let all = crate::samples::by_name();
    let push = PushRequest::decode(&all["V11"], &bounds).unwrap_err();
    assert_eq!(push.what, "ops has more than 1 entries");
    assert!(PushRequest::decode(&all["V10"], &bounds).is_ok());
    let pull = PullRequest::decode(&all["V06"], &bounds).unwrap_err();
    assert_eq!(pull.what, "collections has more than 1 entries");
    let none = Bounds { entries_max: 0, ..bounds.clone() };
    let handshake = HandshakeRequest::decode(&all["V02"], &none).unwrap_err();
    assert_eq!(handshake.what, "clientInfo.metadata has more than 0 entries");
    assert!(HandshakeRequest::decode(&all["V02"], &bounds).is_ok());
    let none = Bounds { ops_max: 0, ..bounds.clone() };
    assert_eq!(PushResponse::decode(&all["V13"], &none).unwrap_err().what, "conflicts has more than 0 entries");
    assert_eq!(PullResponse::decode(&all["V07"], &none).unwrap_err().what, "ops has more than 0 entries");
    let short = Bounds { text_bytes_max: 12, ..bounds };
    assert_eq!(PullRequest::decode(&all["V05"], &short).unwrap_err().what, "dbId has 13 bytes, at most 12 are taken");
    let op = Operation::decode_standalone(&all["V19"], &short).unwrap_err();
    assert_eq!(op.what, "dbId has 13 bytes, at most 12 are taken");
}

proptest! {
    #[test]
    fn any_bytes_are_refused_or_read(bytes in vec(any::<u8>(), 0..300)) {
        let bytes = Bytes::from(bytes);
        for kind in KINDS {
            if let Err(malformed) = through_kind(kind, &bytes) {
                prop_assert!(malformed.at <= bytes.len());
            }
        }
    }

    /// A vector with some bytes changed is refused, or read as something that goes through unchanged from then on.
    #[test]
    fn a_vector_with_wrong_bytes_is_refused_or_read(
        which in any::<prop::sample::Index>(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let all: Vec<_> = vectors().into_iter().filter(|vector| KINDS.contains(&&*vector.kind)).collect();
        let vector = which.get(&all);
        let mut bytes = vector.bytes.to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(strict) = through_kind(&vector.kind, &bytes.into()) {
            let strict = Bytes::from(strict);
            prop_assert_eq!(through_kind(&vector.kind, &strict), Ok(strict.to_vec()));
        }
    }
}
