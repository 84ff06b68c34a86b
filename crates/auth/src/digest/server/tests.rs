use super::super::{Challenges, ClientRefusal, DigestClient};
use super::*;

const PASSWORD: &str = "correct horse";
const NOW: Wall = Wall::from_unix_secs(1_800_000_000);
const LINE: RequestLine<'_> = RequestLine { method: "POST", target: "/cwmp" };

fn server(options: DigestOptions) -> DigestServer {
    DigestServer::new("acs", NonceKey::new([7; 32]), options).unwrap()
}

fn challenges(server: &DigestServer, refusal: Refusal, salt: u8) -> Challenges {
    let values = server.challenges(NOW, [salt; 8], refusal);
    Challenges::parse(values.iter().map(String::as_str))
}

fn client(server: &DigestServer) -> DigestClient {
    let mut client = DigestClient::new("00D09E-1", PASSWORD);
    client.challenged(&challenges(server, Refusal::Missing, 1)).unwrap();
    client
}

fn verify(server: &mut DigestServer, header: &str, now: Wall) -> Result<Verified, Refusal> {
    let answer = Authorization::parse(header)?;
    server.verify(LINE, &answer, Some(&Credential::password(PASSWORD)), now)
}

/// An answer to the server's challenge with some of its text changed.
fn changed(header: &str, from: &str, to: &str) -> String {
    assert!(header.contains(from), "{from} in {header}");
    header.replace(from, to)
}

#[test]
fn a_client_that_was_challenged_is_known_by_its_answers() {
    let mut server = server(DigestOptions::default());
    let mut client = client(&server);
    for _ in 0..3 {
        let header = client.authorize(LINE, [9; 16]).unwrap();
        assert_eq!(verify(&mut server, &header, NOW), Ok(Verified { algorithm: Algorithm::Sha256, has_qop: true }));
    }
    assert_eq!(server.nonces(), 1);
}

#[test]
fn a_challenge_reads_as_rfc_7616_section_3_3_has_it() {
    let server = server(DigestOptions::default());
    let values = server.challenges(NOW, [1; 8], Refusal::StaleNonce);
    assert_eq!(values.len(), 2);
    assert!(values[0].starts_with(r#"Digest realm="acs", qop="auth", nonce=""#), "{}", values[0]);
    assert!(values[0].ends_with("algorithm=MD5, stale=true"), "{}", values[0]);
    assert!(values[1].ends_with("algorithm=SHA-256, stale=true"), "{}", values[1]);
    assert!(!server.challenges(NOW, [1; 8], Refusal::WrongResponse)[0].contains("stale"));
}

#[test]
fn an_answer_is_worth_one_request() {
    let mut server = server(DigestOptions::default());
    let header = client(&server).authorize(LINE, [9; 16]).unwrap();
    assert!(verify(&mut server, &header, NOW).is_ok());
    assert_eq!(verify(&mut server, &header, NOW), Err(Refusal::Replayed));
}

#[test]
fn a_nonce_ends_with_its_lifetime_and_with_its_key() {
    let mut server = server(DigestOptions::default());
    let lifetime = server.options.nonce_lifetime;
    let mut client = client(&server);
    let [first, second, third] = [(); 3].map(|()| client.authorize(LINE, [9; 16]).unwrap());
    assert!(verify(&mut server, &first, NOW + lifetime).is_ok());
    assert_eq!(verify(&mut server, &second, NOW + lifetime + Duration::from_millis(1)), Err(Refusal::StaleNonce));
    let clock_set_back = Wall::from_unix_millis(NOW.unix_millis() - 300_001);
    assert_eq!(verify(&mut server, &second, clock_set_back), Err(Refusal::StaleNonce), "a nonce of the future");
    let mut restarted = DigestServer::new("acs", NonceKey::new([8; 32]), DigestOptions::default()).unwrap();
    assert_eq!(verify(&mut restarted, &third, NOW), Err(Refusal::StaleNonce));
}

#[test]
fn staleness_is_told_only_to_whoever_has_the_password() {
    let mut server = server(DigestOptions::default());
    let header = client(&server).authorize(LINE, [9; 16]).unwrap();
    let late = NOW + Duration::from_secs(301);
    let answer = Authorization::parse(&header).unwrap();
    let other = Credential::password("other");
    assert_eq!(server.verify(LINE, &answer, Some(&other), late), Err(Refusal::WrongResponse));
    assert_eq!(server.verify(LINE, &answer, None, late), Err(Refusal::UnknownUser));
    assert_eq!(verify(&mut server, &header, late), Err(Refusal::StaleNonce));
    assert_eq!(server.nonces(), 0, "nothing is kept of any of them");
}

#[test]
fn a_stale_client_tries_again_by_itself_and_a_wrong_one_gives_up() {
    let mut server = server(DigestOptions::default());
    let mut client = client(&server);
    let header = client.authorize(LINE, [9; 16]).unwrap();
    let refusal = verify(&mut server, &header, NOW + Duration::from_secs(600)).unwrap_err();
    client.challenged(&challenges(&server, refusal, 2)).unwrap();
    let header = client.authorize(LINE, [9; 16]).unwrap();
    assert!(verify(&mut server, &header, NOW).is_ok());
    let refused = client.challenged(&challenges(&server, Refusal::WrongResponse, 3));
    assert_eq!(refused, Err(ClientRefusal::Refused));
}

#[test]
fn an_answer_speaks_for_its_method_target_and_realm() {
    let mut server = server(DigestOptions::default());
    let mut client = client(&server);
    let header = client.authorize(LINE, [9; 16]).unwrap();
    let answer = Authorization::parse(&header).unwrap();
    let credential = Credential::password(PASSWORD);
    let get = RequestLine { method: "GET", ..LINE };
    assert_eq!(server.verify(get, &answer, Some(&credential), NOW), Err(Refusal::WrongResponse));
    let elsewhere = RequestLine { target: "/other", ..LINE };
    assert_eq!(server.verify(elsewhere, &answer, Some(&credential), NOW), Err(Refusal::WrongUri));
    let realm = changed(&header, r#"realm="acs""#, r#"realm="other""#);
    assert_eq!(verify(&mut server, &realm, NOW), Err(Refusal::WrongRealm));
    server.options.uri_must_match = false;
    assert!(server.verify(elsewhere, &answer, Some(&credential), NOW).is_ok());
}

#[test]
fn a_uri_may_be_whole_or_a_path() {
    for (written, target) in [
        ("http://acs.example:7547/cwmp", "/cwmp"),
        ("HTTPS://acs.example/cwmp?a=b", "/cwmp?a=b"),
        ("http://acs.example", "/"),
        ("", "/"),
        ("/cwmp", "http://acs.example/cwmp"),
    ] {
        let mut server = server(DigestOptions::default());
        let header = client(&server).authorize(RequestLine { method: "POST", target: written }, [9; 16]).unwrap();
        let answer = Authorization::parse(&header).unwrap();
        let line = RequestLine { method: "POST", target };
        assert!(server.verify(line, &answer, Some(&Credential::password(PASSWORD)), NOW).is_ok(), "{written}");
    }
}

#[test]
fn the_answers_of_other_peoples_clients_to_our_challenge_are_right() {
    let line = RequestLine { method: "POST", target: "/cwmp?a=b" };
    let nonce = "AAABoxhcUAABAQEBAQEBAQWwmORO-nNf9exFWF9GIrM";
    for (client, rest) in [
        (
            "curl 7.88.1, offered both",
            r#"cnonce="ZDZjMjgyYTY3NTk3YTY1YmUzYzNmZmQwMzViODhmY2E=", nc=00000001, qop=auth, response="5cbadbc0b8ee4ccead234b7fd39b324e", algorithm=MD5"#,
        ),
        (
            "curl 7.88.1, offered SHA-256",
            r#"cnonce="ODk1Y2QwOWY3MGQxZTc5MTBjOTgxYjc1NTc1ZWE0NWU=", nc=00000001, qop=auth, response="5145303c2829e24c08e62d0061effc2920bef27984d06c3e562d60e065dec087", algorithm=SHA-256"#,
        ),
        (
            "urllib of Python 3",
            r#"response="106b299939c2904c494b6e88f9f655bc", algorithm="MD5", qop=auth, nc=00000001, cnonce="f0d9c508463b2b19""#,
        ),
        (
            "requests 2.34.2",
            r#"response="7a626b5fcb08e98643fd647a441b573b88505f261721c5ed21098496bb153b0c", algorithm="SHA-256", qop="auth", nc=00000001, cnonce="ecfa980e56ce18df""#,
        ),
        (
            "wget 1.21",
            r#"response="340a94f0ec0eea25a5ed93bc5e4a075a", qop=auth, nc=00000001, cnonce="3c62e16e", algorithm="MD5""#,
        ),
        ("curl 7.88.1, offered no qop", r#"response="b06c4aeaded2e4ffd539c92e5cf4e986", algorithm=MD5"#),
    ] {
        let mut server = server(DigestOptions { allow_without_qop: true, ..DigestOptions::default() });
        assert!(server.challenges(NOW, [1; 8], Refusal::Missing)[0].contains(nonce), "what they were asked");
        let header = format!(r#"Digest username="00D09E-1", realm="acs", nonce="{nonce}", uri="/cwmp?a=b", {rest}"#);
        let answer = Authorization::parse(&header).unwrap();
        let verdict = server.verify(line, &answer, Some(&Credential::password(PASSWORD)), NOW);
        assert!(verdict.is_ok(), "{client}: {verdict:?}");
    }
}

/// `response` of an answer by hand, for devices that do not write what our client writes.
fn by_hand(server: &DigestServer, nonce: &str, counted: Option<(&str, &str, &str)>) -> String {
    let key = Ha1::derive(Algorithm::Md5, "u", server.realm(), PASSWORD);
    response(&key, &ResponseParts { method: "POST", uri: "/cwmp", nonce, counted }).to_string()
}

fn nonce_of(server: &DigestServer) -> String {
    challenges(server, Refusal::Missing, 5).digest[0].nonce.clone()
}

#[test]
fn answers_as_devices_write_them_are_understood() {
    let mut server = server(DigestOptions::default());
    let nonce = nonce_of(&server);
    // An unquoted algorithm left out, qop quoted, nc short or in capitals, the response in capitals, no space after commas.
    let first = by_hand(&server, &nonce, Some(("1", "abc", "auth")));
    let header = format!(
        r#"digest username="u",realm="acs",nonce="{nonce}",uri="/cwmp",response="{}",qop="auth",nc=1,cnonce="abc""#,
        first.to_uppercase()
    );
    assert_eq!(verify(&mut server, &header, NOW), Ok(Verified { algorithm: Algorithm::Md5, has_qop: true }));
    let second = by_hand(&server, &nonce, Some(("0000000A", "abc", "Auth")));
    let header = format!(
        "Digest  username=u  realm=acs\tnonce = {nonce} , uri=/cwmp, algorithm=\"md5\",opaque=\"\", response={second}, \
         qop=Auth, nc=\"0000000A\", cnonce=abc,"
    );
    assert!(verify(&mut server, &header, NOW).is_ok());
}

#[test]
fn an_answer_without_qop_is_taken_only_if_allowed_and_once() {
    let mut strict = server(DigestOptions::default());
    let nonce = nonce_of(&strict);
    let answer = by_hand(&strict, &nonce, None);
    let header = format!(r#"Digest username="u", realm="acs", nonce="{nonce}", uri="/cwmp", response="{answer}""#);
    assert_eq!(verify(&mut strict, &header, NOW), Err(Refusal::WithoutQop));
    let mut lenient = server(DigestOptions { allow_without_qop: true, ..DigestOptions::default() });
    assert_eq!(verify(&mut lenient, &header, NOW), Ok(Verified { algorithm: Algorithm::Md5, has_qop: false }));
    assert_eq!(verify(&mut lenient, &header, NOW), Err(Refusal::Replayed));
    let counted = by_hand(&lenient, &nonce, Some(("00000001", "c", "auth")));
    let header = format!(
        r#"Digest username="u", realm="acs", nonce="{nonce}", uri="/cwmp", response="{counted}", qop=auth, nc=00000001, cnonce="c""#
    );
    assert_eq!(verify(&mut lenient, &header, NOW), Err(Refusal::Replayed), "that nonce is spent");
}

#[test]
fn a_stored_key_answers_in_its_algorithm_alone() {
    let mut server = server(DigestOptions::default());
    let header = client(&server).authorize(LINE, [9; 16]).unwrap();
    let answer = Authorization::parse(&header).unwrap();
    let key = |algorithm| Ha1::derive(algorithm, "00D09E-1", "acs", PASSWORD);
    let md5 = Credential::Derived(vec![key(Algorithm::Md5)]);
    assert_eq!(server.verify(LINE, &answer, Some(&md5), NOW), Err(Refusal::WrongAlgorithm));
    let stored = Ha1::from_hex(key(Algorithm::Sha256).expose_hex()).unwrap();
    let both = Credential::Derived(vec![key(Algorithm::Md5), stored]);
    assert!(server.verify(LINE, &answer, Some(&both), NOW).is_ok());
}

#[test]
fn what_was_not_offered_or_cannot_be_read_is_refused_with_its_reason() {
    let mut server = server(DigestOptions { algorithms: vec![Algorithm::Md5], ..DigestOptions::default() });
    let header = client(&server).authorize(LINE, [9; 16]).unwrap();
    let cases = [
        (changed(&header, "algorithm=MD5", "algorithm=SHA-256"), Refusal::WrongAlgorithm),
        (changed(&header, "algorithm=MD5", "algorithm=MD5-sess"), Refusal::WrongAlgorithm),
        (changed(&header, "qop=auth", "qop=auth-int"), Refusal::WrongQop),
        (changed(&header, "nc=00000001", "nc=000000001"), Refusal::Malformed),
        (changed(&header, "nc=00000001", "nc=+1"), Refusal::Malformed),
        (changed(&header, "nc=00000001", "nx=1"), Refusal::Malformed),
        (changed(&header, "uri=", "url="), Refusal::Malformed),
        (changed(&header, "response=\"", "response=\"0"), Refusal::Malformed),
        (changed(&header, "Digest ", "Bearer "), Refusal::WrongScheme),
        ("".to_owned(), Refusal::Malformed),
        (format!("Digest username=\"{}\"", "u".repeat(5_000)), Refusal::TooLong),
        (changed(&header, "00D09E-1", &"u".repeat(513)), Refusal::Malformed),
    ];
    for (header, expected) in cases {
        assert_eq!(verify(&mut server, &header, NOW), Err(expected), "{header}");
    }
}

#[test]
fn a_name_beyond_ascii_may_come_as_an_extended_value() {
    let header = |name: &str| format!("Digest {name}, realm=r, nonce=n, uri=/, response={}", "0".repeat(32));
    let answer = Authorization::parse(&header("username*=UTF-8''J%C3%A4s%C3%B8n%20Doe")).unwrap();
    assert_eq!(answer.username, "Jäsøn Doe", "RFC 7616 §3.9.2");
    for name in ["username*=UTF-8''%F", "username*=latin1''a", "username*=UTF-8''%FF", "username=a, username*=UTF-8''a"]
    {
        assert_eq!(Authorization::parse(&header(name)), Err(Refusal::Malformed), "{name}");
    }
}

#[test]
fn neither_password_nor_answer_is_printed() {
    let server = server(DigestOptions::default());
    let mut client = client(&server);
    let header = client.authorize(LINE, [9; 16]).unwrap();
    let answer = Authorization::parse(&header).unwrap();
    let key = Ha1::derive(Algorithm::Md5, "u", "acs", PASSWORD);
    let text = format!("{answer:?} {:?} {key:?} {client:?} {server:?}", Credential::password(PASSWORD));
    assert!(!text.contains(PASSWORD) && !text.contains(&answer.response) && !text.contains(key.expose_hex()));
}

#[test]
fn options_that_cannot_work_are_refused() {
    let make = |realm: &str, options| DigestServer::new(realm, NonceKey::new([0; 32]), options).map(|_| ());
    let fine = DigestOptions::default;
    assert_eq!(make("acs", DigestOptions { algorithms: vec![], ..fine() }), Err(OptionsError::NoAlgorithm));
    assert_eq!(make("acs", DigestOptions { nonces_max: 0, ..fine() }), Err(OptionsError::NoNonces));
    assert_eq!(make("acs", DigestOptions { nonce_lifetime: Duration::ZERO, ..fine() }), Err(OptionsError::NoNonces));
    assert_eq!(make("", fine()), Err(OptionsError::BadRealm));
    assert_eq!(make("a\r\nb", fine()), Err(OptionsError::BadRealm));
    assert_eq!(make("say \"acs\"", fine()), Ok(()));
}

#[test]
fn every_refusal_has_a_label_of_its_own() {
    let labels: std::collections::BTreeSet<_> = Refusal::ALL.iter().map(|refusal| refusal.label()).collect();
    assert_eq!(labels.len(), Refusal::ALL.len());
}
