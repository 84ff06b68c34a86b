//! Bodies that are made to break a reader: each is refused with its reason, none costs more than its size.

use std::fmt::Write as _;

use sangam_cwmp_proto::message::{GetParameterValuesResponse, Kicked, SetParameterAttribute, SetParameterAttributes};
use sangam_cwmp_proto::{
    EncodeError, Envelope, Fault, FaultCode, Header, Namespace, ParameterValue, SetParameterValuesFault, SoapError,
    SoapLimits, ValueKind, decode, encode,
};

use crate::envelope::{around, envelope};

fn reason(body: &str) -> &'static str {
    reason_within(body, &SoapLimits::default())
}

fn reason_within(body: &str, limits: &SoapLimits) -> &'static str {
    match decode(body.as_bytes(), limits) {
        Err(error) => error.reason(),
        Ok(envelope) => panic!("{envelope:?}"),
    }
}

#[test]
fn entities_are_not_expanded() {
    let bomb = "<?xml version=\"1.0\"?><!DOCTYPE lolz [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]>";
    assert_eq!(
        reason(&around("<cwmp:Kicked/>").replace("<?xml version=\"1.0\" encoding=\"UTF-8\"?>", bomb)),
        "doctype"
    );
    assert_eq!(reason("<!DOCTYPE x SYSTEM \"file:///etc/passwd\"><x/>"), "doctype");
    assert_eq!(reason(&around("<cwmp:Kicked><Command>&a;</Command></cwmp:Kicked>")), "entity");
    assert_eq!(reason(&around("<cwmp:Kicked>&a;</cwmp:Kicked>")), "entity");
    for number in ["#", "#x", "#-1", "#xG", "#99999999999", "#+5", "#X41"] {
        assert_eq!(reason(&around(&format!("<cwmp:Kicked><Command>&{number};</Command></cwmp:Kicked>"))), "entity");
    }
}

#[test]
fn what_is_no_envelope_is_refused() {
    for body in ["<a/>", "<Envelope xmlns=\"http://www.w3.org/2003/05/soap-envelope\"><Body/></Envelope>"] {
        assert_eq!(reason(body), "not_soap");
    }
    assert_eq!(reason("<Envelope/>"), "no_body");
    for body in ["GET / HTTP/1.1", "{}", "<", "<a", "</a>", "<Envelope><Body></Envelope>", "&amp;", "<Envelope>"] {
        assert_eq!(reason(body), "syntax", "{body}");
    }
    assert_eq!(reason(""), "empty");
    assert_eq!(reason(" \r\n\0"), "empty");
}

#[test]
fn there_is_one_envelope_with_one_message() {
    let one = around("<cwmp:Kicked/>");
    let second = one.replace("<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "");
    assert_eq!(reason(&format!("{one}{second}")), "more_than_one");
    assert_eq!(reason(&around("<cwmp:Kicked/><cwmp:Reboot/>")), "more_than_one");
    assert_eq!(reason(&around("</soap-env:Body><soap-env:Body>")), "more_than_one");
    assert_eq!(reason(&format!("{one}trailing")), "syntax");
}

#[test]
fn every_bound_refuses_with_its_name() {
    let limits = SoapLimits::default();
    let deep = format!("<cwmp:Kicked>{}{}</cwmp:Kicked>", "<a>".repeat(40), "</a>".repeat(40));
    let many = format!("<cwmp:Kicked>{}</cwmp:Kicked>", "<a/>".repeat(limits.elements));
    let attributes = (0..40).fold(String::new(), |mut all, at| {
        write!(all, " a{at}=\"\"").unwrap();
        all
    });
    let list = |name: &str, item: &str, count: usize| {
        format!("<cwmp:Inform><{name}>{}</{name}></cwmp:Inform>", item.repeat(count))
    };
    let table = [
        (around(&deep), "depth"),
        (around(&many), "elements"),
        (around(&format!("<cwmp:Kicked{attributes}/>")), "attributes"),
        (around(&format!("<cwmp:Kicked a=\"{}\"/>", "x".repeat(limits.tag_bytes))), "tag_bytes"),
        (around(&format!("<cwmp:{}/>", "x".repeat(limits.tag_bytes))), "tag_bytes"),
        (around(&format!("<cwmp:Kicked><Arg>{}</Arg></cwmp:Kicked>", "x".repeat(limits.text_bytes + 1))), "text_bytes"),
        (around(&format!("<cwmp:Kicked><Arg>{}</Arg></cwmp:Kicked>", "&amp;".repeat(limits.text_bytes))), "text_bytes"),
        (
            around("<cwmp:Kicked/>").replace("</soap-env:Header>", &format!("{}</soap-env:Header>", "<a/>".repeat(16))),
            "header_fields",
        ),
        (around(&list("Event", "<EventStruct/>", 65)), "events"),
        (around(&list("ParameterList", "<a/>", 5_001)), "parameters"),
        (
            around(&format!("<cwmp:SetVouchers><VoucherList>{}</VoucherList></cwmp:SetVouchers>", "<a/>".repeat(513))),
            "items",
        ),
        (
            around(&format!("<cwmp:DUStateChangeComplete>{}</cwmp:DUStateChangeComplete>", "<Results/>".repeat(513))),
            "items",
        ),
        (
            around(&format!(
                "<soap-env:Fault><detail><cwmp:Fault>{}</cwmp:Fault></detail></soap-env:Fault>",
                "<SetParameterValuesFault/>".repeat(513)
            )),
            "items",
        ),
        (around(&"<?x y?>".repeat(70)), "asides"),
        (around(&"<!-- -->".repeat(70)), "asides"),
        (around(&format!("<cwmp:{}/>", "x".repeat(65))), "name"),
    ];
    for (body, bound) in table {
        assert_eq!(reason(&body), bound);
    }
    let small = SoapLimits { body_bytes: 10, ..limits };
    assert_eq!(reason_within(&around("<cwmp:Kicked/>"), &small), "body_bytes");
}

#[test]
fn a_list_in_pieces_has_the_same_bound() {
    let piece = format!("<Event>{}</Event>", "<EventStruct/>".repeat(40));
    assert_eq!(reason(&around(&format!("<cwmp:Inform>{piece}{piece}</cwmp:Inform>"))), "events");
}

#[test]
fn as_many_as_the_bounds_allow_are_read() {
    let limits = SoapLimits::default();
    let parameter = |at: usize| ParameterValue::new(format!("Device.X.{at}"), "v", ValueKind::String);
    let message = GetParameterValuesResponse { parameters: (0..limits.parameters).map(parameter).collect() };
    let mut out = Vec::new();
    encode(&envelope(message.clone()), &mut out).unwrap();
    assert_eq!(decode(&out, &limits).unwrap(), envelope(message));
}

#[test]
fn seven_levels_are_enough() {
    let mut fault = Fault::new(FaultCode::InvalidArguments);
    fault.detail.as_mut().unwrap().parameters.push(SetParameterValuesFault::default());
    let attribute = SetParameterAttribute { access_list: Some(vec!["Subscriber".into()]), ..Default::default() };
    let attributes = SetParameterAttributes { parameters: vec![attribute] };
    for deepest in [envelope(fault), envelope(attributes)] {
        let mut out = Vec::new();
        encode(&deepest, &mut out).unwrap();
        assert_eq!(decode(&out, &SoapLimits { depth: 7, ..SoapLimits::default() }), Ok(deepest));
        let shallow = decode(&out, &SoapLimits { depth: 6, ..SoapLimits::default() });
        assert_eq!(shallow, Err(SoapError::Limit { bound: "depth" }));
    }
}

#[test]
fn a_body_cut_off_anywhere_is_refused() {
    let body = around(
        "<cwmp:Kicked><Command>a&amp;b<![CDATA[x]]><!-- y --></Command><Next xsi:type=\"xsd:string\">z</Next></cwmp:Kicked>",
    );
    for end in 0..body.len() {
        assert!(decode(&body.as_bytes()[..end], &SoapLimits::default()).is_err(), "{}", &body[..end]);
    }
    assert!(decode(body.as_bytes(), &SoapLimits::default()).is_ok());
}

#[test]
fn a_body_with_any_byte_changed_does_no_harm() {
    let body = around("<cwmp:Kicked><Command a=\"b\">x&#65;y<![CDATA[x]]></Command></cwmp:Kicked>").into_bytes();
    for at in 0..body.len() {
        for byte in [0, b'<', b'>', b'&', b'"', b'/', b'!', b'?', 0x80, 0xFF] {
            let mut changed = body.clone();
            changed[at] = byte;
            // Either is fine; what is read must be written again.
            if let Ok(envelope) = decode(&changed, &SoapLimits::default()) {
                let mut out = Vec::new();
                encode(&envelope, &mut out).unwrap();
                assert_eq!(decode(&out, &SoapLimits::default()), Ok(envelope));
            }
        }
    }
}

#[test]
fn what_xml_cannot_carry_is_not_written() {
    let mut out = b"before".to_vec();
    for character in ['\0', '\u{1}', '\u{1F}', '\u{FFFE}', '\u{FFFF}'] {
        let message = Kicked { command: format!("a&{character}b"), ..Kicked::default() };
        let refusal = encode(&envelope(message), &mut out);
        assert_eq!(refusal, Err(EncodeError::Forbidden { character: u32::from(character) }));
        assert_eq!(out, b"before");
    }
    let kind = ValueKind::Other("a b".into());
    let message = GetParameterValuesResponse { parameters: vec![ParameterValue::new("D", "", kind)] };
    assert_eq!(encode(&envelope(message), &mut out), Err(EncodeError::Name));
    let body = sangam_cwmp_proto::Body::Unknown { method: "a b".into() };
    let unknown = Envelope { namespace: Namespace::V1_0, header: Header::default(), body };
    assert_eq!(encode(&unknown, &mut out), Err(EncodeError::Name));
    assert_eq!(out, b"before");
}

#[test]
fn reasons_are_few_words() {
    let errors = [SoapError::Empty, SoapError::Limit { bound: "depth" }, SoapError::Missing { element: "DeviceId" }];
    assert_eq!(errors.map(|it| it.reason()), ["empty", "depth", "missing"]);
}
