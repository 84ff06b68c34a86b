use jsonwebtoken::EncodingKey;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519};
use sangam_types::Wall;

use super::*;
use crate::token::{Claims, Keyring, MintError, TokenOptions, TokenRefusal, Use};

const NOW: Wall = Wall::from_unix_secs(1_700_000_000);

fn ring(set: &str) -> Keyring {
    Keyring::new(JwkSet::parse(set.as_bytes(), Use::Sync).unwrap().into_keys(), TokenOptions::default()).unwrap()
}

fn set(keys: &[&str]) -> String {
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

const OCT: &str = r#"{"kty":"oct","kid":"h","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}"#;
const RSA: &str = r#"{"kty":"RSA","kid":"r","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}"#;
const EC: &str = r#"{"kty":"EC","kid":"e","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}"#;
const ED: &str = r#"{"kty":"OKP","kid":"d","crv":"Ed25519","alg":"EdDSA","use":"sig","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

/// RFC 7515 A.1 to A.3, all of one payload; it has no `sub`, which is looked for once the signature fits.
const PAYLOAD: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
const SIGNED: [(&str, &str, &str); 3] = [
    (OCT, "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
    (
        RSA,
        "eyJhbGciOiJSUzI1NiJ9",
        "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
    ),
    (
        EC,
        "eyJhbGciOiJFUzI1NiJ9",
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
    ),
];

#[test]
fn the_signatures_of_the_standards_fit_and_changed_ones_do_not() {
    for (key, header, signature) in SIGNED {
        for keys in [set(&[key]), set(&[OCT, RSA, EC, ED])] {
            let read = |header: &str, payload: &str, signature: &str| {
                ring(&keys).read(&format!("{header}.{payload}.{signature}"), Use::Sync).unwrap_err()
            };
            assert_eq!(read(header, PAYLOAD, signature), TokenRefusal::MissingClaim { claim: "sub" }, "{key}");
            assert_eq!(read(header, &PAYLOAD[4..], signature), TokenRefusal::BadSignature);
            assert_eq!(read(header, PAYLOAD, &signature[4..]), TokenRefusal::BadSignature);
            assert_eq!(read(header, PAYLOAD, ""), TokenRefusal::BadSignature);
        }
    }
}

/// RFC 8037 A.4: its payload is no JSON, which is seen once the signature fits.
#[test]
fn the_signature_of_the_edwards_curve_fits() {
    let token = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    let read = |token: &str| ring(&set(&[ED])).read(token, Use::Sync).unwrap_err();
    assert_eq!(read(token), TokenRefusal::Malformed { part: "its payload" });
    assert_eq!(read(&token.replace("RXhh", "RXhi")), TokenRefusal::BadSignature);
}

/// A key pair of an issuer, and its public half as a JWK.
fn issuer(kid: &str, edwards: bool) -> (EncodingKey, String) {
    let pair = KeyPair::generate_for(if edwards { &PKCS_ED25519 } else { &PKCS_ECDSA_P256_SHA256 }).unwrap();
    let public = pair.public_key_raw();
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    if edwards {
        let jwk = format!(r#"{{"kty":"OKP","kid":"{kid}","crv":"Ed25519","x":"{}"}}"#, text(public));
        return (EncodingKey::from_ed_der(&pair.serialize_der()), jwk);
    }
    let (x, y) = (text(&public[1..33]), text(&public[33..]));
    let jwk = format!(r#"{{"kty":"EC","kid":"{kid}","crv":"P-256","x":"{x}","y":"{y}"}}"#);
    (EncodingKey::from_ec_der(&pair.serialize_der()), jwk)
}

fn token(kid: &str, algorithm: Algorithm, key: &EncodingKey) -> String {
    let header = jsonwebtoken::Header { kid: Some(kid.to_owned()), ..jsonwebtoken::Header::new(algorithm) };
    let claims =
        Claims { db_id: Some("d".to_owned()), ..Claims::new("alice", NOW + std::time::Duration::from_secs(60)) };
    jsonwebtoken::encode(&header, &claims, key).unwrap()
}

#[test]
fn a_token_of_an_issuer_is_good_for_sync_until_its_key_leaves_the_set_and_never_for_anything_else() {
    let (old, old_jwk) = issuer("2026", false);
    let (new, new_jwk) = issuer("2027", true);
    let (old, new) = (token("2026", Algorithm::ES256, &old), token("2027", Algorithm::EdDSA, &new));
    let verify = |set: &str, token: &str, use_| ring(set).verify(token, use_, NOW).map(|claims| claims.db_id);
    let both = set(&[&old_jwk, &new_jwk]);
    for token in [&old, &new] {
        assert_eq!(verify(&both, token, Use::Sync), Ok(Some("d".to_owned())));
        for wanted in [Use::Admin, Use::Signal] {
            assert_eq!(verify(&both, token, wanted), Err(TokenRefusal::WrongUse { wanted }));
        }
    }
    let rotated = set(&[&new_jwk]);
    assert_eq!(verify(&rotated, &new, Use::Sync), Ok(Some("d".to_owned())));
    assert_eq!(verify(&rotated, &old, Use::Sync), Err(TokenRefusal::WrongAlgorithm));
    let (_, other_jwk) = issuer("other", false);
    assert_eq!(verify(&set(&[&other_jwk]), &old, Use::Sync), Err(TokenRefusal::UnknownKey { wanted: Use::Sync }));
    let (_, same_name) = issuer("2026", false);
    assert_eq!(verify(&set(&[&same_name]), &old, Use::Sync), Err(TokenRefusal::BadSignature));
}

#[test]
fn a_public_key_is_no_shared_secret_whatever_a_token_says() {
    let (_, jwk) = issuer("k", true);
    let parsed: serde_json::Value = serde_json::from_str(&jwk).unwrap();
    let public = URL_SAFE_NO_PAD.decode(parsed["x"].as_str().unwrap()).unwrap();
    let forged = token("k", Algorithm::HS256, &EncodingKey::from_secret(&public));
    for keys in [set(&[&jwk]), set(&[&jwk, OCT])] {
        assert_eq!(ring(&keys).verify(&forged, Use::Sync, NOW), Err(TokenRefusal::WrongAlgorithm), "{keys}");
    }
}

#[test]
fn a_key_of_a_set_signs_nothing() {
    let minted = ring(&set(&[OCT])).mint(Use::Sync, &Claims::new("alice", NOW));
    assert!(matches!(minted, Err(MintError::NoKey { wanted: Use::Sync })));
}

#[test]
fn what_is_not_for_signatures_or_not_known_is_left_out() {
    let others = [
        r#"{"kty":"RSA","kid":"x","use":"enc"}"#,
        r#"{"kty":"EC","kid":"x","crv":"secp256k1"}"#,
        r#"{"kty":"OKP","kid":"x","crv":"X25519","x":"AA"}"#,
        r#"{"kty":"RSA","alg":"RSA-OAEP"}"#,
        r#"{"kty":"AKP","alg":"ML-DSA-44","pub":"AA"}"#,
    ];
    let with = [&others[..], &[ED]].concat();
    let keys = JwkSet::parse(set(&with).as_bytes(), Use::Sync).unwrap().into_keys();
    assert_eq!(keys.iter().map(Key::kid).collect::<Vec<_>>(), ["d"]);
    assert_eq!(JwkSet::parse(set(&others).as_bytes(), Use::Sync).unwrap_err(), JwkSetError::NoKey);
}

#[test]
fn a_set_that_cannot_be_used_says_why_and_shows_no_key() {
    let unusable = |what| JwkSetError::Unusable { kid: "k".to_owned(), what };
    let short_rsa = format!(r#"{{"kty":"RSA","kid":"k","e":"AQAB","n":"{}"}}"#, "A".repeat(171));
    let short_oct = r#"{"kty":"oct","kid":"k","k":"c2hvcnQ"}"#;
    for (keys, expected) in [
        (
            &[r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#][..],
            JwkSetError::NoKid { at: 1 },
        ),
        (&[short_rsa.as_str()], unusable("n")),
        (&[short_oct], unusable("k")),
        (&[r#"{"kty":"EC","kid":"k","crv":"P-256","x":"AA","y":"AA"}"#], unusable("x")),
        (&[r#"{"kty":"OKP","kid":"k","crv":"Ed25519"}"#], unusable("x")),
        (&[ED; 17], JwkSetError::TooMany { count: 17, max: 16 }),
        (&[r#"{"kty":1}"#], JwkSetError::Malformed),
    ] {
        let refused = JwkSet::parse(set(keys).as_bytes(), Use::Sync).unwrap_err();
        assert_eq!(refused, expected);
        assert!(!refused.to_string().contains("c2hvcnQ"));
    }
    let long = vec![b' '; JwkSet::BYTES_MAX + 1];
    assert!(matches!(JwkSet::parse(&long, Use::Sync), Err(JwkSetError::TooLong { .. })));
    assert_eq!(JwkSet::parse(b"[]", Use::Sync).unwrap_err(), JwkSetError::Malformed);
    let twice = JwkSet::parse(set(&[ED, ED]).as_bytes(), Use::Sync).unwrap().into_keys();
    assert!(Keyring::new(twice, TokenOptions::default()).is_err());
}
