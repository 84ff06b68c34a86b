use axum::body::Body;
use http::{Method, StatusCode, header};
use sangam_sync_server::{CorsOrigins, Live, Options};

use crate::side::{Answer, Side, bearer, live, plain, request, serve};

const PAGE: &str = "https://app.example";

async fn with(cors: CorsOrigins) -> Side {
    // One request and no more: a preflight must not count.
    serve(Options::default(), Live { cors: Some(cors), rate_per_sec: 1, rate_burst: 1, ..live() }).await
}

async fn ask(side: &Side, method: Method, path: &str, origin: Option<&str>) -> Answer {
    let mut request = request(method, path);
    if let Some(origin) = origin {
        request = request.header(header::ORIGIN, origin);
    }
    side.ask(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_preflight_is_answered_before_anybody_is_asked_for_a_token() {
    let side = with(CorsOrigins::Listed(vec![PAGE.to_owned()])).await;
    for _ in 0..10 {
        let answer = ask(&side, Method::OPTIONS, "/v1/push", Some(PAGE)).await;
        assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, 0));
        assert_eq!(answer.header("access-control-allow-origin"), PAGE);
        assert_eq!(answer.header("access-control-max-age"), "86400");
        assert!(answer.header("access-control-allow-methods").contains("POST"));
        for name in ["Authorization", "Content-Type", "X-Requested-With", "Last-Event-ID"] {
            assert!(answer.header("access-control-allow-headers").contains(name), "{name}");
        }
        assert_eq!(answer.header("vary"), "Origin");
    }
    assert_eq!(ask(&side, Method::OPTIONS, "/v1/any/path", Some(PAGE)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_page_that_is_not_listed_may_read_nothing() {
    let side = with(CorsOrigins::Listed(vec![PAGE.to_owned()])).await;
    for origin in [Some("https://evil.example"), Some("null"), Some("https://app.example.evil.example"), None] {
        for method in [Method::OPTIONS, Method::GET] {
            let answer = ask(&side, method, "/v1/version", origin).await;
            assert_eq!(answer.status, StatusCode::OK);
            assert_eq!(answer.header("access-control-allow-origin"), "", "{origin:?}");
            assert!(answer.headers.get_all("vary").iter().any(|value| value == "Origin"), "caches must know");
        }
    }
}

#[tokio::test]
async fn a_listed_page_may_read_refusals_and_how_often_it_may_call() {
    let side = with(CorsOrigins::Listed(vec![PAGE.to_owned()])).await;
    let mut told = Vec::new();
    while told.last() != Some(&StatusCode::TOO_MANY_REQUESTS) && told.len() < 10_000 {
        let answer = ask(&side, Method::GET, "/v1/stats", Some(PAGE)).await;
        told.push(answer.status);
        assert_eq!(answer.header("access-control-allow-origin"), PAGE);
        for name in ["X-RateLimit-Remaining", "Retry-After"] {
            assert!(answer.header("access-control-expose-headers").contains(name), "{name}");
        }
    }
    assert_eq!(told.first(), Some(&StatusCode::UNAUTHORIZED));
    assert_eq!(told.last(), Some(&StatusCode::TOO_MANY_REQUESTS));
}

#[tokio::test]
async fn any_page_may_read_where_any_may() {
    let side = with(CorsOrigins::Any).await;
    assert_eq!(ask(&side, Method::GET, "/v1/version", Some(PAGE)).await.header("access-control-allow-origin"), "*");
    assert_eq!(ask(&side, Method::OPTIONS, "/v1/pull", None).await.header("access-control-allow-origin"), "*");
}

#[tokio::test]
async fn without_cors_no_page_is_told_anything() {
    let side = plain().await;
    let answer = ask(&side, Method::GET, "/v1/version", Some(PAGE)).await;
    assert!(answer.headers.keys().all(|name| !name.as_str().starts_with("access-control")), "{:?}", answer.headers);
    assert_eq!(ask(&side, Method::OPTIONS, "/v1/push", Some(PAGE)).await.status, StatusCode::UNAUTHORIZED);
    let known = request(Method::OPTIONS, "/v1/push").header(header::AUTHORIZATION, bearer("d", None));
    assert_eq!(side.ask(known.body(Body::empty()).unwrap()).await.status, StatusCode::METHOD_NOT_ALLOWED);
}
