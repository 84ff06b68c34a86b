use http::Method;
use sangam_auth::token::{Claims, Use};
use sangam_types::Wall;
use serde_json::{Value, json};

use crate::server::{Answer, From, NOW, Server, access, token};

const RENEW: &str = "/api/v1/tokens/renew";
const REVOCATIONS: &str = "/api/v1/tokens/revocations";

fn at(secs: u64) -> Wall {
    Wall::from_unix_secs(NOW.wall.unix_secs() + secs)
}

fn minted(use_: Use, claims: &Claims) -> From {
    From::Token(format!("Bearer {}", access(b'a').keyring.mint(use_, claims).unwrap()))
}

/// Minted half an hour ago for an hour.
fn claims() -> Claims {
    Claims {
        iat: Some(Wall::from_unix_secs(NOW.wall.unix_secs() - 1_800)),
        jti: Some("first".to_owned()),
        room: Some("hall".to_owned()),
        grants: Some(vec!["join".to_owned()]),
        ..Claims::new("alice", at(1_800))
    }
}

impl Server {
    async fn renew(&self, from: &From) -> Answer {
        self.send(Method::POST, RENEW, from, &[]).await
    }

    async fn revoke(&self, body: Value) -> Answer {
        self.send_body(Method::POST, REVOCATIONS, &token("admin:write"), &JSON, &body.to_string()).await
    }
}

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

#[tokio::test]
async fn a_good_token_is_exchanged_for_a_later_one_of_the_same_claims() {
    let server = Server::new();
    let answer = server.renew(&minted(Use::Signal, &claims())).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("cache-control"), "no-store");
    let body = answer.json();
    assert_eq!((&body["expires_in"], &body["use"]), (&json!(3_600), &json!("signal")));
    let second = access(b'a').keyring.verify(body["token"].as_str().unwrap(), Use::Signal, NOW.wall).unwrap();
    assert_eq!(second.origin_jti.as_deref(), Some("first"));
    let expected = Claims {
        exp: at(3_600),
        iat: Some(NOW.wall),
        jti: second.jti.clone(),
        origin_jti: second.origin_jti.clone(),
        auth_time: claims().iat,
        ..claims()
    };
    assert_eq!(second, expected);
    assert!(second.jti.is_some_and(|jti| jti != "first"));
}

#[tokio::test]
async fn only_a_good_token_of_signaling_with_a_name_and_an_age_is_renewed() {
    let server = Server::new();
    let began = Wall::from_unix_secs(NOW.wall.unix_secs() - 86_000);
    let old = Claims { origin_jti: Some("zeroth".to_owned()), auth_time: Some(began), ..claims() };
    for (from, status, code) in [
        (From::Loopback, 401, "token_required"),
        (minted(Use::Signal, &Claims { exp: at(0), ..claims() }), 200, ""),
        (minted(Use::Signal, &Claims { exp: Wall::from_unix_secs(1_699_999_000), ..claims() }), 401, "token_expired"),
        (From::Token("Bearer x".to_owned()), 401, "token_malformed"),
        (minted(Use::Signal, &Claims { jti: None, ..claims() }), 403, "token_not_renewable"),
        (minted(Use::Signal, &Claims { iat: None, ..claims() }), 403, "token_not_renewable"),
        (minted(Use::Signal, &old), 403, "token_too_old"),
    ] {
        let answer = server.renew(&from).await;
        let found =
            if answer.status == 200 { String::new() } else { answer.json()["code"].as_str().unwrap().to_owned() };
        assert_eq!((answer.status.as_u16(), found.as_str()), (status, code), "{from:?}");
    }
}

#[tokio::test]
async fn revoking_the_first_of_a_line_ends_those_that_were_renewed_from_it() {
    let server = Server::new();
    let renewed = server.renew(&minted(Use::Signal, &claims())).await.json()["token"].as_str().unwrap().to_owned();
    let renewed = From::Token(format!("Bearer {renewed}"));
    assert_eq!(server.renew(&renewed).await.status, 200);
    let answer = server.revoke(json!({ "jti": "first", "until": "2030-01-31T12:00:00Z" })).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["jti"]), (201, &json!("first")));
    for from in [minted(Use::Signal, &claims()), renewed.clone()] {
        assert_eq!(server.renew(&from).await.json()["code"], "token_revoked");
    }
    let list = server.get(REVOCATIONS, &token("admin:read")).await.json();
    assert_eq!((&list["meta"]["count"], &list["data"][0]["until"]), (&json!(1), &json!("2030-01-31T12:00:00.000Z")));
    let path = format!("{REVOCATIONS}?jti=first");
    for status in [204, 404] {
        let answer = server.send(Method::DELETE, &path, &token("admin:write"), &[]).await;
        assert_eq!(answer.status.as_u16(), status);
    }
    assert_eq!(server.renew(&renewed).await.status, 200);
}

#[tokio::test]
async fn a_revoked_operator_is_shut_out_at_once() {
    let server = Server::new();
    let alice = token("admin:write");
    assert_eq!(server.revoke(json!({ "sub": "alice" })).await.status, 201);
    let answer = server.get(REVOCATIONS, &alice).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (401, &json!("token_revoked")));
}

#[tokio::test]
async fn an_order_names_one_thing_and_comes_with_the_scope() {
    let server = Server::new();
    for (body, code) in [
        (json!({}), "selection_required"),
        (json!({ "jti": "a", "sub": "b" }), "selection_required"),
        (json!({ "jti": "" }), "name_invalid"),
        (json!({ "sub": "x".repeat(5_000) }), "name_invalid"),
        (json!({ "jti": "a", "until": "soon" }), "time_invalid"),
        (json!({ "jti": "a", "until": "2001-01-01T00:00:00Z" }), "time_invalid"),
        (json!({ "jit": "a" }), "body_invalid"),
    ] {
        let answer = server.revoke(body.clone()).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (400, &json!(code)), "{body}");
    }
    for from in [From::Loopback, token("admin:read")] {
        let answer = server.send_body(Method::POST, REVOCATIONS, &from, &JSON, r#"{"jti":"a"}"#).await;
        assert!([401, 403].contains(&answer.status.as_u16()), "{from:?}");
    }
}

#[tokio::test]
async fn an_address_that_renews_too_often_is_told_when_to_come_again() {
    let server = Server::new();
    for _ in 0..60 {
        assert_eq!(server.renew(&From::Public).await.status, 401);
    }
    let answer = server.renew(&From::Public).await;
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (429, "60"));
    assert_eq!(server.renew(&From::Allowed).await.status, 401);
}

#[tokio::test]
async fn a_page_of_an_allowed_origin_may_renew() {
    let server = Server::new();
    let origin = [("origin", "https://app.example.org")];
    for method in [Method::OPTIONS, Method::POST] {
        let answer = server.send(method, RENEW, &From::Public, &origin).await;
        assert_eq!(answer.header("access-control-allow-origin"), "https://app.example.org");
    }
}
