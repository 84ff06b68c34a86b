use proptest::prelude::*;

use super::*;

/// A header with the given version and command, family and transport, and payload.
fn header(version_command: u8, family: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap();
    [&SIGNATURE[..], &[version_command, family], &length.to_be_bytes(), payload].concat()
}

const TCP4: [u8; TCP4_BYTES] = [
    203, 0, 113, 7, // source address
    10, 0, 0, 1, // destination address
    0xd4, 0x31, // source port 54321
    0x01, 0xbb, // destination port 443
];

fn tcp6() -> Vec<u8> {
    let source = "2001:db8::7".parse::<Ipv6Addr>().unwrap().octets();
    [&source[..], &[0; 16], &[0xd4, 0x31, 0x01, 0xbb]].concat()
}

fn check(bytes: &[u8], expected: Result<ProxyHeader, ProxyHeaderError>) {
    let decoded = ProxyHeader::decode(bytes).map(|decoded| decoded.map(|(header, _)| header));
    assert_eq!(decoded, expected.map(Some));
}

fn client(addr: &str) -> Result<ProxyHeader, ProxyHeaderError> {
    Ok(ProxyHeader::Client(addr.parse().unwrap()))
}

#[test]
fn the_clients_address_is_the_source() {
    check(&header(0x21, 0x11, &TCP4), client("203.0.113.7:54321"));
    check(&header(0x21, 0x21, &tcp6()), client("[2001:db8::7]:54321"));
}

#[test]
fn a_mapped_address_is_the_ipv4_address_it_carries() {
    let mapped = Ipv4Addr::new(203, 0, 113, 7).to_ipv6_mapped().octets();
    check(&header(0x21, 0x21, &[&mapped[..], &[0; 16], &[0, 80, 0, 80]].concat()), client("203.0.113.7:80"));
}

#[test]
fn tlvs_after_the_addresses_are_skipped() {
    let tlv = [0x04, 0x00, 0x03, 1, 2, 3];
    let bytes = header(0x21, 0x11, &[&TCP4[..], &tlv].concat());
    assert_eq!(
        ProxyHeader::decode(&[&bytes[..], b"GET /"].concat()),
        Ok(Some((client("203.0.113.7:54321").unwrap(), bytes.len())))
    );
}

#[test]
fn a_proxy_may_speak_for_itself() {
    check(&header(0x20, 0x00, &[]), Ok(ProxyHeader::Itself));
    check(&header(0x20, 0x11, &TCP4), Ok(ProxyHeader::Itself));
    check(&header(0x21, 0x00, &[]), Ok(ProxyHeader::Itself));
    check(&header(0x21, 0x31, &[0; 216]), Ok(ProxyHeader::Itself));
}

#[test]
fn malformed_headers_are_named() {
    check(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", Err(ProxyHeaderError::Signature));
    check(b"GET", Err(ProxyHeaderError::Signature));
    check(&header(0x11, 0x11, &TCP4), Err(ProxyHeaderError::Version { version: 1 }));
    check(&header(0x22, 0x11, &TCP4), Err(ProxyHeaderError::Command { command: 2 }));
    check(&header(0x21, 0x12, &TCP4), Err(ProxyHeaderError::Transport { byte: 0x12 }));
    check(&header(0x21, 0x41, &TCP4), Err(ProxyHeaderError::Transport { byte: 0x41 }));
    check(&header(0x21, 0x11, &TCP4[..11]), Err(ProxyHeaderError::Truncated { expected: 12, actual: 11 }));
    check(&header(0x21, 0x21, &TCP4), Err(ProxyHeaderError::Truncated { expected: 36, actual: 12 }));
    check(&header(0x20, 0x00, &[0; PAYLOAD_BYTES_MAX]), Ok(ProxyHeader::Itself));
    let actual = PAYLOAD_BYTES_MAX + 1;
    check(&header(0x20, 0x00, &vec![0; actual]), Err(ProxyHeaderError::TooLong { actual }));
}

#[tokio::test]
async fn reading_stops_where_the_header_ends() {
    let bytes = [&header(0x21, 0x11, &TCP4)[..], b"rest"].concat();
    let mut stream = &bytes[..];
    assert_eq!(read_header(&mut stream).await.unwrap(), client("203.0.113.7:54321").unwrap());
    assert_eq!(stream, b"rest");
}

#[tokio::test]
async fn a_client_without_a_header_is_found_out_by_twelve_bytes() {
    let mut stream = &b"GET / HTTP/1"[..];
    assert!(matches!(read_header(&mut stream).await, Err(ReadError::Malformed(ProxyHeaderError::Signature))));
}

proptest! {
    #[test]
    fn other_bytes_are_refused_at_once(bytes in proptest::collection::vec(any::<u8>(), 1..300)) {
        prop_assume!(bytes[0] != SIGNATURE[0]);
        prop_assert_eq!(ProxyHeader::decode(&bytes), Err(ProxyHeaderError::Signature));
    }

    #[test]
    fn any_bytes_after_the_signature_never_consume_more_than_there_is(
        tail in proptest::collection::vec(any::<u8>(), 0..300),
        command in prop_oneof![Just(0x20_u8), Just(0x21), any::<u8>()],
    ) {
        let bytes = [&SIGNATURE[..], &[command], &tail].concat();
        if let Ok(Some((_, consumed))) = ProxyHeader::decode(&bytes) {
            prop_assert!(consumed <= bytes.len());
        }
    }

    #[test]
    fn addresses_survive_and_every_cut_is_incomplete(
        ip in any::<[u8; 4]>(), port in any::<u16>(), tlvs in proptest::collection::vec(any::<u8>(), 0..64), cut in any::<prop::sample::Index>(),
    ) {
        let bytes = header(0x21, 0x11, &[&ip[..], &[0; 4], &port.to_be_bytes(), &[0; 2], &tlvs].concat());
        let whole = ProxyHeader::decode(&bytes);
        prop_assert_eq!(whole, Ok(Some((ProxyHeader::Client(SocketAddr::new(Ipv4Addr::from(ip).into(), port)), bytes.len()))));
        prop_assert_eq!(ProxyHeader::decode(&bytes[..cut.index(bytes.len())]), Ok(None));
    }
}
