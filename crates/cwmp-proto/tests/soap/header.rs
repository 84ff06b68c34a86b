//! The SOAP header (TR-069 Amendment 6 §3.5; `cwmp-1-0.xsd` to `cwmp-1-4.xsd`).

use sangam_cwmp_proto::message::{InformResponse, Reboot};
use sangam_cwmp_proto::{Envelope, Header, Namespace, SoapLimits, Version, decode, decode_noting, encode};

use crate::envelope::around;

fn written(header: Header) -> String {
    let mut out = Vec::new();
    encode(&Envelope::new(Namespace::V1_0, header, InformResponse::default()), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// An envelope with this header, read.
fn read(header: &str) -> (Envelope, sangam_cwmp_proto::Departures) {
    let body = around("<cwmp:InformResponse><MaxEnvelopes>1</MaxEnvelopes></cwmp:InformResponse>")
        .replace("<cwmp:ID soap-env:mustUnderstand=\"1\">7</cwmp:ID>", header);
    decode_noting(body.as_bytes(), &SoapLimits::default()).unwrap()
}

#[test]
fn every_field_says_whether_it_must_be_understood() {
    let header = Header {
        id: Some("a&b".into()),
        hold_requests: Some(false),
        session_timeout_secs: Some(40),
        supported_versions: vec![Version::v1(0), Version::v1(4)],
        use_version: Some(Version::v1(2)),
    };
    let text = written(header.clone());
    let expected = "<soap-env:Header>\
        <cwmp:ID soap-env:mustUnderstand=\"1\">a&amp;b</cwmp:ID>\
        <cwmp:HoldRequests soap-env:mustUnderstand=\"1\">0</cwmp:HoldRequests>\
        <cwmp:SessionTimeout soap-env:mustUnderstand=\"0\">40</cwmp:SessionTimeout>\
        <cwmp:SupportedCWMPVersions soap-env:mustUnderstand=\"0\">1.0,1.4</cwmp:SupportedCWMPVersions>\
        <cwmp:UseCWMPVersion soap-env:mustUnderstand=\"1\">1.2</cwmp:UseCWMPVersion>\
        </soap-env:Header>";
    assert!(text.contains(expected), "{text}");
    assert_eq!(decode(text.as_bytes(), &SoapLimits::default()).unwrap().header, header);
}

#[test]
fn a_header_that_says_nothing_is_left_out() {
    assert!(!written(Header::default()).contains("Header"));
}

#[test]
fn a_reply_echoes_the_id_and_the_namespace_or_has_no_id() {
    let request = Envelope::new(Namespace::V1_4, Header::with_id("x"), Reboot::default());
    let reply = request.reply(InformResponse::default());
    assert_eq!((reply.namespace, reply.header), (Namespace::V1_4, Header::with_id("x")));
    let request = Envelope::new(Namespace::V1_0, Header::default(), Reboot::default());
    assert_eq!(request.reply(InformResponse::default()).header.id, None);
}

#[test]
fn no_more_requests_is_ignored() {
    let (envelope, departures) = read("<cwmp:NoMoreRequests>1</cwmp:NoMoreRequests><cwmp:ID>3</cwmp:ID>");
    assert_eq!(envelope.header, Header::with_id("3"));
    assert!(departures.is_none(), "{departures:?}");
}

#[test]
fn what_must_be_understood_and_is_not_is_noted() {
    let (envelope, departures) =
        read("<x:Auth xmlns:x=\"urn:x\" soap-env:mustUnderstand=\"1\"><y/></x:Auth><x:Z xmlns:x=\"urn:x\">1</x:Z>");
    assert_eq!(envelope.header, Header::default());
    assert_eq!((departures.not_understood, departures.unknown_elements), (1, 2));
}

#[test]
fn versions_that_are_none_are_left_out() {
    let (envelope, _) = read(
        "<cwmp:SupportedCWMPVersions>1.0, 1.2 ,x,1.4,</cwmp:SupportedCWMPVersions>\
         <cwmp:UseCWMPVersion>latest</cwmp:UseCWMPVersion>",
    );
    assert_eq!(envelope.header.supported_versions, [Version::v1(0), Version::v1(2), Version::v1(4)]);
    assert_eq!(envelope.header.use_version, None);
}
