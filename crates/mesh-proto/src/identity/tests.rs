use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use sangam_types::Wall;

use super::*;
use crate::{DescriptionKind, PeerId, sdp};

/// Written by Python's `cryptography` 48.0 (`private_bytes(PEM, PKCS8, NoEncryption())`) for the seed 00 01 02 … 1f.
const PYTHON_PEM: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n-----END PRIVATE KEY-----\n";
const PYTHON_ID: &str = "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=";
const PYTHON_SIGNED: &str = "{\"a\":1,\"title\":\"Città\"}";
const PYTHON_SIGNATURE: &str =
    "YNdZ13ueuQ6tn1rTi_kivYYP0LiRo5DqH_ShqdlxAvWmDp9HFt59I-Lq3Yy-b88VzMbIZuLPhjqFDBx8tz61BQ==";

/// Written by `openssl genpkey -algorithm ed25519`, its id by `openssl pkey -pubout`.
const OPENSSL_PEM: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIBlMzruwCjZpbJ47A8brOqXl1Zc8JrTEJzytsdv7txvI\n-----END PRIVATE KEY-----\n";
const OPENSSL_ID: &str = "8z9-xiZCskp_6oH0R_Dj4PZRbXiLkBz6vFyxArSWPow=";

/// `openssl genpkey -algorithm x25519`.
const X25519_PEM: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VuBCIEIFhH7ceK48dcJvzeOll4EjQ92f2nS1/uW2CXqWGfyc9I\n-----END PRIVATE KEY-----\n";

#[test]
fn a_key_file_of_python_is_read_and_written_byte_for_byte() {
    let identity = Identity::from_pem(PYTHON_PEM).unwrap();
    assert_eq!(identity.id().as_str(), PYTHON_ID);
    assert_eq!(identity.to_pem().as_str(), PYTHON_PEM);
    assert_eq!(Identity::from_pem(OPENSSL_PEM).unwrap().id().as_str(), OPENSSL_ID);
}

#[test]
fn a_key_file_with_other_line_ends_and_text_around_is_read() {
    let text = format!("node key\r\n{}trailer", PYTHON_PEM.replace('\n', "\r\n"));
    assert_eq!(Identity::from_pem(&text).unwrap().id().as_str(), PYTHON_ID);
}

#[test]
fn what_is_no_ed25519_key_is_refused() {
    let encrypted = PYTHON_PEM.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let long = PYTHON_PEM.replace("MC4", &format!("{}MC4", "A".repeat(8192)));
    for text in ["", "-----BEGIN PRIVATE KEY-----", X25519_PEM, &encrypted, &long, &PYTHON_PEM.replace("MC4", "MC5")] {
        assert_eq!(Identity::from_pem(text).unwrap_err(), IdentityError::NotAKey, "{text}");
    }
}

#[test]
fn a_signature_is_what_python_makes_of_the_same_key() {
    use base64::Engine as _;
    let identity = Identity::from_pem(PYTHON_PEM).unwrap();
    let signature = base64::engine::general_purpose::URL_SAFE.decode(PYTHON_SIGNATURE).unwrap();
    assert_eq!(identity.sign(PYTHON_SIGNED.as_bytes()).as_slice(), signature);
    verify(identity.id(), PYTHON_SIGNED.as_bytes(), &signature).unwrap();
    assert_eq!(verify(identity.id(), b"{}", &signature), Err(VerifyError::Signature));
    assert_eq!(verify(identity.id(), PYTHON_SIGNED.as_bytes(), &signature[1..]), Err(VerifyError::Signature));
}

#[test]
fn an_id_without_its_padding_is_no_key() {
    for id in [&PYTHON_ID[..43], "agent-a", &PYTHON_ID.replace('_', "/"), &format!("{PYTHON_ID}=")] {
        assert_eq!(key_of(&PeerId::new(id).unwrap()), Err(VerifyError::Id), "{id}");
    }
    assert_eq!(id_of(&key_of(&PeerId::new(PYTHON_ID).unwrap()).unwrap()).as_str(), PYTHON_ID);
}

#[test]
fn a_key_of_small_order_signs_nothing() {
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let mut signature = [0; 64];
    signature[0] = 1;
    assert_eq!(verify(&id_of(&neutral), b"anything", &signature), Err(VerifyError::Signature));
}

#[test]
fn keys_differ_and_are_not_printed() {
    let mut rng = StdRng::seed_from_u64(1);
    let (one, other) = (Identity::generate(&mut rng), Identity::generate(&mut rng));
    assert_ne!(one.id(), other.id());
    assert_eq!(one.kx_public_key().len(), 44);
    assert_ne!(one.kx_public_key(), one.id().as_str());
    let identity = Identity::from_pem(PYTHON_PEM).unwrap();
    assert_eq!(format!("{identity:?}"), format!("Identity {{ id: PeerId({PYTHON_ID}), .. }}"));
}

const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=fingerprint:sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F\r\na=setup:actpass\r\na=sctp-port:5000\r\n";

struct Scene {
    from: Identity,
    us: PeerId,
    proof: Proof,
    now: Wall,
}

fn scene() -> Scene {
    let from = Identity::from_seed(&[7; 32]);
    let us = Identity::from_seed(&[8; 32]).id().clone();
    let now = Wall::from_unix_secs(1_795_000_000);
    let proof = Proof::make(&from, Some(&us), DescriptionKind::Offer, OFFER, now).unwrap();
    Scene { from, us, proof, now }
}

impl Scene {
    fn check(&self, sdp: &str) -> Result<(), ProofError> {
        self.proof.check(&ProofRules::default(), self.from.id(), &self.us, DescriptionKind::Offer, sdp, self.now)
    }
}

#[test]
fn a_proof_holds_for_its_description_through_its_mark() {
    let scene = scene();
    let mark = sdp::Mark::new(scene.from.id().clone(), Some(scene.proof.clone()));
    let marked = sdp::mark(OFFER, &mark).unwrap();
    let read = sdp::read_mark(&marked).unwrap();
    assert_eq!(read, mark);
    assert_eq!(sdp::unmarked(&marked), OFFER);
    assert_eq!(sdp::profile(&marked), crate::Profile::Sangam);
    scene.check(&marked).unwrap();
    // Candidates may be added on the way.
    scene.check(&marked.replace("a=setup", "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\na=setup")).unwrap();
}

#[test]
fn a_proof_is_good_for_nobody_else_and_for_nothing_else() {
    let scene = scene();
    let rules = ProofRules::default();
    let other = Identity::from_seed(&[9; 32]);
    let check = |from: &PeerId, us: &PeerId, kind, sdp: &str| scene.proof.check(&rules, from, us, kind, sdp, scene.now);
    let wrong = Err(ProofError::Signature(VerifyError::Signature));
    let (from, us) = (scene.from.id(), &scene.us);
    assert_eq!(check(from, other.id(), DescriptionKind::Offer, OFFER), Err(ProofError::Receiver));
    assert_eq!(check(other.id(), us, DescriptionKind::Offer, OFFER), wrong);
    assert_eq!(check(from, us, DescriptionKind::Answer, OFFER), wrong);
    assert_eq!(check(from, us, DescriptionKind::Offer, &OFFER.replace("abcd", "abce")), wrong);
    assert_eq!(check(from, us, DescriptionKind::Offer, &OFFER.replace("1E:1F", "1E:1E")), wrong);
    let agent = PeerId::new("agent-a").unwrap();
    assert_eq!(check(&agent, us, DescriptionKind::Offer, OFFER), Err(ProofError::Signature(VerifyError::Id)));
}

#[test]
fn a_fingerprint_that_the_proof_does_not_cover_is_refused() {
    let scene = scene();
    for more in [
        "a=fingerprint:sha-1 00:01:02",
        "a=fingerprint:sha-256 nonsense",
        "a=fingerprint: sha-256 AA",
        "a=x\ra=fingerprint:sha-256 AA:BB",
        "A=FINGERPRINT:sha-256 AA:BB",
    ] {
        assert_eq!(scene.check(&format!("{OFFER}{more}\r\n")), Err(ProofError::Fingerprint), "{more}");
    }
    assert_eq!(scene.check("v=0\r\na=ice-ufrag:abcd\r\n"), Err(ProofError::Fingerprint));
    assert_eq!(scene.check(&format!("{OFFER}a=ice-ufrag:other\r\n")), Err(ProofError::Ufrag));
    assert_eq!(scene.check(&"x".repeat(sdp::BYTES_MAX + 1)), Err(ProofError::Ufrag));
}

#[test]
fn fingerprints_are_covered_whatever_their_order_and_how_often_they_stand() {
    let scene = scene();
    let line = OFFER.lines().find(|line| line.starts_with("a=fingerprint")).unwrap();
    scene.check(&format!("{OFFER}{}\r\n", line.to_lowercase())).unwrap();
    let second = line.replace("00:01", "FF:01");
    let (one, other) = (format!("{OFFER}{second}\r\n"), OFFER.replace(line, &format!("{second}\r\n{line}")));
    let proof = Proof::make(&scene.from, Some(&scene.us), DescriptionKind::Offer, &one, scene.now).unwrap();
    proof.check(&ProofRules::default(), scene.from.id(), &scene.us, DescriptionKind::Offer, &other, scene.now).unwrap();
}

#[test]
fn a_proof_of_another_hour_is_refused_unless_time_does_not_matter() {
    let scene = scene();
    let check = |rules, now| {
        scene.proof.check(
            &rules,
            scene.from.id(),
            &scene.us,
            DescriptionKind::Offer,
            OFFER,
            Wall::from_unix_millis(now),
        )
    };
    let at = scene.now.unix_millis();
    let rules = ProofRules::default();
    check(rules, at + 600_000).unwrap();
    check(rules, at - 600_000).unwrap();
    assert_eq!(check(rules, at + 600_001), Err(ProofError::Time(Duration::from_millis(600_001))));
    assert_eq!(check(rules, at - 600_001), Err(ProofError::Time(Duration::from_millis(600_001))));
    check(ProofRules { window: None, ..rules }, 0).unwrap();
}

#[test]
fn a_proof_for_nobody_in_particular_is_taken_only_where_that_is_enough() {
    let scene = scene();
    let proof = Proof::make(&scene.from, None, DescriptionKind::Answer, OFFER, scene.now).unwrap();
    let check = |addressed| {
        let rules = ProofRules { addressed, ..ProofRules::default() };
        proof.check(&rules, scene.from.id(), &scene.us, DescriptionKind::Answer, OFFER, scene.now)
    };
    assert_eq!(check(true), Err(ProofError::Receiver));
    check(false).unwrap();
}

#[test]
fn the_proof_of_this_version_stays_what_it_is() {
    // Made by Python's `cryptography` from the encoding as `Proof` describes it. Another encoding would break nodes of today.
    let hex: String = scene().proof.signature[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "cc634ac40cf6c8b4");
}
