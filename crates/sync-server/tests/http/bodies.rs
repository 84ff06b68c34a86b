use std::io::Write as _;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::{FutureExt as _, stream};
use http::{Method, Request, StatusCode, header};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use sangam_sync_proto::message::{ErrorCode, Message as _, PullResponse, PushRequest, PushResponse};
use sangam_sync_server::Options;

use crate::side::{Side, bearer, from_start, live, plain, post, request, serve, upsert};

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn zstd(plain: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(plain, 19).unwrap()
}

fn gunzip(packed: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(packed), &mut plain).unwrap();
    plain
}

fn packed(path: &str, coding: &str, body: impl Into<Body>) -> Request<Body> {
    let mut request = post(path, &bearer("d", None), body);
    request.headers_mut().insert(header::CONTENT_ENCODING, coding.parse().unwrap());
    request
}

/// Without a length beforehand.
fn chunked(path: &str, chunks: Vec<Bytes>) -> Request<Body> {
    let chunks = chunks.into_iter().map(Ok::<_, std::io::Error>);
    post(path, &bearer("d", None), Body::from_stream(stream::iter(chunks)))
}

async fn of_bytes(body_bytes_max: usize) -> Side {
    serve(Options { body_bytes_max, ..Options::default() }, live()).await
}

fn many(count: u64) -> Vec<u8> {
    let ops = (1..=count).map(|at| upsert("d", "a", at, &format!("entity-{at}"), 1)).collect();
    PushRequest { db: "d".into(), device: "a".into(), ops }.encode()
}

#[tokio::test]
async fn a_body_that_says_it_is_too_long_is_refused_before_it_is_read() {
    let side = of_bytes(1_000).await;
    for path in ["/v1/push", "/v1/pull", "/v1/handshake"] {
        let never = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        let mut request = post(path, &bearer("d", None), never);
        request.headers_mut().insert(header::CONTENT_LENGTH, 1_001.into());
        let answer = side.ask(request).await;
        let error = answer.error();
        assert_eq!((answer.status, error.code), (StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::InvalidRequest), "{path}");
    }
}

#[tokio::test]
async fn a_body_that_does_not_say_how_long_it_is_is_read_as_far_as_the_bound() {
    let side = of_bytes(1_000).await;
    let endless = stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[0; 100])));
    let answer = side.ask(post("/v1/push", &bearer("d", None), Body::from_stream(endless))).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    let body = Bytes::from(many(3));
    let pieces = body.chunks(7).map(|piece| body.slice_ref(piece)).collect();
    assert_eq!(side.ask(chunked("/v1/push", pieces)).await.pushed().acknowledged, 3);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let options = Options { body_timeout: Duration::from_millis(20), ..Options::default() };
    let side = serve(options, live()).await;
    let never = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
    let answer = side.ask(post("/v1/push", &bearer("d", None), never)).await;
    assert_eq!((answer.status, answer.error().code), (StatusCode::REQUEST_TIMEOUT, ErrorCode::Timeout));
}

#[tokio::test]
async fn a_body_that_breaks_off_has_no_effect() {
    let side = plain().await;
    let half = Bytes::from(many(3)).slice(..40);
    let broken = stream::iter([Ok(half), Err(std::io::Error::other("gone"))]);
    let answer = side.ask(post("/v1/push", &bearer("d", None), Body::from_stream(broken))).await;
    assert_eq!((answer.status, answer.error().code), (StatusCode::BAD_REQUEST, ErrorCode::InvalidRequest));
    assert!(side.pull(&bearer("d", None), from_start("d")).await.pulled().ops.is_empty());
}

#[tokio::test]
async fn packed_bodies_are_understood() {
    let side = plain().await;
    let body = many(100);
    for (coding, body) in [
        ("gzip", gzip(&body)),
        ("X-GZip", gzip(&body)),
        ("zstd", zstd(&body)),
        ("identity", body.clone()),
        // Two members, as `cat a.gz b.gz` makes them.
        ("gzip", [gzip(&body[..500]), gzip(&body[500..])].concat()),
    ] {
        let answer = side.ask(packed("/v1/push", coding, body)).await;
        assert_eq!(answer.pushed().acknowledged, 100, "{coding}");
    }
}

#[tokio::test]
async fn a_bomb_is_refused_while_it_is_unpacked() {
    let side = of_bytes(1 << 20).await;
    let zeros = vec![0; 64 << 20];
    for (coding, bomb) in [("gzip", gzip(&zeros)), ("zstd", zstd(&zeros))] {
        assert!(bomb.len() < 100_000, "{coding}");
        for path in ["/v1/push", "/v1/pull", "/v1/handshake"] {
            let answer = side.ask(packed(path, coding, bomb.clone())).await;
            assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE, "{coding} {path}");
        }
    }
}

/// 128 MiB would have to be kept to unpack it.
#[tokio::test]
async fn a_frame_with_a_window_larger_than_may_be_is_refused() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(27).unwrap();
    encoder.write_all(&many(3)).unwrap();
    let answer = plain().await.ask(packed("/v1/push", "zstd", encoder.finish().unwrap())).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn what_is_not_packed_as_it_says_is_refused() {
    let side = plain().await;
    let body = many(50);
    let good = gzip(&body);
    for (coding, body) in [("gzip", body.clone()), ("zstd", good.clone()), ("gzip", good[..good.len() / 2].to_vec())] {
        let answer = side.ask(packed("/v1/push", coding, body)).await;
        assert_eq!((answer.status, answer.error().code), (StatusCode::BAD_REQUEST, ErrorCode::InvalidRequest));
    }
    for coding in ["br", "deflate", "gzip, gzip", "gzip, zstd", "aes128gcm"] {
        let answer = side.ask(packed("/v1/push", coding, good.clone())).await;
        assert_eq!(answer.error().code, ErrorCode::NotSupported, "{coding}");
        assert_eq!((answer.status.as_u16(), answer.header("accept-encoding")), (415, "gzip, zstd, identity"));
    }
}

/// A push of that many bytes, of which none comes.
fn announced(bytes: u64) -> Request<Body> {
    let never = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
    let mut request = post("/v1/push", &bearer("d", None), never);
    request.headers_mut().insert(header::CONTENT_LENGTH, bytes.into());
    request
}

#[tokio::test]
async fn a_push_finds_no_room_before_its_body_is_read() {
    let options = Options { queue_bytes_max: 100_000, ..Options::default() };
    let side = serve(options, live()).await;
    let answer = tokio::select! {
        biased;
        _ = side.ask(announced(90_000)) => panic!("it is not there yet"),
        answer = side.ask(announced(90_000)) => answer,
    };
    let error = answer.error();
    assert_eq!((answer.status, error.code), (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::ServiceUnavailable));
    let secs: u64 = answer.header("retry-after").parse().unwrap();
    assert_eq!(error.retry_after_secs, Some(secs));
    assert_eq!(side.ask(announced(90_000)).now_or_never().map(|_| ()), None, "who went away has given back its room");
    assert_eq!(side.ask(post("/v1/push", &bearer("d", None), many(1))).await.pushed().acknowledged, 1);
}

/// Whoever does not say how long a body is, or packs it, takes room as it grows.
#[tokio::test]
async fn a_body_that_grows_past_the_room_there_is_is_refused() {
    let options = Options { queue_bytes_max: 200_000, ..Options::default() };
    let side = serve(options, live()).await;
    let answer = tokio::select! {
        biased;
        _ = side.ask(announced(90_000)) => panic!("it is not there yet"),
        answer = side.ask(packed("/v1/push", "gzip", gzip(&vec![0; 1 << 20]))) => answer,
    };
    assert_eq!((answer.status, answer.error().code), (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::ServiceUnavailable));
}

async fn pulled(side: &Side, accept: &str) -> (String, usize, PullResponse) {
    let mut request = post("/v1/pull", &bearer("d", None), from_start("d").encode());
    request.headers_mut().insert(header::ACCEPT_ENCODING, accept.parse().unwrap());
    let answer = side.ask(request).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("vary"), "Accept-Encoding");
    let plain = match answer.header("content-encoding") {
        "gzip" => gunzip(&answer.body),
        "zstd" => zstd::decode_all(&answer.body[..]).unwrap(),
        _ => answer.body.to_vec(),
    };
    let page = PullResponse::decode(&plain.into(), &sangam_sync_proto::message::Bounds::default()).unwrap();
    (answer.header("content-encoding").to_owned(), answer.body.len(), page)
}

#[tokio::test]
async fn answers_are_packed_for_who_asks_for_it() {
    let side = plain().await;
    side.ask(post("/v1/push", &bearer("d", None), many(100))).await.pushed();
    let (_, plain_len, page) = pulled(&side, "identity").await;
    assert_eq!(page.ops.len(), 100);
    for (accept, coding) in [("gzip", "gzip"), ("gzip, zstd", "zstd"), ("gzip;q=1, zstd;q=0.1", "gzip"), ("br", "")] {
        let (told, len, same) = pulled(&side, accept).await;
        assert_eq!(told, coding, "{accept}");
        assert_eq!(same, page, "{accept}");
        assert!(len < plain_len / 2 || coding.is_empty(), "{len} of {plain_len}");
    }
}

#[tokio::test]
async fn large_answers_are_packed_too_and_small_ones_are_not_worth_it() {
    let side = plain().await;
    let options = Options { compression: false, ..Options::default() };
    let as_they_are = serve(options, live()).await;
    for side in [&side, &as_they_are] {
        let op = |at| {
            let body = Bytes::from([&[0x59, 0x40, 0][..], &[7; 0x4000]].concat());
            sangam_sync_proto::Operation { body: Some(body), ..upsert("d", "a", at, &format!("e{at}"), 1) }
        };
        side.push(&bearer("d", None), "d", "a", (1..=10).map(op).collect()).await.pushed();
    }
    let (told, len, page) = pulled(&side, "gzip").await;
    assert_eq!((told.as_str(), page.ops.len()), ("gzip", 10));
    assert!(len < 0x4000, "{len}");
    let mut small = post("/v1/push", &bearer("d", None), many(1));
    small.headers_mut().insert(header::ACCEPT_ENCODING, "gzip".parse().unwrap());
    let small = side.ask(small).await;
    assert_eq!((small.header("content-encoding"), small.header("vary")), ("", "Accept-Encoding"));
    let mut plain = post("/v1/pull", &bearer("d", None), from_start("d").encode());
    plain.headers_mut().insert(header::ACCEPT_ENCODING, "gzip".parse().unwrap());
    let plain = as_they_are.ask(plain).await;
    assert_eq!((plain.header("content-encoding"), plain.header("vary")), ("", ""));
}

/// A refusal may come while the client still sends: nothing but the right answer is owed.
#[tokio::test]
async fn a_message_of_another_kind_is_not_taken_for_this_one() {
    let side = plain().await;
    let answer = PushResponse { acknowledged: 1, conflicts: vec![] }.encode();
    assert_eq!(side.ask(post("/v1/push", &bearer("d", None), answer)).await.status, StatusCode::BAD_REQUEST);
    let mut other = request(Method::POST, "/v1/push").header(header::AUTHORIZATION, bearer("d", None));
    other = other.header(header::CONTENT_TYPE, "text/plain");
    let taken = side.ask(other.body(Body::from(many(1))).unwrap()).await;
    assert_eq!(taken.pushed().acknowledged, 1, "the kind of a body is not looked at, as ever");
}

#[tokio::test]
async fn a_full_page_is_packed_once_for_all_who_ask_for_it() {
    let side = plain().await;
    side.ask(post("/v1/push", &bearer("d", None), many(150))).await.pushed();
    let ask = async |accept: &str| {
        let mut request = post("/v1/pull", &bearer("d", None), from_start("d").encode());
        request.headers_mut().insert(header::ACCEPT_ENCODING, accept.parse().unwrap());
        side.ask(request).await
    };
    let (first, second) = (ask("gzip").await, ask("gzip").await);
    assert_eq!(first.header("content-encoding"), "gzip");
    assert_eq!(first.body.as_ptr(), second.body.as_ptr(), "the same bytes, not others like them");
    assert_eq!(ask("zstd").await.header("content-encoding"), "zstd");
    assert_eq!(ask("identity").await.header("content-encoding"), "");
}

#[test]
fn whatever_comes_is_answered_with_a_status_that_is_meant() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let side = runtime.block_on(plain());
    let body = proptest::collection::vec(any::<u8>(), 0..300);
    let path = proptest::sample::select(vec!["/v1/push", "/v1/pull", "/v1/handshake"]);
    let coding = proptest::sample::select(vec!["identity", "gzip", "zstd", "br"]);
    TestRunner::default()
        .run(&(body, path, coding, any::<bool>()), |(body, path, coding, really)| {
            let body = match (coding, really) {
                ("gzip", true) => gzip(&body),
                ("zstd", true) => zstd(&body),
                _ => body,
            };
            let answer = runtime.block_on(side.ask(packed(path, coding, body)));
            let expected = if coding == "br" { 415 } else { 400 };
            prop_assert_eq!(answer.status.as_u16(), expected);
            prop_assert_eq!(answer.header("content-type"), "application/cbor");
            Ok(())
        })
        .unwrap();
}
