use proptest::prelude::*;

use super::*;

const PROXY: &str = "10.0.0.1:40000";
const STRANGER: &str = "198.51.100.9:40000";

fn rules(forwarding_header: ForwardingHeader) -> FrontRules {
    let trusted_proxies = TrustedProxies::parse(["10.0.0.0/8", "fd00::/8"]).unwrap();
    FrontRules { trusted_proxies, forwarding_header, ..FrontRules::default() }
}

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    lines.iter().map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap())).collect()
}

fn check_with(header: ForwardingHeader, peer: &str, lines: &[(&str, &str)], client: &str, scheme: Scheme) {
    let found = client_of(peer.parse().unwrap(), Scheme::Http, &headers(lines), &rules(header));
    assert_eq!(found, (client.parse().unwrap(), scheme), "{lines:?} from {peer}");
}

fn check(peer: &str, lines: &[(&str, &str)], client: &str, scheme: Scheme) {
    check_with(ForwardingHeader::XForwardedFor, peer, lines, client, scheme);
}

#[test]
fn a_stranger_is_who_its_address_says() {
    check(
        STRANGER,
        &[("x-forwarded-for", "127.0.0.1"), ("x-forwarded-proto", "https"), ("forwarded", "for=127.0.0.1")],
        STRANGER,
        Scheme::Http,
    );
}

#[test]
fn the_nearest_untrusted_address_is_the_client() {
    for (list, client) in [
        ("203.0.113.7", "203.0.113.7:0"),
        ("203.0.113.7:5555", "203.0.113.7:5555"),
        ("2001:db8::7", "[2001:db8::7]:0"),
        ("[2001:db8::7]:5555", "[2001:db8::7]:5555"),
        ("\"[2001:db8::7]\"", "[2001:db8::7]:0"),
        ("::ffff:203.0.113.7", "203.0.113.7:0"),
        // What the client made up stands before its address.
        ("127.0.0.1, 203.0.113.7", "203.0.113.7:0"),
        ("127.0.0.1, 203.0.113.7, 10.0.0.2,10.0.0.3", "203.0.113.7:0"),
        // Everybody is a proxy: the farthest is the client.
        ("10.0.0.3, 10.0.0.2", "10.0.0.3:0"),
        // A trusted proxy that does not know.
        ("203.0.113.7, unknown", PROXY),
        ("203.0.113.7, unknown, 10.0.0.2", "10.0.0.2:0"),
        ("", PROXY),
        ("203.0.113.7,", PROXY),
        ("evil.example", PROXY),
    ] {
        check(PROXY, &[("x-forwarded-for", list)], client, Scheme::Http);
    }
    check(PROXY, &[], PROXY, Scheme::Http);
}

#[test]
fn several_lines_are_one_list() {
    let lines = [("x-forwarded-for", "127.0.0.1"), ("x-forwarded-for", "203.0.113.7"), ("x-forwarded-for", "10.0.0.2")];
    check(PROXY, &lines, "203.0.113.7:0", Scheme::Http);
}

#[test]
fn the_scheme_is_the_one_of_the_clients_hop() {
    for (addrs, protos, scheme) in [
        ("203.0.113.7", "https", Scheme::Https),
        ("203.0.113.7", "WSS", Scheme::Https),
        ("203.0.113.7", "http", Scheme::Http),
        ("203.0.113.7", "gopher", Scheme::Http),
        ("203.0.113.7, 10.0.0.2", "https, http", Scheme::Https),
        ("127.0.0.1, 203.0.113.7", "https, http", Scheme::Http),
        ("203.0.113.7, 10.0.0.2", "https", Scheme::Https),
        ("203.0.113.7", "https, http", Scheme::Http),
    ] {
        let lines = [("x-forwarded-for", addrs), ("x-forwarded-proto", protos)];
        check(PROXY, &lines, "203.0.113.7:0", scheme);
    }
    check(PROXY, &[("x-forwarded-proto", "https")], PROXY, Scheme::Https);
}

#[test]
fn only_the_header_that_the_proxies_write_is_read() {
    let lines = [("x-forwarded-for", "203.0.113.7"), ("forwarded", "for=203.0.113.8;proto=https")];
    check(PROXY, &lines, "203.0.113.7:0", Scheme::Http);
    check_with(ForwardingHeader::Forwarded, PROXY, &lines, "203.0.113.8:0", Scheme::Https);
}

#[test]
fn forwarded_is_read_as_rfc_7239_writes_it() {
    for (value, client, scheme) in [
        ("for=203.0.113.7;proto=https;by=10.0.0.1", "203.0.113.7:0", Scheme::Https),
        ("For=\"[2001:db8::7]:4711\" ; Proto=HTTPS", "[2001:db8::7]:4711", Scheme::Https),
        ("for=192.0.2.43, for=203.0.113.7, for=10.0.0.9;proto=https", "203.0.113.7:0", Scheme::Https),
        ("for=203.0.113.7;proto=http, for=10.0.0.9;proto=https", "203.0.113.7:0", Scheme::Http),
        ("for=\"_a,b\", for=203.0.113.7", "203.0.113.7:0", Scheme::Http),
        ("for=\", for=203.0.113.7", "203.0.113.7:0", Scheme::Http),
        ("for=_hidden;proto=https", PROXY, Scheme::Https),
        ("for=unknown", PROXY, Scheme::Http),
        ("by=10.0.0.1", PROXY, Scheme::Http),
        ("nonsense", PROXY, Scheme::Http),
    ] {
        check_with(ForwardingHeader::Forwarded, PROXY, &[("forwarded", value)], client, scheme);
    }
}

#[test]
fn a_line_that_is_not_text_ends_the_walk() {
    let mut lines = headers(&[("x-forwarded-for", "203.0.113.7")]);
    lines.append(X_FORWARDED_FOR, http::HeaderValue::from_bytes(b"\xff").unwrap());
    let found = client_of(PROXY.parse().unwrap(), Scheme::Http, &lines, &rules(ForwardingHeader::XForwardedFor));
    assert_eq!(found.0, PROXY.parse().unwrap());
}

#[test]
fn beyond_the_most_hops_nothing_is_read() {
    let list = format!("203.0.113.7{}", ", 10.0.0.5".repeat(HOPS_MAX));
    check(PROXY, &[("x-forwarded-for", &list)], "10.0.0.5:0", Scheme::Http);
}

proptest! {
    #[test]
    fn what_the_client_writes_never_changes_who_it_is(forged in "[ -~]{0,60}") {
        let list = format!("{forged}, 203.0.113.7");
        let found = client_of(
            PROXY.parse().unwrap(), Scheme::Http, &headers(&[("x-forwarded-for", &list)]),
            &rules(ForwardingHeader::XForwardedFor),
        );
        prop_assert_eq!(found.0, "203.0.113.7:0".parse().unwrap());
    }
}
