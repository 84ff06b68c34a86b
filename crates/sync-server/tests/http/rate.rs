use axum::body::Body;
use http::{Method, Request, StatusCode};
use sangam_sync_server::{Live, Options};

use crate::side::{Answer, Side, bearer, get, live, post, request, serve};

async fn of_burst(rate_burst: u32) -> Side {
    // The slowest there is, so that the clock gives little back while a test asks.
    serve(Options::default(), Live { rate_per_sec: 1, rate_burst, ..live() }).await
}

/// Asks until it is too often.
async fn refused(side: &Side, ask: impl Fn(u32) -> (String, Request<Body>)) -> Answer {
    for at in 0..10_000 {
        let (address, request) = ask(at);
        let answer = side.ask_from(&address, request).await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            return answer;
        }
        let remaining: u32 = answer.header("x-ratelimit-remaining").parse().unwrap();
        let limit: u32 = answer.header("x-ratelimit-limit").parse().unwrap();
        assert!(remaining < limit, "each request counts");
    }
    panic!("the limit never came")
}

fn from(address: &str, request: Request<Body>) -> (String, Request<Body>) {
    (address.to_owned(), request)
}

#[tokio::test]
async fn answers_say_how_often_one_may_still_call() {
    let side = of_burst(3_600).await;
    let first = side.ask(get("/v1/stats", &bearer("d", None))).await;
    assert_eq!(first.header("x-ratelimit-limit"), "3600");
    assert_eq!(first.header("x-ratelimit-remaining"), "3599");
    assert_eq!(first.header("x-ratelimit-reset"), "1");
    let refused = side.ask(get("/v1/stats", "Bearer a.b.c")).await;
    assert_eq!((refused.status, refused.header("x-ratelimit-remaining")), (StatusCode::UNAUTHORIZED, "3599"));
}

#[tokio::test]
async fn who_calls_too_often_is_told_when_to_come_back_and_others_are_served() {
    let side = of_burst(1).await;
    let (one, device) = (bearer("d", None), bearer("d", Some("a")));
    let answer = refused(&side, |_| from("192.0.2.1", post("/v1/push", &one, ""))).await;
    assert_eq!((answer.header("retry-after"), answer.header("x-ratelimit-remaining")), ("1", "0"));
    // V16, with the numbers of this server.
    let expected = b"\xa3\x64code\x07\x67message\x78\x25Rate limit exceeded. Try again in 1s.\x67details\x78\x1cLimit: 1 requests per window";
    assert_eq!(&answer.body[..], expected, "{:?}", answer.body);
    // The same subject with a device is another one, whatever addresses it comes from.
    assert_eq!(side.ask(get("/v1/nothing", &device)).await.status, StatusCode::NOT_FOUND);
    refused(&side, |at| (format!("198.51.100.{}", at % 200), get("/v1/nothing", &device))).await;
}

#[tokio::test]
async fn who_shows_no_good_token_is_counted_by_address_and_harms_nobody_who_does() {
    let side = of_burst(20).await;
    refused(&side, |at| from("192.0.2.1", get("/v1/stats", &format!("Bearer {at}")))).await;
    assert_eq!(side.ask_from("192.0.2.2", get("/v1/stats", "Bearer x")).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(side.ask(get("/v1/stats", &bearer("d", None))).await.status, StatusCode::OK);
    let public = side.ask(request(Method::GET, "/v1/version").body(Body::empty()).unwrap()).await;
    assert_eq!((public.status, public.header("x-ratelimit-limit")), (StatusCode::OK, ""));
}

/// The original believed whoever wrote a header.
#[tokio::test]
async fn a_forwarding_header_is_no_other_address() {
    let side = of_burst(20).await;
    let forwarded = |at: u32| {
        let request = request(Method::GET, "/v1/stats").header("x-forwarded-for", format!("203.0.113.{}", at % 250));
        let request = request.header("x-real-ip", format!("203.0.113.{}", at % 250)).header("user-agent", at);
        from("192.0.2.1", request.body(Body::empty()).unwrap())
    };
    refused(&side, forwarded).await;
}

#[tokio::test]
async fn in_open_mode_each_address_has_a_bucket_of_its_own() {
    let open = sangam_sync_server::Access { open: true, ..live().access };
    let side = serve(Options::default(), Live { access: open, rate_per_sec: 1, rate_burst: 5, ..live() }).await;
    refused(&side, |_| from("192.0.2.1", get("/v1/stats?dbId=d", ""))).await;
    assert_eq!(side.ask_from("192.0.2.2", get("/v1/stats?dbId=d", "")).await.status, StatusCode::OK);
}
