use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::{Method, StatusCode, header};
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use sangam_auth::token::{Claims, Use};
use sangam_sync_proto::message::ErrorCode;
use sangam_sync_server::{Live, Options};

use crate::side::{
    NOW, OTHER_SECRET, SECRET, Side, bearer, claims, from_start, get, live, mint, plain, post, request, serve, upsert,
};

const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;
const PAYLOAD: &str = r#"{"sub":"alice","exp":1702569660,"dbId":"d"}"#;

fn signed_by(algorithm: Algorithm, header: &str, payload: &str, secret: &str) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let key = EncodingKey::from_secret(secret.as_bytes());
    format!("{message}.{}", crypto::sign(message.as_bytes(), &key, algorithm).unwrap())
}

fn signed(header: &str, payload: &str) -> String {
    signed_by(Algorithm::HS256, header, payload, SECRET)
}

/// What each forged token is, and itself.
fn forged() -> Vec<(&'static str, String)> {
    let good = signed(HEADER, PAYLOAD);
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (head, _) = message.split_once('.').unwrap();
    let other_payload = URL_SAFE_NO_PAD.encode(PAYLOAD.replace("\"d\"", "\"e\""));
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
    let payload = URL_SAFE_NO_PAD.encode(PAYLOAD);
    let late = NOW.unix_secs() + 60;
    vec![
        ("alg none, unsigned", format!("{none}.{payload}.")),
        ("alg none, signed", signed(r#"{"alg":"none","typ":"JWT"}"#, PAYLOAD)),
        ("no signature", format!("{message}.")),
        ("signature cut", message.to_owned()),
        ("signature of another token", format!("{message}.{}", signed(HEADER, "{}").rsplit_once('.').unwrap().1)),
        ("payload changed", format!("{head}.{other_payload}.{signature}")),
        ("another secret", signed_by(Algorithm::HS256, HEADER, PAYLOAD, OTHER_SECRET)),
        ("empty secret", signed_by(Algorithm::HS256, HEADER, PAYLOAD, "\0")),
        ("alg HS512, signed so", signed_by(Algorithm::HS512, r#"{"alg":"HS512","typ":"JWT"}"#, PAYLOAD, SECRET)),
        ("alg HS512, signed HS256", signed(r#"{"alg":"HS512","typ":"JWT"}"#, PAYLOAD)),
        ("alg RS256", signed(r#"{"alg":"RS256","typ":"JWT"}"#, PAYLOAD)),
        ("kid of a key for the admin API", signed(r#"{"alg":"HS256","typ":"JWT","kid":"a1"}"#, PAYLOAD)),
        ("kid of nobody", signed(r#"{"alg":"HS256","typ":"JWT","kid":"x"}"#, PAYLOAD)),
        ("crit", signed(r#"{"alg":"HS256","typ":"JWT","crit":["b64"],"b64":false}"#, PAYLOAD)),
        ("typ of something else", signed(r#"{"alg":"HS256","typ":"at+jwt"}"#, PAYLOAD)),
        ("alg twice", signed(r#"{"alg":"HS256","alg":"none"}"#, PAYLOAD)),
        ("no exp", signed(HEADER, r#"{"sub":"alice","dbId":"d"}"#)),
        ("exp that is text", signed(HEADER, r#"{"sub":"alice","exp":"1702569660","dbId":"d"}"#)),
        ("no sub", signed(HEADER, &format!(r#"{{"exp":{late},"dbId":"d"}}"#))),
        ("dbId that is no text", signed(HEADER, &format!(r#"{{"sub":"alice","exp":{late},"dbId":["d"]}}"#))),
        ("another audience", signed(HEADER, &format!(r#"{{"sub":"alice","exp":{late},"dbId":"d","aud":"x"}}"#))),
        ("expired", signed(HEADER, r#"{"sub":"alice","exp":1702569000,"dbId":"d"}"#)),
        ("not yet", signed(HEADER, r#"{"sub":"alice","exp":1702579600,"nbf":1702579000,"dbId":"d"}"#)),
        ("of use signal", mint(Use::Signal, &claims(Some("d"), None))),
        ("of use admin", mint(Use::Admin, &claims(Some("d"), None))),
        ("empty", String::new()),
        ("three dots", "...".to_owned()),
        ("two dots", "..".to_owned()),
        ("no JWT", "canary".to_owned()),
        ("not base64", "!!!.###.$$$".to_owned()),
        ("huge", format!("{head}.{}.{signature}", "A".repeat(100_000))),
        ("two tokens", format!("{good} {good}")),
    ]
}

#[tokio::test]
async fn no_forged_token_opens_any_path() {
    let side = plain().await;
    for (what, token) in forged() {
        for (method, path) in [
            (Method::GET, "/v1/stats"),
            (Method::POST, "/v1/handshake"),
            (Method::POST, "/v1/pull"),
            (Method::POST, "/v1/push"),
            (Method::GET, "/v1/events?deviceId=a&dbId=d"),
            (Method::GET, "/v1/stream?deviceId=a&dbId=d"),
            (Method::GET, "/v1/ws?deviceId=a&dbId=d"),
            (Method::GET, "/v1/nothing"),
        ] {
            let request = request(method, path).header(header::AUTHORIZATION, format!("Bearer {token}"));
            let answer = side.ask(request.body("".into()).unwrap()).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{what} at {path}");
            assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"sync\"", "{what} at {path}");
        }
    }
    let good = format!("Bearer {}", signed(HEADER, PAYLOAD));
    assert_eq!(side.ask(get("/v1/stats", &good)).await.status, StatusCode::OK, "and one that is not forged does");
}

#[tokio::test]
async fn who_is_refused_is_told_why_in_the_words_that_clients_know() {
    let side = plain().await;
    let expired = signed(HEADER, r#"{"sub":"alice","exp":1702569000,"dbId":"d"}"#);
    let early = signed(HEADER, r#"{"sub":"alice","exp":1702579600,"nbf":1702579000,"dbId":"d"}"#);
    for (authorization, expected) in [
        (None, "Missing authorization header"),
        (Some("Token abc".to_owned()), "Invalid authorization format"),
        (Some("Bearer".to_owned()), "Invalid authorization format"),
        (Some("Basic dDp0".to_owned()), "Invalid authorization format"),
        (Some(format!("Bearer {expired}")), "Token has expired"),
        (Some(format!("Bearer {early}")), "Token is not yet active"),
        (
            Some("Bearer a.b.c".to_owned()),
            "Invalid token: the token is not a well-formed JWT: its header cannot be read",
        ),
    ] {
        let mut request = request(Method::POST, "/v1/push").header(header::CONTENT_TYPE, "application/cbor");
        if let Some(authorization) = &authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let answer = side.ask(request.body("".into()).unwrap()).await;
        let error = answer.error();
        assert_eq!((error.code, error.message.as_str()), (ErrorCode::AuthenticationFailed, expected));
    }
}

/// V15.
#[tokio::test]
async fn a_missing_token_is_answered_with_the_bytes_of_the_vector() {
    let side = plain().await;
    let answer = side.ask(request(Method::POST, "/v1/pull").body("".into()).unwrap()).await;
    let expected = b"\xa2\x64code\x02\x67message\x78\x1cMissing authorization header";
    assert_eq!(&answer.body[..], expected);
}

#[tokio::test]
async fn the_word_bearer_is_taken_in_any_case_and_two_authorizations_are_none() {
    let side = plain().await;
    let token = mint(Use::Sync, &claims(Some("d"), None));
    for scheme in ["Bearer", "bearer", "BEARER"] {
        assert_eq!(side.ask(get("/v1/stats", &format!("{scheme} {token}"))).await.status, StatusCode::OK, "{scheme}");
    }
    let both = request(Method::GET, "/v1/stats")
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::AUTHORIZATION, "Bearer other");
    assert_eq!(side.ask(both.body("".into()).unwrap()).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn basic_is_heard_on_the_websocket_alone() {
    let side = plain().await;
    let basic = format!("Basic {}", STANDARD.encode(format!("t:{}", mint(Use::Sync, &claims(Some("d"), None)))));
    assert_eq!(side.ask(get("/v1/stats", &basic)).await.status, StatusCode::UNAUTHORIZED);
    assert_ne!(side.ask(get("/v1/ws?deviceId=a", &basic)).await.status, StatusCode::UNAUTHORIZED);
    let no_password = format!("Basic {}", STANDARD.encode("t"));
    assert_eq!(side.ask(get("/v1/ws?deviceId=a", &no_password)).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn nobody_touches_the_database_of_another() {
    let side = plain().await;
    let (ours, theirs) = (bearer("d", None), bearer("e", None));
    side.push(&ours, "d", "a", vec![upsert("d", "a", 1, "t", 1)]).await.pushed();
    let refused = [
        side.push(&theirs, "d", "a", vec![]).await,
        side.push(&theirs, "e", "a", vec![upsert("e", "a", 1, "t", 1), upsert("d", "a", 2, "t", 9)]).await,
        side.push(&ours, "d", "a", vec![upsert("d", "b", 1, "t", 9)]).await,
        side.pull(&theirs, from_start("d")).await,
        side.handshake(&theirs, "d", "a", &[]).await,
    ];
    for answer in refused {
        let error = answer.error();
        assert_eq!((answer.status, error.code), (StatusCode::FORBIDDEN, ErrorCode::AuthorizationFailed));
        // V18.
        assert_eq!(&answer.body[..], b"\xa2\x64code\x03\x67message\x78\x26Not authorized to access this resource");
    }
    let stats = side.ask(get("/v1/stats?dbId=d", &theirs)).await;
    assert_eq!(stats.status, StatusCode::FORBIDDEN);
    assert_eq!(stats.json(), serde_json::json!({ "error": "Not authorized to access this resource", "code": 3 }));
    // The same words for what is there and what is not.
    assert_eq!(side.ask(get("/v1/stats?dbId=nowhere", &theirs)).await.body, stats.body);
    assert_eq!(side.ask(get("/v1/stats", &theirs)).await.json()["cursor"], 0);
    assert!(side.pull(&theirs, from_start("e")).await.pulled().ops.is_empty());
    assert_eq!(side.pull(&ours, from_start("d")).await.pulled().ops.len(), 1);
}

#[tokio::test]
async fn a_token_that_names_a_replica_speaks_for_no_other() {
    let side = plain().await;
    let bound = bearer("d", Some("a"));
    side.push(&bound, "d", "a", vec![upsert("d", "a", 1, "t", 1)]).await.pushed();
    for answer in [
        side.push(&bound, "d", "b", vec![]).await,
        side.push(&bound, "d", "a", vec![upsert("d", "b", 2, "u", 1)]).await,
        side.handshake(&bound, "d", "b", &[]).await,
    ] {
        assert_eq!((answer.status, answer.error().code), (StatusCode::FORBIDDEN, ErrorCode::AuthorizationFailed));
    }
    side.handshake(&bound, "d", "a", &[]).await.welcomed();
}

#[tokio::test]
async fn a_token_without_a_database_is_good_for_the_default_one_alone() {
    let nameless = format!("Bearer {}", mint(Use::Sync, &claims(None, None)));
    let side = plain().await;
    let refused = side.pull(&nameless, from_start("d")).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.error().details.unwrap().contains("sync.default_db"));
    let mut live = live();
    live.access.default_db = Some("d".into());
    side.server.reload(live);
    side.pull(&nameless, from_start("d")).await.pulled();
    assert_eq!(side.pull(&nameless, from_start("e")).await.status, StatusCode::FORBIDDEN);
    assert_eq!(side.pull(&bearer("e", None), from_start("e")).await.status, StatusCode::OK);
    let empty = format!("Bearer {}", mint(Use::Sync, &claims(Some(""), None)));
    assert_eq!(side.pull(&empty, from_start("d")).await.status, StatusCode::FORBIDDEN, "an empty name is not none");
}

async fn open() -> Side {
    let closed = live();
    let access = sangam_sync_server::Access { open: true, ..closed.access };
    serve(Options::default(), Live { access, ..closed }).await
}

#[tokio::test]
async fn in_open_mode_nobody_needs_a_token_and_a_bad_one_is_refused() {
    let side = open().await;
    let stats = |query: &str| request(Method::GET, &format!("/v1/stats{query}")).body("".into()).unwrap();
    assert_eq!(side.ask(stats("?dbId=any")).await.status, StatusCode::OK);
    let which = side.ask(stats("")).await;
    assert_eq!(which.json()["error"], "Missing dbId query parameter");
    assert_eq!(side.ask(get("/v1/stats?dbId=any", "Bearer a.b.c")).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(side.ask(get("/v1/stats?dbId=any", &bearer("d", None))).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_revoked_token_is_refused_from_then_on() {
    let revoked = std::sync::Arc::new(arc_swap::ArcSwap::from_pointee(sangam_auth::token::Revoked::default()));
    let mut live = live();
    live.access.keyring = live.access.keyring.with_revoked(std::sync::Arc::clone(&revoked));
    let side = serve(Options::default(), live).await;
    let claims = Claims { jti: Some("j".to_owned()), ..claims(Some("d"), None) };
    let token = format!("Bearer {}", mint(Use::Sync, &claims));
    assert_eq!(side.ask(get("/v1/stats", &token)).await.status, StatusCode::OK);
    let mut list = sangam_auth::token::Revoked::default();
    list.add_token("j", None);
    revoked.store(std::sync::Arc::new(list));
    let answer = side.ask(post("/v1/pull", &token, "")).await;
    assert_eq!(answer.error().message, "Invalid token: the token was revoked");
}
