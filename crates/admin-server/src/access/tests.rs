use std::net::SocketAddr;
use std::time::Duration;

use sangam_auth::token::{Claims, Key, TokenOptions};
use sangam_net::http::Scheme;

use super::*;

const NOW: Wall = Wall::from_unix_secs(1_700_000_000);

fn access() -> Access {
    let key = |kid, use_, byte| Key::new(kid, use_, &vec![byte; 32].into()).unwrap();
    let keys = vec![key("admin", Use::Admin, b'a'), key("sync", Use::Sync, b's')];
    let keyring = Keyring::new(keys, TokenOptions::default()).unwrap();
    let allow = ["10.1.0.0/16", "2001:db8::/32", "127.0.0.0/8", "::1/128"].map(|net| net.parse().unwrap());
    Access { keyring, allow: allow.to_vec(), renew_max: Duration::ZERO }
}

fn client(addr: &str, trusted_loopback: bool, origin_allowed: bool) -> Client {
    let local: SocketAddr = "192.0.2.1:8080".parse().unwrap();
    Client { addr: addr.parse().unwrap(), local, scheme: Scheme::Http, trusted_loopback, origin_allowed }
}

fn token(use_: Use, scope: &str, exp: Wall) -> String {
    let claims = Claims { scope: Some(scope.to_owned()), ..Claims::new("alice", exp) };
    access().keyring.mint(use_, &claims).unwrap()
}

fn good(scope: &str) -> String {
    token(Use::Admin, scope, NOW + Duration::from_secs(60))
}

/// Decides for a request for `metrics:read` and returns the code of the refusal.
fn check(client: Option<&Client>, authorization: Option<&str>) -> Result<(), &'static str> {
    let mut headers = HeaderMap::new();
    if let Some(value) = authorization {
        headers.insert(AUTHORIZATION, HeaderValue::try_from(value).unwrap());
    }
    access().may_read(client, &headers, Scope::MetricsRead, NOW).map_err(|denied| denied.code())
}

#[test]
fn an_address_may_read_if_it_is_trusted_loopback_or_allowed() {
    let required = Err("token_required");
    for (addr, trusted_loopback, origin_allowed, expected) in [
        ("127.0.0.1:1", true, true, Ok(())),
        ("[::1]:1", true, true, Ok(())),
        ("127.0.0.1:1", false, true, required), // a rebound name, or a proxy nobody named
        ("[::1]:1", false, true, required),
        ("[::ffff:127.0.0.1]:1", false, true, required),
        ("10.1.2.3:1", false, true, Ok(())),
        ("[::ffff:10.1.2.3]:1", false, true, Ok(())),
        ("[2001:db8::7]:1", false, true, Ok(())),
        ("10.1.2.3:1", false, false, required), // a foreign page in an operator's browser
        ("10.2.0.1:1", false, true, required),
        ("203.0.113.9:1", false, true, required),
    ] {
        let client = client(addr, trusted_loopback, origin_allowed);
        assert_eq!(check(Some(&client), None), expected, "{client:?}");
    }
    assert_eq!(check(None, None), required);
}

#[test]
fn a_token_lets_read_what_its_scope_allows_from_anywhere() {
    let public = client("203.0.113.9:1", false, false);
    for scope in ["metrics:read", "admin:read", "admin:write", "openid metrics:read"] {
        assert_eq!(check(Some(&public), Some(&format!("Bearer {}", good(scope)))), Ok(()), "{scope}");
    }
    assert_eq!(check(None, Some(&format!("bearer  {}", good("metrics:read")))), Ok(()));
    assert_eq!(check(Some(&public), Some(&format!("Bearer {}", good("openid")))), Err("scope_required"));
}

#[test]
fn a_token_that_does_not_fit_is_refused_with_its_reason() {
    let public = client("203.0.113.9:1", false, true);
    let later = NOW + Duration::from_secs(60);
    let mut forged = good("admin:write");
    forged.replace_range(forged.len() - 4.., "AAAA");
    for (authorization, code) in [
        (format!("Bearer {}", token(Use::Admin, "metrics:read", Wall::from_unix_secs(1))), "token_expired"),
        (format!("Bearer {}", token(Use::Sync, "metrics:read", later)), "token_wrong_use"),
        (format!("Bearer {forged}"), "token_bad_signature"),
        (format!("Bearer {}", "a".repeat(9_000)), "token_too_long"),
        ("Bearer rubbish".to_owned(), "token_malformed"),
        ("Bearer".to_owned(), "token_required"),
        (format!("Basic {}", good("metrics:read")), "token_required"),
        (good("metrics:read"), "token_required"),
        (String::new(), "token_required"),
    ] {
        assert_eq!(check(Some(&public), Some(&authorization)), Err(code), "{authorization}");
    }
}

/// As [`check`] for a request with these header fields.
fn check_fields(client: Option<&Client>, fields: &[(&'static str, &str)]) -> Result<(), &'static str> {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(*name, HeaderValue::try_from(*value).unwrap());
    }
    access().may_read(client, &headers, Scope::MetricsRead, NOW).map_err(|denied| denied.code())
}

#[test]
fn a_token_may_come_as_an_api_key_too() {
    let (token, bearer) = (good("metrics:read"), format!("Bearer {}", good("metrics:read")));
    for (fields, expected) in [
        (vec![("x-api-key", &*token)], Ok(())),
        (vec![("x-api-key", &*token), ("authorization", &*bearer)], Ok(())),
        (vec![("x-api-key", &*token), ("authorization", "Basic dTpw")], Ok(())),
        (vec![("x-api-key", " "), ("authorization", &*bearer)], Ok(())),
        (vec![("x-api-key", "")], Err("token_required")),
        (vec![("x-api-key", "rubbish")], Err("token_malformed")),
        (vec![("x-api-key", &*good("openid"))], Err("scope_required")),
        // It is no query parameter's and no scheme's.
        (vec![("x-api-key", &*bearer)], Err("token_malformed")),
    ] {
        assert_eq!(check_fields(None, &fields), expected, "{fields:?}");
    }
    let mut headers = HeaderMap::new();
    headers.insert(API_KEY, HeaderValue::try_from(good("admin:write")).unwrap());
    assert_eq!(access().may_write(&headers, NOW), Ok("alice".to_owned()));
}

#[test]
fn two_tokens_that_differ_are_refused_whoever_sends_them() {
    let (token, other) = (good("metrics:read"), good("admin:write"));
    let operator = client("127.0.0.1:1", true, true);
    let bearer = format!("Bearer {token}");
    for fields in
        [[("authorization", &*bearer), ("x-api-key", &*other)], [("x-api-key", &*token), ("x-api-key", &*other)]]
    {
        assert_eq!(check_fields(Some(&operator), &fields), Err("tokens_differ"), "{fields:?}");
    }
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, HeaderValue::try_from(bearer).unwrap());
    headers.insert(API_KEY, HeaderValue::try_from(other).unwrap());
    assert_eq!(access().may_write(&headers, NOW), Err(Denied::Differ { scope: Scope::AdminWrite }));
    assert_eq!(Denied::Differ { scope: Scope::AdminWrite }.into_response().status(), StatusCode::BAD_REQUEST);
}
