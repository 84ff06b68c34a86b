use jsonwebtoken::{Algorithm, EncodingKey};
use proptest::prelude::*;

use super::*;
use crate::token::{KeyError, Uses};

const NOW: Wall = Wall::from_unix_secs(1_700_000_000);
const SECRET: &str = "0123456789abcdefghijklmnopqrstuv";
const OTHER: &str = "vutsrqponmlkjihgfedcba9876543210";

fn key(kid: &str, uses: impl Into<Uses>, secret: &str) -> Key {
    Key::new(kid, uses, &secret.as_bytes().to_vec().into()).unwrap()
}

fn keyring(keys: Vec<Key>) -> Keyring {
    Keyring::new(keys, TokenOptions::default()).unwrap()
}

fn admin() -> Keyring {
    keyring(vec![key("a1", Use::Admin, SECRET)])
}

fn claims() -> Claims {
    Claims::new("alice", NOW + Duration::from_secs(60))
}

/// A token of any header and payload, signed with HS256.
fn signed(header: &str, payload: &str, secret: &str) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let key = EncodingKey::from_secret(secret.as_bytes());
    let signature = crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
    format!("{message}.{signature}")
}

const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;
const PAYLOAD: &str = r#"{"sub":"alice","exp":1700000060}"#;

/// The signature is what `openssl dgst -sha256 -hmac` computes over the first two parts.
#[test]
fn a_token_made_by_another_tool_is_accepted() {
    let token = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6MTcwMDAwMDA2MH0.eAhQsmDcbWB84cdWnvaaDvjhby5mLMCZFyqdJBMqSsY";
    assert_eq!(admin().verify(token, Use::Admin, NOW), Ok(claims()));
}

#[test]
fn what_is_minted_is_verified() {
    let claims = Claims { scope: Some("admin:read".into()), ..claims() };
    let token = admin().mint(Use::Admin, &claims).unwrap();
    assert_eq!(admin().verify(&token, Use::Admin, NOW), Ok(claims));
}

#[test]
fn the_algorithm_comes_from_the_key_and_never_from_the_token() {
    let table = [
        (r#"{"alg":"none"}"#, TokenRefusal::WrongAlgorithm),
        (r#"{"alg":"None"}"#, TokenRefusal::WrongAlgorithm),
        (r#"{"alg":"hs256"}"#, TokenRefusal::WrongAlgorithm),
        (r#"{"alg":"HS384"}"#, TokenRefusal::WrongAlgorithm),
        (r#"{"alg":"HS512"}"#, TokenRefusal::WrongAlgorithm),
        (r#"{"alg":"RS256"}"#, TokenRefusal::WrongAlgorithm),
        (r#"{"alg":"ES256","jwk":{"kty":"oct","k":"AAAA"}}"#, TokenRefusal::WrongAlgorithm),
        (r#"{"alg":""}"#, TokenRefusal::WrongAlgorithm),
        (r#"{"alg":null}"#, TokenRefusal::Malformed { part: "its header" }),
        (r#"{"alg":"HS256","alg":"none"}"#, TokenRefusal::Malformed { part: "its header" }),
        (r#"{"typ":"JWT"}"#, TokenRefusal::Malformed { part: "its header" }),
        (r#"{"alg":"HS256","crit":["exp"],"exp":1}"#, TokenRefusal::CriticalExtension),
    ];
    for (header, refusal) in table {
        let token = signed(header, PAYLOAD, SECRET);
        assert_eq!(admin().verify(&token, Use::Admin, NOW), Err(refusal.clone()), "{header}");
        let (unsigned, _) = token.rsplit_once('.').unwrap();
        assert_eq!(admin().verify(&format!("{unsigned}."), Use::Admin, NOW), Err(refusal), "{header} unsigned");
    }
}

#[test]
fn an_empty_or_foreign_signature_does_not_fit() {
    let token = signed(HEADER, PAYLOAD, SECRET);
    let (message, signature) = token.rsplit_once('.').unwrap();
    for forged in [
        format!("{message}."),
        format!("{message}.{}", &signature[..signature.len() - 2]),
        format!("{message}.!!!"),
        signed(HEADER, PAYLOAD, OTHER),
        signed(HEADER, PAYLOAD, ""),
    ] {
        assert_eq!(admin().verify(&forged, Use::Admin, NOW), Err(TokenRefusal::BadSignature), "{forged}");
    }
}

#[test]
fn times_are_checked_against_the_time_given_with_leeway() {
    let expired = TokenRefusal::Expired { at: Wall::from_unix_secs(1_700_000_060) };
    let early = TokenRefusal::NotYetValid { from: Wall::from_unix_secs(1_700_000_040) };
    let token = signed(HEADER, r#"{"sub":"alice","exp":1700000060,"nbf":1700000040}"#, SECRET);
    for (secs, expected) in [
        (1_700_000_009, Err(early)),
        (1_700_000_010, Ok(())),
        (1_700_000_089, Ok(())),
        (1_700_000_090, Err(expired.clone())),
        (u64::MAX / 1_000, Err(expired)),
    ] {
        let found = admin().verify(&token, Use::Admin, Wall::from_unix_secs(secs)).map(|_| ());
        assert_eq!(found, expected, "at {secs}");
    }
}

#[test]
fn required_claims_are_missed_by_name() {
    for (payload, refusal) in [
        (r#"{"sub":"alice"}"#, TokenRefusal::MissingClaim { claim: "exp" }),
        (r#"{"exp":1700000060}"#, TokenRefusal::MissingClaim { claim: "sub" }),
        (r#"{"sub":"","exp":1700000060}"#, TokenRefusal::MissingClaim { claim: "sub" }),
        (r#"{"sub":"alice","exp":"1700000060"}"#, TokenRefusal::Malformed { part: "its payload" }),
        (r#"{"sub":"alice","exp":1700000060,"aud":"elsewhere"}"#, TokenRefusal::WrongAudience),
        ("null", TokenRefusal::Malformed { part: "its payload" }),
        ("{", TokenRefusal::Malformed { part: "its payload" }),
        ("", TokenRefusal::Malformed { part: "its payload" }),
    ] {
        let token = signed(HEADER, payload, SECRET);
        assert_eq!(admin().verify(&token, Use::Admin, NOW), Err(refusal), "{payload}");
    }
}

#[test]
fn a_token_for_our_audience_is_taken() {
    let options = TokenOptions { audience: Some("sangam".into()), ..TokenOptions::default() };
    let keyring = Keyring::new(vec![key("a1", Use::Admin, SECRET)], options).unwrap();
    let verify = |aud: &str| {
        let payload = format!(r#"{{"sub":"alice","exp":1700000060,"aud":{aud}}}"#);
        keyring.verify(&signed(HEADER, &payload, SECRET), Use::Admin, NOW).map(|_| ())
    };
    assert_eq!(verify(r#"["elsewhere","sangam"]"#), Ok(()));
    assert_eq!(verify("[]"), Ok(()));
    assert_eq!(verify(r#""elsewhere""#), Err(TokenRefusal::WrongAudience));
}

#[test]
fn kid_selects_the_key_and_its_uses_bind() {
    let keyring = keyring(vec![key("s1", Use::Sync, OTHER), key("a1", Use::Admin, SECRET)]);
    let token = |kid: &str, secret| signed(&format!(r#"{{"alg":"HS256","kid":"{kid}"}}"#), PAYLOAD, secret);
    let wanted = Use::Admin;
    for (token, expected) in [
        (token("a1", SECRET), Ok(())),
        (token("a1", OTHER), Err(TokenRefusal::BadSignature)),
        (token("s1", OTHER), Err(TokenRefusal::WrongUse { wanted })),
        (token("a2", SECRET), Err(TokenRefusal::UnknownKey { wanted })),
        (token("", SECRET), Err(TokenRefusal::UnknownKey { wanted })),
        (signed(HEADER, PAYLOAD, SECRET), Ok(())),
        (signed(HEADER, PAYLOAD, OTHER), Err(TokenRefusal::BadSignature)),
    ] {
        assert_eq!(keyring.verify(&token, wanted, NOW).map(|_| ()), expected, "{token}");
    }
    let none = Err(TokenRefusal::UnknownKey { wanted: Use::Signal });
    assert_eq!(keyring.verify(&signed(HEADER, PAYLOAD, SECRET), Use::Signal, NOW), none);
}

#[test]
fn keys_of_different_uses_may_share_a_kid() {
    let keyring = keyring(vec![key("k", Use::Sync, OTHER), key("k", Use::Admin, SECRET)]);
    for use_ in [Use::Sync, Use::Admin] {
        let token = keyring.mint(use_, &claims()).unwrap();
        assert_eq!(keyring.verify(&token, use_, NOW), Ok(claims()));
        let other = if use_ == Use::Sync { Use::Admin } else { Use::Sync };
        assert_eq!(keyring.verify(&token, other, NOW), Err(TokenRefusal::BadSignature));
    }
}

#[test]
fn during_a_rotation_the_first_key_mints_and_each_verifies() {
    let (old, new) = (key("old", Use::Signal, SECRET), key("new", Use::Signal, OTHER));
    let by_old = keyring(vec![old.clone()]).mint(Use::Signal, &claims()).unwrap();
    let both = keyring(vec![new.clone(), old]);
    let by_both = both.mint(Use::Signal, &claims()).unwrap();
    assert_eq!(both.verify(&by_old, Use::Signal, NOW), Ok(claims()));
    assert_eq!(both.verify(&by_both, Use::Signal, NOW), Ok(claims()));
    assert_eq!(both.verify(&signed(HEADER, PAYLOAD, SECRET), Use::Signal, NOW), Ok(claims()));
    let new_alone = keyring(vec![new]);
    assert_eq!(new_alone.verify(&by_both, Use::Signal, NOW), Ok(claims()));
    assert_eq!(new_alone.verify(&by_old, Use::Signal, NOW), Err(TokenRefusal::UnknownKey { wanted: Use::Signal }));
}

#[test]
fn a_huge_token_is_refused_unread_and_none_is_minted() {
    let claims = Claims { room: Some("r".repeat(9_000)), ..claims() };
    assert!(matches!(admin().mint(Use::Admin, &claims), Err(MintError::TooLong { max: 8_192, .. })));
    let token = "a".repeat(8_193);
    assert_eq!(admin().verify(&token, Use::Admin, NOW), Err(TokenRefusal::TooLong { bytes: 8_193, max: 8_192 }));
    let token = "a".repeat(8_192);
    assert_eq!(admin().verify(&token, Use::Admin, NOW), Err(TokenRefusal::Malformed { part: "its form" }));
}

#[test]
fn minting_needs_a_key_of_the_use_and_a_subject() {
    assert!(matches!(admin().mint(Use::Sync, &claims()), Err(MintError::NoKey { wanted: Use::Sync })));
    assert!(matches!(admin().mint(Use::Admin, &Claims::new("", NOW)), Err(MintError::NoSubject)));
}

#[test]
fn keys_that_cannot_be_used_are_refused() {
    let new = |kid: &str, uses: Uses, secret: &str| Key::new(kid, uses, &secret.as_bytes().to_vec().into()).err();
    let short = KeyError::TooShort { kid: "k".into(), bytes: 31, min: 32 };
    assert_eq!(new("k", Use::Admin.into(), &SECRET[1..]), Some(short));
    assert_eq!(new("", Use::Admin.into(), SECRET), Some(KeyError::NoKid));
    assert_eq!(new("k", Uses::default(), SECRET), Some(KeyError::NoUse { kid: "k".into() }));
    let ring = |keys| Keyring::new(keys, TokenOptions::default()).err();
    let k = key("k", Use::Admin, SECRET);
    assert_eq!(ring(vec![k.clone(), k.clone()]), Some(KeyringError::SameKid { kid: "k".into() }));
    let both = key("k", Uses::from_iter([Use::Sync, Use::Admin]), OTHER);
    assert_eq!(ring(vec![k.clone(), both]), Some(KeyringError::SameKid { kid: "k".into() }));
    assert_eq!(ring(vec![k; 33]), Some(KeyringError::TooMany { count: 33, max: 32 }));
}

#[test]
fn a_revoked_token_is_refused_at_once_by_all_who_share_the_set() {
    let revoked = Arc::new(ArcSwap::from_pointee(Revoked::default()));
    let ring = admin().with_revoked(Arc::clone(&revoked));
    let other = ring.clone();
    let claims = Claims { jti: Some("t".to_owned()), ..claims() };
    let token = ring.mint(Use::Admin, &claims).unwrap();
    assert_eq!(other.verify(&token, Use::Admin, NOW), Ok(claims.clone()));
    let mut set = Revoked::default();
    set.add_token("t", None);
    revoked.store(Arc::new(set));
    for ring in [ring, other] {
        assert_eq!(ring.verify(&token, Use::Admin, NOW), Err(TokenRefusal::Revoked));
        assert!(ring.is_revoked(&claims.identity(), NOW));
        let read = ring.read(&token, Use::Admin).unwrap();
        assert_eq!((read.kid.as_str(), read.claims), ("a1", claims.clone()));
    }
    assert!(admin().verify(&token, Use::Admin, NOW).is_ok());
}

#[test]
fn debug_prints_no_secret() {
    let printed = format!("{:?}", admin());
    assert!(printed.contains("a1") && !printed.contains(SECRET) && !printed.contains("48, 49"), "{printed}");
}

proptest! {
    #[test]
    fn no_text_panics_and_none_is_accepted(token in "[A-Za-z0-9_.=-]{0,200}|.{0,80}") {
        prop_assert!(admin().verify(&token, Use::Admin, NOW).is_err());
    }

    #[test]
    fn a_token_with_one_character_changed_is_refused(at in 0_usize..1_000, by in 1_u8..64) {
        let token = admin().mint(Use::Admin, &claims()).unwrap();
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let at = at % token.len();
        let mut bytes = token.clone().into_bytes();
        if let Some(place) = alphabet.iter().position(|b| *b == bytes[at]) {
            bytes[at] = alphabet[(place + usize::from(by)) % 64];
            let changed = String::from_utf8(bytes).unwrap();
            prop_assert!(admin().verify(&changed, Use::Admin, NOW).is_err(), "{}", changed);
        }
    }
}

#[test]
fn a_token_without_an_end_is_taken_only_for_a_use_that_allows_it_and_lasts_for_ever() {
    let keys = || vec![key("s1", Use::Sync, OTHER), key("a1", Use::Admin, SECRET)];
    let options = TokenOptions { exp_optional: Use::Sync.into(), ..TokenOptions::default() };
    let lenient = Keyring::new(keys(), options).unwrap();
    let endless = |secret| signed(HEADER, r#"{"sub":"alice"}"#, secret);
    let missing = TokenRefusal::MissingClaim { claim: "exp" };
    let far = Wall::from_unix_secs(9_000_000_000);
    assert_eq!(lenient.verify(&endless(OTHER), Use::Sync, far), Ok(Claims::new("alice", Claims::NEVER)));
    assert_eq!(lenient.verify(&endless(SECRET), Use::Admin, NOW), Err(missing.clone()));
    assert_eq!(keyring(keys()).verify(&endless(OTHER), Use::Sync, NOW), Err(missing));
    let expired = signed(HEADER, r#"{"sub":"alice","exp":10}"#, OTHER);
    assert!(matches!(lenient.verify(&expired, Use::Sync, NOW), Err(TokenRefusal::Expired { .. })));
    let nobody = signed(HEADER, r#"{"exp":1700000060}"#, OTHER);
    assert_eq!(lenient.verify(&nobody, Use::Sync, NOW), Err(TokenRefusal::MissingClaim { claim: "sub" }));
}
