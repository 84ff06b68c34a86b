use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use foldhash::quality::FixedState;
use proptest::prelude::*;
use sangam_types::Mono;

use super::super::partial::Partials;
use super::super::{Frame, Options, RefuseReason};
use crate::channel::{Chunk, Incoming, decode};
use crate::{LinkId, Profile};

fn chunks(whole: &[u8], transfer: u32, part: usize) -> VecDeque<Chunk> {
    let whole = Frame { binary: true, bytes: Bytes::copy_from_slice(whole) };
    let frames = Chunk::cut(&whole, transfer, Chunk::HEADER_BYTES + part).unwrap();
    let read = |bytes| match decode(Profile::Sangam, &Frame { binary: true, bytes }) {
        Ok(Incoming::Chunk(chunk)) => chunk,
        other => panic!("{other:?}"),
    };
    frames.into_iter().map(read).collect()
}

fn partials() -> Partials {
    Partials::new(FixedState::with_seed(1))
}

const LINK: LinkId = LinkId(1);

proptest! {
    #[test]
    fn messages_are_put_together_however_their_chunks_alternate(
        sizes in proptest::collection::vec((1..400_usize, 1..50_usize, 0..3_u64), 1..8),
        turns in proptest::collection::vec(any::<usize>(), 400),
    ) {
        let options = Options { partial_bytes_max: 1 << 20, ..Options::default() };
        let mut partials = partials();
        let whole = |at: usize, bytes: usize| vec![at as u8; bytes];
        // The same transfer's number on several links is not the same transfer.
        let mut waiting: Vec<(usize, LinkId, VecDeque<Chunk>)> = sizes
            .iter()
            .enumerate()
            .map(|(at, (bytes, part, link))| (at, LinkId(*link), chunks(&whole(at, *bytes), at as u32 / 3 * 3 + *link as u32, *part)))
            .collect();
        waiting.sort_by_key(|(_, link, chunks)| (*link, chunks[0].transfer));
        waiting.dedup_by_key(|(_, link, chunks)| (*link, chunks[0].transfer));
        let mut turns = turns.into_iter().cycle();
        while !waiting.is_empty() {
            let chosen = turns.next().unwrap() % waiting.len();
            let (at, link, chunks) = &mut waiting[chosen];
            let chunk = chunks.pop_front().unwrap();
            let got = partials.add(&options, Mono::ZERO, *link, &chunk);
            if chunks.is_empty() {
                let expected = Frame { binary: true, bytes: whole(*at, sizes[*at].0).into() };
                prop_assert_eq!(got, Ok(Some(expected)));
                waiting.remove(chosen);
            } else {
                prop_assert_eq!(got, Ok(None));
            }
        }
        prop_assert_eq!(partials.bytes(), 0);
    }

    #[test]
    fn any_chunks_are_taken_or_refused_within_the_bounds(
        chunks in proptest::collection::vec((0..3_u64, 0..4_u32, 1..60_u32, 0..60_u32, 1..30_usize, any::<bool>()), 0..200),
    ) {
        let options = Options { partial_bytes_max: 100, message_bytes_max: 50, ..Options::default() };
        let mut partials = partials();
        for (link, transfer, total, offset, bytes, text) in chunks {
            let chunk = Chunk { text, transfer, total, offset, bytes: vec![0; bytes].into() };
            if let Ok(Some(whole)) = partials.add(&options, Mono::ZERO, LinkId(link), &chunk) { prop_assert_eq!(whole.bytes.len(), total as usize) }
            prop_assert!(partials.bytes() <= 100);
        }
        for link in 0..3 {
            partials.forget_link(LinkId(link));
        }
        prop_assert_eq!(partials.bytes(), 0);
    }
}

#[test]
fn what_promises_too_much_is_refused_and_holds_nothing() {
    let options = Options { partial_bytes_max: 1_000, ..Options::default() };
    let mut partials = partials();
    let chunk =
        |transfer, total, offset| Chunk { text: false, transfer, total, offset, bytes: Bytes::from_static(b"x") };
    let mut add = |transfer, total, offset| partials.add(&options, Mono::ZERO, LINK, &chunk(transfer, total, offset));
    assert_eq!(add(1, u32::MAX, 0), Err(Some(RefuseReason::TooLarge)));
    assert_eq!(add(2, 900, 0), Ok(None));
    assert_eq!(add(3, 101, 0), Err(Some(RefuseReason::TooManyPartial)));
    // What follows a refused beginning is dropped in silence.
    assert_eq!(add(3, 101, 1), Err(None));
    assert_eq!(add(2, 900, 2), Err(Some(RefuseReason::Malformed)));
    assert_eq!(add(3, 101, 0), Ok(None));
    assert_eq!(partials.bytes(), 101);
}

#[test]
fn a_transfer_whose_next_chunk_does_not_come_is_given_up() {
    let options = Options::default();
    let mut partials = partials();
    let mut parts = chunks(&[1; 30], 1, 10);
    let half = options.partial_time / 2;
    let mut now = Mono::ZERO;
    for _ in 0..2 {
        assert_eq!(partials.add(&options, now, LINK, &parts.pop_front().unwrap()), Ok(None));
        now = now + half;
    }
    partials.forget(now);
    assert_eq!(partials.bytes(), 30);
    let until = partials.deadline().unwrap();
    partials.forget(until);
    partials.forget(now + half + Duration::from_secs(1));
    assert_eq!((partials.bytes(), partials.deadline()), (0, None));
    assert_eq!(partials.add(&options, now, LINK, &parts.pop_front().unwrap()), Err(None));
}

#[test]
fn a_link_has_so_many_transfers_at_a_time_and_loses_them_when_it_goes() {
    let options = Options::default();
    let mut partials = partials();
    for transfer in 0..64 {
        assert_eq!(partials.add(&options, Mono::ZERO, LINK, &chunks(&[0; 20], transfer, 10)[0]), Ok(None));
    }
    let another = &chunks(&[0; 20], 64, 10)[0];
    let refused = Err(Some(RefuseReason::TooManyPartial));
    assert_eq!(partials.add(&options, Mono::ZERO, LINK, another), refused);
    assert_eq!(partials.add(&options, Mono::ZERO, LinkId(2), another), Ok(None));
    partials.forget_link(LINK);
    assert_eq!(partials.bytes(), 20);
    assert_eq!(partials.add(&options, Mono::ZERO, LINK, another), Ok(None));
}

#[test]
fn one_link_has_at_most_half_of_what_may_be_coming_in() {
    let options = Options { message_bytes_max: 1_000, partial_bytes_max: 8_000, ..Options::default() };
    let mut partials = partials();
    let mut begin = |link, transfer| {
        let chunk = Chunk { text: false, transfer, total: 1_000, offset: 0, bytes: Bytes::from_static(b"x") };
        partials.add(&options, Mono::ZERO, link, &chunk)
    };
    for transfer in 0..4 {
        assert_eq!(begin(LINK, transfer), Ok(None));
    }
    assert_eq!(begin(LINK, 4), Err(Some(RefuseReason::TooManyPartial)));
    for transfer in 0..4 {
        assert_eq!(begin(LinkId(2), transfer), Ok(None), "others have the rest");
    }
    assert_eq!(begin(LinkId(3), 0), Err(Some(RefuseReason::TooManyPartial)));
}
