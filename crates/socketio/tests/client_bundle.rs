//! The browser's client as browsers ask for it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends that way")]

use axum::body::{Body, to_bytes};
use http::{Request, Response, StatusCode, header};
use sangam_socketio::ClientBundle;
use tower::ServiceExt as _;

async fn get(bundle: &ClientBundle, name: &str, etag: Option<&str>) -> Response<Body> {
    let mut request = Request::get(format!("/socket.io/{name}"));
    if let Some(etag) = etag {
        request = request.header(header::IF_NONE_MATCH, etag);
    }
    bundle.router("/socket.io/").oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(to_bytes(response.into_body(), 10_000).await.unwrap().to_vec()).unwrap()
}

fn bundle() -> ClientBundle {
    let files = [("socket.io.js", "/*!\n * Socket.IO v4.8.1\n */ client"), ("socket.io.min.js.map", "{}")];
    ClientBundle::of(files.map(|(name, content)| (name.to_owned(), content.into())))
}

#[tokio::test]
async fn a_client_is_served_with_its_kind_and_version() {
    let response = get(&bundle(), "socket.io.js", None).await;
    let header = |name| response.headers()[name].to_str().unwrap();
    assert_eq!(header("content-type"), "application/javascript; charset=utf-8");
    assert_eq!((header("etag"), header("cache-control")), ("\"4.8.1\"", "public, max-age=0"));
    assert!(text(response).await.ends_with("client"));
    let map = get(&bundle(), "socket.io.min.js.map", None).await;
    assert_eq!(map.headers()["content-type"], "application/json; charset=utf-8");
}

#[tokio::test]
async fn a_client_that_is_known_is_not_sent_again() {
    for etag in ["\"4.8.1\"", "W/\"4.8.1\""] {
        assert_eq!(get(&bundle(), "socket.io.js", Some(etag)).await.status(), StatusCode::NOT_MODIFIED);
    }
    assert_eq!(get(&bundle(), "socket.io.js", Some("\"4.8.0\"")).await.status(), StatusCode::OK);
    assert_eq!(get(&bundle(), "other.js", None).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_build_without_a_client_says_how_to_get_one() {
    let response = get(&ClientBundle::default(), "socket.io.js", None).await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert!(text(response).await.contains("SANGAM_SOCKETIO_CLIENT_DIST"));
}

/// Whatever `SANGAM_SOCKETIO_CLIENT_DIST` was when this was built.
#[tokio::test]
async fn the_client_that_a_build_was_given_is_served_by_it() {
    let bundle = ClientBundle::embedded();
    let response = get(&bundle, "socket.io.js", None).await;
    if bundle.is_empty() {
        return assert_eq!(response.status(), StatusCode::NOT_FOUND);
    }
    let etag = response.headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(get(&bundle, "socket.io.js", Some(&etag)).await.status(), StatusCode::NOT_MODIFIED);
    let script = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    let named = format!("Socket.IO v{}", etag.trim_matches('"'));
    assert!(String::from_utf8_lossy(&script[..100]).contains(&named), "{named}");
}
