use std::time::Duration;

use bytes::Bytes;
use sangam_types::Mono;
use sangam_usp_proto::mtp::stomp::{
    ClientOptions, ClientOutput, FrameDecoder, Item, ServerEvent, ServerOptions, ServerOutput, StompClient, StompFault,
    StompLimits, StompServer,
};

/// What a stranger sends over STOMP; the first byte says in pieces of how many bytes it comes.
///
/// However it is cut up the same frames are read, and written and read again they are the same. Both ends of ours bear it,
/// say nothing but frames, and nothing at all once they have closed.
pub fn stomp(input: &[u8]) {
    let Some((piece, bytes)) = input.split_first() else { return };
    let piece = usize::from(*piece).max(1);
    let limits = StompLimits { body_bytes_max: 300, head_bytes_max: 400, headers_max: 12 };
    let (items, fault) = read(bytes, &limits, bytes.len().max(1));
    assert_eq!(read(bytes, &limits, piece), (items.clone(), fault), "in pieces of {piece}");
    for item in items {
        let Item::Frame(frame) = item else { continue };
        assert!(frame.body.len() <= 300 && frame.headers.len() <= 12);
        // A length that is wrong about a body that ends with NUL is no length: bodies say their own.
        let (again, fault) = read(&frame.encode(), &StompLimits::default(), 64);
        assert_eq!((again, fault), (vec![Item::Frame(frame)], None));
    }
    server(bytes, piece, &limits);
    client(bytes, piece, &limits);
}

fn read(bytes: &[u8], limits: &StompLimits, piece: usize) -> (Vec<Item>, Option<StompFault>) {
    let mut decoder = FrameDecoder::new(limits.clone());
    let mut items = Vec::new();
    for piece in bytes.chunks(piece) {
        decoder.push(piece);
        loop {
            match decoder.next_item() {
                Ok(Some(item)) => items.push(item),
                Ok(None) => break,
                Err(fault) => return (items, Some(fault)),
            }
        }
        let kept_max = limits.body_bytes_max + limits.head_bytes_max + piece.len();
        assert!(decoder.buffered() <= kept_max, "{} bytes are kept", decoder.buffered());
    }
    (items, None)
}

fn server(bytes: &[u8], piece: usize, limits: &StompLimits) {
    let options = ServerOptions { limits: limits.clone(), ..ServerOptions::default() };
    let mut now = Mono::ZERO;
    let mut server = StompServer::new(now, options);
    let mut is_closed = false;
    for piece in bytes.chunks(piece) {
        now = now + Duration::from_millis(200);
        server.handle_bytes(now, piece);
        server.handle_timeout(now);
        server.deliver(now, Bytes::from_static(b"record"));
        loop {
            match server.poll_output() {
                ServerOutput::Transmit(bytes) => {
                    assert!(!is_closed);
                    check(&bytes);
                }
                ServerOutput::Event(ServerEvent::Connect(_)) => server.accept(now, "/usp/agent/1"),
                ServerOutput::Event(_) => assert!(!is_closed),
                ServerOutput::Close => is_closed = true,
                ServerOutput::Wait(_) => break,
            }
        }
    }
}

fn client(bytes: &[u8], piece: usize, limits: &StompLimits) {
    let mut options = ClientOptions::new("self::ctl".parse().expect("an endpoint id"));
    options.limits = limits.clone();
    options.destination = Some("/queue/own".to_owned());
    let mut now = Mono::ZERO;
    let mut client = StompClient::new(now, options);
    for piece in bytes.chunks(piece) {
        now = now + Duration::from_millis(200);
        client.handle_bytes(now, piece);
        client.handle_timeout(now);
        client.send(now, "/queue/agent", Bytes::from_static(b"record"));
        while let output @ (ClientOutput::Transmit(_) | ClientOutput::Event(_) | ClientOutput::Close) =
            client.poll_output()
        {
            if let ClientOutput::Transmit(bytes) = output {
                check(&bytes);
            }
        }
    }
}

/// What we send is frames, one after the other.
fn check(bytes: &[u8]) {
    let (items, fault) = read(bytes, &StompLimits::default(), 64);
    assert!(fault.is_none() && items.len() == 1, "{}", bytes.escape_ascii());
}
