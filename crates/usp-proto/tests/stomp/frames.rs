use bytes::Bytes;
use proptest::prelude::*;
use sangam_usp_proto::mtp::stomp::{Frame, FrameDecoder, Item, StompFault, StompLimits};

fn decode(bytes: &[u8]) -> Result<Vec<Item>, StompFault> {
    decode_in(bytes, StompLimits::default(), bytes.len().max(1))
}

/// Reads bytes that come in pieces.
fn decode_in(bytes: &[u8], limits: StompLimits, piece: usize) -> Result<Vec<Item>, StompFault> {
    let mut decoder = FrameDecoder::new(limits);
    let mut items = Vec::new();
    for piece in bytes.chunks(piece) {
        decoder.push(piece);
        while let Some(item) = decoder.next_item()? {
            items.push(item);
        }
    }
    Ok(items)
}

fn frame(frame: Frame) -> Item {
    Item::Frame(frame)
}

#[test]
fn a_frame_is_these_bytes() {
    let send = Frame::new("SEND")
        .with("destination", "/usp/controller")
        .with("reply-to-dest", "/usp/agent/os::1")
        .with_body("application/vnd.bbf.usp.msg", Bytes::from_static(&[10, 0, 13, 10]));
    let bytes = b"SEND\ndestination:/usp/controller\nreply-to-dest:/usp/agent/os\\c\\c1\ncontent-length:4\n\
        content-type:application/vnd.bbf.usp.msg\n\n\x0a\x00\x0d\x0a\x00";
    assert_eq!(send.encode(), bytes.as_slice());
    assert_eq!(decode(bytes), Ok(vec![frame(send)]), "a length lets a body hold NUL and line ends");
}

#[test]
fn line_ends_of_both_kinds_are_read_and_those_between_frames_are_heart_beats() {
    let bytes = b"\n\r\nMESSAGE\r\nsubscription:0\r\n\r\nbody\0\n\nRECEIPT\nreceipt-id:1\n\n\0";
    let message = Frame { body: "body".into(), ..Frame::new("MESSAGE").with("subscription", "0") };
    let receipt = Frame::new("RECEIPT").with("receipt-id", "1");
    let beat = || Item::HeartBeat;
    assert_eq!(decode(bytes), Ok(vec![beat(), beat(), frame(message), beat(), beat(), frame(receipt)]));
}

#[test]
fn escapes_are_undone_but_in_connect_and_connected() {
    let value = "a\\b\r\n:c";
    let sent = Frame::new("STOMP").with("x:y", value);
    assert_eq!(sent.encode(), b"STOMP\nx\\cy:a\\\\b\\r\\n\\cc\n\n\0".as_slice());
    assert_eq!(decode(&sent.encode()), Ok(vec![frame(sent)]));
    let connected = Frame::new("CONNECTED").with("subscribe-dest", "/a:b\\c");
    assert_eq!(connected.encode(), b"CONNECTED\nsubscribe-dest:/a:b\\c\n\n\0".as_slice());
    assert_eq!(decode(&connected.encode()), Ok(vec![frame(connected)]));
    // Nothing can be put in beside.
    let sly = Frame::new("CONNECTED").with("server", "x\nsubscribe-dest:/evil");
    assert_eq!(sly.encode(), b"CONNECTED\nserver:x subscribe-dest:/evil\n\n\0".as_slice());
}

#[test]
fn of_two_headers_with_one_name_the_first_counts() {
    let Ok(items) = decode(b"SEND\ndestination:/a\ndestination:/b\n\n\0") else { panic!() };
    let Item::Frame(it) = &items[0] else { panic!() };
    assert_eq!(it.header("destination"), Some("/a"));
}

#[test]
fn what_is_no_frame_is_refused_with_its_reason() {
    let table: [(&[u8], StompFault); 14] = [
        (b"SEND\na\0b:x\n\n\0", StompFault::BadHead),
        (b"SEND\na:b\rc\n\n\0", StompFault::BadHead),
        (b"GET / HTTP/1.1\r\n\r\n", StompFault::BadHead),
        (b"SEND\nno colon\n\n\0", StompFault::BadHead),
        (b"SEND\n:x\n\n\0", StompFault::BadHead),
        (b"\0\n\n", StompFault::BadHead),
        (b"SEND\nx:\\t\n\n\0", StompFault::BadEscape),
        (b"SEND\nx:\\\n\n\0", StompFault::BadEscape),
        (b"SEND\nx:\xff\n\n\0", StompFault::NotUtf8),
        (b"SEND\ncontent-length:-1\n\n\0", StompFault::BadLength),
        (b"SEND\ncontent-length:+1\n\nx\0", StompFault::BadLength),
        (b"SEND\ncontent-length:1\n\nxy\0", StompFault::BadLength),
        (b"SEND\ncontent-length:99999999\n\n", StompFault::BodyTooLarge),
        (b"SEND\ncontent-length:99999999999999999999999999\n\n", StompFault::BodyTooLarge),
    ];
    for (bytes, fault) in table {
        assert_eq!(decode(bytes), Err(fault), "{}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn what_is_kept_is_bounded_whether_it_ends_or_not() {
    let limits = StompLimits { body_bytes_max: 10, head_bytes_max: 40, headers_max: 3 };
    let check = |bytes: &[u8], fault| {
        for piece in [1, 7, bytes.len()] {
            assert_eq!(decode_in(bytes, limits.clone(), piece), Err(fault), "{}", String::from_utf8_lossy(bytes));
        }
    };
    check(&b"SEND\n".repeat(20), StompFault::HeadTooLarge);
    check(format!("SEND\nx:{}\n\n\0", "y".repeat(50)).as_bytes(), StompFault::HeadTooLarge);
    check(b"SEND\na:1\nb:1\nc:1\nd:1\n\n\0", StompFault::HeadTooLarge);
    check(b"SEND\n\n01234567890\0", StompFault::BodyTooLarge);
    check(b"SEND\n\n0123456789012345", StompFault::BodyTooLarge);
    assert!(decode_in(b"SEND\na:1\nb:1\nc:1\n\n0123456789\0", limits, 1).is_ok());
}

#[test]
fn a_passcode_is_not_shown() {
    let shown = format!("{:?}", Frame::new("STOMP").with("login", "me").with("passcode", "hunter2"));
    assert!(shown.contains("me") && !shown.contains("hunter2"), "{shown}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is written is read, however it is cut up.
    #[test]
    fn frames_are_read_as_they_were_written(
        headers in proptest::collection::vec(("[a-z:\\\\\n\r]{1,8}", "\\PC{0,12}"), 0..6),
        body in proptest::collection::vec(any::<u8>(), 0..40),
        piece in 1_usize..50,
    ) {
        let mut frame = Frame::new("MESSAGE");
        for (name, value) in headers {
            prop_assume!(name != "content-length");
            frame = frame.with(&name, value);
        }
        let frame = frame.with_body("x", body.into());
        let twice = [frame.encode(), frame.encode()].concat();
        let items = decode_in(&twice, StompLimits::default(), piece);
        prop_assert_eq!(items, Ok(vec![Item::Frame(frame.clone()), Item::Frame(frame)]));
    }
}
