use proptest::prelude::*;

use super::*;

/// A client's frame: first byte, payload, masked.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [1, 2, 3, 4];
    let mut bytes = Vec::new();
    put_header(&mut bytes, OpCode::Data(Data::Continue), payload.len());
    bytes[0] = first;
    bytes[1] |= 0x80;
    bytes.extend_from_slice(&mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// What comes of bytes that arrive one by one.
fn read(bytes: &[u8]) -> Result<Vec<Incoming>, Offence> {
    let mut frames = Frames::new(70_000);
    let mut all = Vec::new();
    for byte in bytes {
        frames.feed(&[*byte]);
        while let Some(incoming) = frames.next()? {
            all.push(incoming);
        }
    }
    assert!(frames.unread.capacity() == 0 || !frames.unread.is_empty(), "memory is held between messages");
    Ok(all)
}

#[test]
fn messages_of_every_length_are_read_as_they_were_sent() {
    for len in [0, 1, 125, 126, 65_535, 65_536, 70_000] {
        let payload: Vec<u8> = (0..len).map(|n: u32| n as u8).collect();
        assert_eq!(read(&frame(0x82, &payload)), Ok(vec![Incoming::Binary(payload.into())]), "{len}");
    }
    let two = [frame(0x81, b"one"), frame(0x81, "zwö".as_bytes())].concat();
    let texts = ["one", "zwö"].map(|text| Incoming::Text(Bytes::from(text)));
    assert_eq!(read(&two), Ok(texts.into()));
}

#[test]
fn fragments_become_one_message_with_control_frames_between_them() {
    let bytes = [frame(0x01, b"a"), frame(0x89, b"p"), frame(0x00, b"b"), frame(0x8A, b""), frame(0x80, b"c")].concat();
    let expected = [Incoming::Ping(Bytes::from("p")), Incoming::Pong(0), Incoming::Text(Bytes::from("abc"))];
    assert_eq!(read(&bytes), Ok(expected.into()));
}

#[test]
fn what_no_client_may_send_is_an_offence() {
    let unmasked = vec![0x81, 0x01, b'a'];
    let cases = [
        ("unmasked", unmasked),
        ("reserved bit", frame(0xC1, b"a")),
        ("reserved opcode", frame(0x83, b"a")),
        ("reserved control", frame(0x8B, b"a")),
        ("continues nothing", frame(0x80, b"a")),
        ("a message within a message", [frame(0x01, b"a"), frame(0x81, b"b")].concat()),
        ("a control frame in fragments", frame(0x09, b"a")),
        ("a long control frame", frame(0x89, &[0; 126])),
        ("half a close code", frame(0x88, &[3])),
        ("a close code that is never sent", frame(0x88, &1_005_u16.to_be_bytes())),
        ("a close reason that is not UTF-8", frame(0x88, &[3, 0xE8, 0xFF])),
    ];
    for (what, bytes) in cases {
        assert_eq!(read(&bytes), Err(Offence::Protocol), "{what}");
    }
}

#[test]
fn a_message_is_too_large_as_soon_as_its_header_says_so() {
    let whole = frame(0x82, &[0; 70_001]);
    assert_eq!(read(&whole[..14]), Err(Offence::TooLarge));
    let fragments = [frame(0x02, &[0; 40_000]), frame(0x80, &[0; 30_001])].concat();
    assert_eq!(read(&fragments[..40_030]), Err(Offence::TooLarge));
}

#[test]
fn a_close_is_read_with_and_without_its_code() {
    for payload in [&[][..], &[3, 0xE8, b'x']] {
        assert_eq!(read(&frame(0x88, payload)), Ok(vec![Incoming::Close(payload.into())]));
    }
}

/// Frames as a client might send them, some of them wrong.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let first = prop_oneof![
        Just(0x81_u8),
        Just(0x82),
        Just(0x01),
        Just(0x00),
        Just(0x80),
        Just(0x89),
        Just(0x8A),
        Just(0x88),
        any::<u8>()
    ];
    let one =
        (first, proptest::collection::vec(any::<u8>(), 0..200)).prop_map(|(first, payload)| frame(first, &payload));
    let some = proptest::collection::vec(one, 0..8).prop_map(|frames| frames.concat());
    prop_oneof![some, proptest::collection::vec(any::<u8>(), 0..200)]
}

proptest! {
    #[test]
    fn it_makes_no_difference_in_which_pieces_bytes_arrive(bytes in stream()) {
        let mut frames = Frames::new(70_000);
        frames.feed(&bytes);
        let mut whole = Vec::new();
        let whole = loop {
            match frames.next() {
                Ok(Some(incoming)) => whole.push(incoming),
                Ok(None) => break Ok(whole),
                Err(offence) => break Err(offence),
            }
        };
        prop_assert_eq!(read(&bytes), whole);
    }
}
