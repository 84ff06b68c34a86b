use super::*;

const TRUSTED: Trust = Trust { trusted_loopback: true, origin_allowed: true };
const PUBLIC: Trust = Trust { trusted_loopback: false, origin_allowed: true };
const FOREIGN: Trust = Trust { trusted_loopback: false, origin_allowed: false };

/// One row: what differs from a browser on this host that opens `http://localhost:8080/`.
struct Row {
    listener: &'static str,
    peer: &'static str,
    proxied: bool,
    scheme: Scheme,
    version: Version,
    host: Option<&'static str>,
    headers: &'static [(&'static str, &'static str)],
    allowed: &'static [&'static str],
}

const OWN: Row = Row {
    listener: "127.0.0.1:8080",
    peer: "127.0.0.1:50000",
    proxied: false,
    scheme: Scheme::Http,
    version: Version::HTTP_11,
    host: Some("localhost:8080"),
    headers: &[],
    allowed: &[],
};

fn check(row: &Row, expected: Trust) {
    let headers = row.headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    let headers: Vec<(HeaderName, http::HeaderValue)> = headers.collect();
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(name, value);
    }
    let facts = RequestFacts {
        listener: row.listener.parse().unwrap(),
        peer: row.peer.parse().unwrap(),
        proxied: row.proxied,
        scheme: row.scheme,
        version: row.version,
        host: row.host.map(|host| Host::parse(host).unwrap()),
        headers: &map,
    };
    let allowed = AllowedOrigins::parse(row.allowed).unwrap();
    assert_eq!(
        judge(&facts, &allowed),
        expected,
        "{} from {} for {:?} with {:?}",
        row.listener,
        row.peer,
        row.host,
        row.headers
    );
}

#[test]
fn listener_and_peer_must_both_be_loopback() {
    for (listener, peer, expected) in [
        ("127.0.0.1:8080", "127.0.0.1:50000", TRUSTED),
        ("[::1]:8080", "[::1]:50000", TRUSTED),
        ("0.0.0.0:8080", "127.0.0.1:50000", PUBLIC),
        ("[::]:8080", "[::1]:50000", PUBLIC),
        ("192.0.2.1:8080", "192.0.2.1:50000", PUBLIC),
        ("127.0.0.1:8080", "192.0.2.9:50000", PUBLIC),
    ] {
        check(&Row { listener, peer, ..OWN }, expected);
    }
}

#[test]
fn the_host_must_be_a_loopback_name() {
    for (host, expected) in [
        (Some("localhost"), TRUSTED),
        (Some("sangam.localhost:8080"), TRUSTED),
        (Some("127.0.0.1:8080"), TRUSTED),
        (Some("127.1.2.3"), TRUSTED),
        (Some("[::1]:8080"), TRUSTED),
        (Some("evil.example"), PUBLIC),
        (Some("evil.example:8080"), PUBLIC),
        (Some("localhost.evil.example:8080"), PUBLIC),
        (Some("127.0.0.1.nip.io:8080"), PUBLIC),
        (Some("0.0.0.0:8080"), PUBLIC),
        (Some("192.168.1.5:8080"), PUBLIC),
        (None, PUBLIC),
    ] {
        check(&Row { host, ..OWN }, expected);
        check(&Row { host, version: Version::HTTP_2, ..OWN }, expected);
    }
}

#[test]
fn any_sign_of_a_proxy_makes_a_request_public() {
    for headers in [
        [("x-forwarded-for", "127.0.0.1")],
        [("forwarded", "for=127.0.0.1")],
        [("x-real-ip", "127.0.0.1")],
        [("x-forwarded-host", "localhost")],
        [("x-forwarded-proto", "http")],
        [("x-forwarded-anything", "")],
        [("via", "1.1 proxy")],
        [("cf-connecting-ip", "127.0.0.1")],
        [("true-client-ip", "127.0.0.1")],
        [("x-client-ip", "127.0.0.1")],
    ] {
        check(&Row { headers: Box::leak(Box::new(headers)), ..OWN }, PUBLIC);
    }
    check(&Row { proxied: true, ..OWN }, PUBLIC);
    check(&Row { version: Version::HTTP_10, ..OWN }, PUBLIC);
    check(&Row { version: Version::HTTP_09, ..OWN }, PUBLIC);
    check(&Row { headers: &[("x-requested-with", "XMLHttpRequest"), ("user-agent", "via")], ..OWN }, TRUSTED);
}

#[test]
fn an_origin_must_be_absent_our_own_or_listed() {
    const LISTED: &[&str] = &["https://app.example", "http://localhost:3000"];
    for (headers, allowed, expected) in [
        (&[("origin", "http://localhost:8080")] as &'static [_], &[] as &'static [&'static str], TRUSTED),
        (&[("origin", "http://LOCALHOST:8080")], &[], TRUSTED),
        (&[("origin", "http://localhost:3000")], LISTED, TRUSTED),
        (&[("origin", "https://app.example")], LISTED, TRUSTED),
        (&[("origin", "http://localhost")], &[], FOREIGN),
        (&[("origin", "http://localhost:3000")], &[], FOREIGN),
        (&[("origin", "http://127.0.0.1:8080")], &[], FOREIGN),
        (&[("origin", "https://localhost:8080")], &[], FOREIGN),
        (&[("origin", "https://evil.example")], LISTED, FOREIGN),
        (&[("origin", "https://app.example.evil.example")], LISTED, FOREIGN),
        (&[("origin", "http://app.example")], LISTED, FOREIGN),
        (&[("origin", "null")], LISTED, FOREIGN),
        (&[("origin", "")], LISTED, FOREIGN),
        (&[("origin", "https://app.example/path")], LISTED, FOREIGN),
        (&[("origin", "https://app.example"), ("origin", "https://app.example")], LISTED, FOREIGN),
        (&[("origin", "https://evil.example")], &["*"], PUBLIC),
        (&[("origin", "null")], &["*"], PUBLIC),
        (&[("origin", "https://app.example")], &["*", "https://app.example"], TRUSTED),
    ] {
        check(&Row { headers, allowed, ..OWN }, expected);
    }
}

#[test]
fn same_origin_counts_scheme_host_and_port_with_their_defaults() {
    for (scheme, host, origin, expected) in [
        (Scheme::Https, "sangam.example", "https://sangam.example", PUBLIC),
        (Scheme::Https, "sangam.example:443", "https://sangam.example", PUBLIC),
        (Scheme::Https, "sangam.example", "https://sangam.example:443", PUBLIC),
        (Scheme::Http, "sangam.example:80", "http://sangam.example", PUBLIC),
        (Scheme::Https, "sangam.example:8443", "https://sangam.example:8443", PUBLIC),
        (Scheme::Https, "[2001:db8::1]:8443", "https://[2001:db8::1]:8443", PUBLIC),
        (Scheme::Http, "sangam.example", "https://sangam.example", FOREIGN),
        (Scheme::Https, "sangam.example:80", "https://sangam.example", FOREIGN),
        (Scheme::Https, "sangam.example", "https://sangam.example:8443", FOREIGN),
        (Scheme::Https, "sangam.example", "https://www.sangam.example", FOREIGN),
    ] {
        let headers: &'static [(&str, &str)] = Box::leak(Box::new([("origin", origin)]));
        check(
            &Row { listener: "0.0.0.0:8443", peer: "203.0.113.7:1", scheme, host: Some(host), headers, ..OWN },
            expected,
        );
    }
    check(&Row { host: None, headers: &[("origin", "http://localhost:8080")], ..OWN }, FOREIGN);
}
