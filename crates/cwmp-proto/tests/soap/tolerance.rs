//! What devices write that the standard does not have so, and is read all the same.

use sangam_cwmp_proto::message::{Inform, Status};
use sangam_cwmp_proto::{
    Body, Departures, Envelope, EventCode, Message, Namespace, SoapError, SoapLimits, ValueKind, decode, decode_noting,
    encode,
};

use crate::envelope::around;

fn noting(body: &str) -> (Envelope, Departures) {
    decode_noting(body.as_bytes(), &SoapLimits::default()).unwrap()
}

fn message(body: &str) -> Message {
    noting(&around(body)).0.message().unwrap().clone()
}

fn inform(body: &[u8]) -> (Inform, Envelope) {
    let envelope = decode(body, &SoapLimits::default()).unwrap();
    match envelope.message() {
        Some(Message::Inform(inform)) => (inform.clone(), envelope),
        other => panic!("{other:?}"),
    }
}

const DEVICE: &str = "<DeviceId><Manufacturer>M</Manufacturer><OUI>00D09E</OUI>\
    <ProductClass>P</ProductClass><SerialNumber>S</SerialNumber></DeviceId>";

#[test]
fn prefixes_are_the_senders_choice() {
    let body = format!(
        "\u{FEFF}\r\n<?xml version='1.0' encoding='utf-8' standalone='no'?>\
         <!-- x --><SOAP-ENV:Envelope xmlns:SOAP-ENV='http://schemas.xmlsoap.org/soap/envelope/' \
         xmlns:SOAP-ENC='http://schemas.xmlsoap.org/soap/encoding/' xmlns:i='http://www.w3.org/2001/XMLSchema-instance'>\
         <SOAP-ENV:Header><ns9:ID xmlns:ns9='urn:dslforum-org:cwmp-1-1' SOAP-ENV:mustUnderstand='1'>42</ns9:ID>\
         </SOAP-ENV:Header><SOAP-ENV:Body SOAP-ENV:encodingStyle='http://schemas.xmlsoap.org/soap/encoding/'>\
         <Inform xmlns='urn:dslforum-org:cwmp-1-1'>{DEVICE}\
         <Event SOAP-ENC:arrayType='ns9:EventStruct[1]'><EventStruct><EventCode>6 CONNECTION REQUEST</EventCode>\
         <CommandKey/></EventStruct></Event><MaxEnvelopes>1</MaxEnvelopes>\
         <CurrentTime>0001-01-01T00:00:00Z</CurrentTime><RetryCount>0</RetryCount>\
         <ParameterList SOAP-ENC:arrayType='ns9:ParameterValueStruct[1]'><ParameterValueStruct>\
         <Name>Device.X</Name><Value i:type='s:boolean'>true</Value></ParameterValueStruct></ParameterList>\
         </Inform></SOAP-ENV:Body></SOAP-ENV:Envelope>\n\0"
    );
    let (inform, envelope) = inform(body.as_bytes());
    assert_eq!((envelope.namespace, envelope.header.id.as_deref()), (Namespace::V1_1, Some("42")));
    assert_eq!(inform.events[0].code, EventCode::ConnectionRequest);
    assert_eq!(inform.parameters[0].kind, ValueKind::Boolean);
    assert!(inform.current_time.is_unknown());
    assert!(noting(&body).1.is_none());
}

#[test]
fn the_namespace_is_never_a_reason_to_refuse() {
    for (uri, namespace) in [
        ("urn:dslforum-org:cwmp-1-0", Namespace::V1_0),
        ("urn:dslforum-org:cwmp-1-3", Namespace::V1_3),
        ("urn:dslforum-org:cwmp-1-4", Namespace::V1_4),
        ("urn:example:other", Namespace::V1_0),
    ] {
        let body = around(&format!("<cwmp:Inform>{DEVICE}</cwmp:Inform>")).replace("urn:dslforum-org:cwmp-1-2", uri);
        let (_, envelope) = inform(body.as_bytes());
        assert_eq!(envelope.namespace, namespace);
        let mut out = Vec::new();
        encode(&envelope, &mut out).unwrap();
        assert!(String::from_utf8(out).unwrap().contains(&format!("xmlns:cwmp=\"{namespace}\"")));
    }
}

#[test]
fn the_namespace_is_that_of_the_message_then_of_the_header_then_what_is_declared() {
    let with = |header: &str, body: &str| {
        let text = format!(
            "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns:a=\"urn:dslforum-org:cwmp-1-0\" \
             xmlns:b=\"urn:dslforum-org:cwmp-1-1\" xmlns:c=\"urn:dslforum-org:cwmp-1-2\"><s:Header>{header}</s:Header>\
             <s:Body>{body}</s:Body></s:Envelope>"
        );
        noting(&text).0.namespace
    };
    assert_eq!(with("<b:ID>1</b:ID>", "<c:Kicked/>"), Namespace::V1_2);
    assert_eq!(with("<b:ID>1</b:ID>", "<Kicked/>"), Namespace::V1_1);
    assert_eq!(with("<b:ID>1</b:ID>", "<s:Fault/>"), Namespace::V1_1);
    assert_eq!(with("<ID>1</ID>", "<Kicked/>"), Namespace::V1_0);
}

#[test]
fn prefixes_that_nobody_declared_are_noted() {
    let body = format!("<soap:Envelope><soap:Body><cwmp:Inform>{DEVICE}</cwmp:Inform></soap:Body></soap:Envelope>");
    let (inform, _) = inform(body.as_bytes());
    assert_eq!(inform.device_id.serial_number, "S");
    assert_eq!(noting(&body).1.unbound_prefixes, 2);
}

#[test]
fn references_and_sections_are_part_of_a_text() {
    let (envelope, _) = noting(&around(
        "<cwmp:GetParameterValuesResponse><ParameterList soap-enc:arrayType=\"cwmp:ParameterValueStruct[1]\">\
         <ParameterValueStruct><Name>Device.X</Name><Value xsi:type=\"xsd:string\">\
         a&amp;b&#10;c&#xA;d&lt;&gt;&quot;&apos;&#x1F600;<![CDATA[<&amp;>]]>e<!-- no -->f\r\ng\rh&#13;i</Value>\
         </ParameterValueStruct></ParameterList></cwmp:GetParameterValuesResponse>",
    ));
    let Some(Message::GetParameterValuesResponse(it)) = envelope.message() else { panic!("{envelope:?}") };
    assert_eq!(it.parameters[0].value, "a&b\nc\nd<>\"'\u{1F600}<&amp;>ef\ng\nh\ri");
}

#[test]
fn white_space_within_a_value_stays() {
    let (envelope, _) = noting(&around(
        "<cwmp:SetParameterValues><ParameterList soap-enc:arrayType=\"cwmp:ParameterValueStruct[1]\">\
         <ParameterValueStruct><Name>Device.X</Name><Value xsi:type=\"xsd:string\">  a\tb \n</Value>\
         </ParameterValueStruct></ParameterList><ParameterKey></ParameterKey></cwmp:SetParameterValues>",
    ));
    let Some(Message::SetParameterValues(it)) = envelope.message() else { panic!("{envelope:?}") };
    assert_eq!(it.parameters[0].value, "  a\tb \n");
}

#[test]
fn items_count_not_what_an_array_says() {
    for (attribute, counts, untyped) in [
        ("soap-enc:arrayType=\"cwmp:EventStruct[99999999999]\"", 0, 1),
        ("soap-enc:arrayType=\"cwmp:EventStruct[3]\"", 1, 0),
        ("soap-enc:arrayType=\"cwmp:EventStruct[]\"", 0, 1),
        ("soap-enc:arrayType=\"cwmp:EventStruct\"", 0, 1),
        ("", 0, 1),
        ("soap-enc:arrayType=\"cwmp:EventStruct[2]\"", 0, 0),
    ] {
        let (envelope, departures) = noting(&around(&format!(
            "<cwmp:Inform>{DEVICE}<Event {attribute}><EventStruct><EventCode>1 BOOT</EventCode></EventStruct>\
             <EventStruct><EventCode>2 PERIODIC</EventCode></EventStruct></Event></cwmp:Inform>"
        )));
        let Some(Message::Inform(it)) = envelope.message() else { panic!("{envelope:?}") };
        assert_eq!(it.events.len(), 2);
        let seen = (departures.array_counts, departures.untyped_arrays);
        let large = if attribute.contains("99999999999") { (1, 0) } else { (counts, untyped) };
        assert_eq!(seen, large, "{attribute}");
    }
}

#[test]
fn items_of_arrays_may_have_any_name() {
    let (envelope, departures) = noting(&around(
        "<cwmp:GetParameterValues><ParameterNames soap-enc:arrayType=\"xsd:string[2]\"><xsd:string>D.A</xsd:string>\
         <item>D.B</item></ParameterNames></cwmp:GetParameterValues>",
    ));
    assert!(matches!(envelope.message(), Some(Message::GetParameterValues(it)) if it.names == ["D.A", "D.B"]));
    assert!(departures.is_none(), "{departures:?}");
}

#[test]
fn a_value_without_a_type_has_none_and_another_type_is_kept() {
    let list = |attribute: &str| {
        let (envelope, departures) = noting(&around(&format!(
            "<cwmp:GetParameterValuesResponse><ParameterList soap-enc:arrayType=\"x[1]\"><ParameterValueStruct>\
             <Name>D.X</Name><Value {attribute}>1</Value></ParameterValueStruct></ParameterList>\
             </cwmp:GetParameterValuesResponse>"
        )));
        let Some(Message::GetParameterValuesResponse(it)) = envelope.message() else { panic!("{envelope:?}") };
        (it.parameters[0].kind.clone(), departures.untyped_values)
    };
    assert_eq!(list(""), (ValueKind::Untyped, 1));
    assert_eq!(list("xsi:type=\"\""), (ValueKind::Untyped, 1));
    assert_eq!(list("xsi:type=\"xsd:\u{E9}\""), (ValueKind::Untyped, 1));
    assert_eq!(list("xsi:type=\"a:b:IPv4Address\""), (ValueKind::Other("IPv4Address".into()), 0));
    assert_eq!(list("xsi:type=' xsd:int '"), (ValueKind::Int, 0));
    assert_eq!(list("type=\"unsignedInt\""), (ValueKind::UnsignedInt, 0));
}

#[test]
fn a_parameter_without_a_name_is_left_out() {
    let it = message(
        "<cwmp:GetParameterValuesResponse><ParameterList><ParameterValueStruct><Value>1</Value></ParameterValueStruct>\
         </ParameterList></cwmp:GetParameterValuesResponse>",
    );
    let Message::GetParameterValuesResponse(it) = it else { panic!("{it:?}") };
    assert_eq!(it.parameters, []);
}

#[test]
fn unknown_elements_are_passed_over_wherever_they_stand() {
    let (envelope, departures) = noting(&around(&format!(
        "<cwmp:Inform><x><MaxEnvelopes>9</MaxEnvelopes></x>{}<Event><EventStruct><Extra/><EventCode>1 BOOT<b/></EventCode>\
         </EventStruct></Event></cwmp:Inform>",
        DEVICE.replace("<OUI>", "<Model>x</Model><OUI>")
    )));
    let Some(Message::Inform(it)) = envelope.message() else { panic!("{envelope:?}") };
    assert_eq!((it.max_envelopes, &it.events[0].code, it.device_id.oui.as_str()), (1, &EventCode::Boot, "00D09E"));
    assert_eq!(departures.unknown_elements, 4);
}

#[test]
fn what_is_missing_has_a_default() {
    let (it, _) = inform(around(&format!("<cwmp:Inform>{DEVICE}</cwmp:Inform>")).as_bytes());
    assert_eq!((it.retry_count, it.events.len(), it.parameters.len()), (0, 0, 0));
    assert!(it.current_time.is_unknown());
    let it = message("<cwmp:TransferComplete><CommandKey>k</CommandKey></cwmp:TransferComplete>");
    assert!(matches!(it, Message::TransferComplete(it) if it.fault.is_none() && it.command_key == "k"));
    let it = message("<cwmp:SetParameterValuesResponse/>");
    assert!(matches!(it, Message::SetParameterValuesResponse(it) if it.status == Status::Done));
}

#[test]
fn an_inform_of_nobody_is_refused() {
    let refusal = decode(around("<cwmp:Inform><Event/></cwmp:Inform>").as_bytes(), &SoapLimits::default());
    assert_eq!(refusal, Err(SoapError::Missing { element: "DeviceId" }));
    let refusal = decode(around("<cwmp:AddObjectResponse/>").as_bytes(), &SoapLimits::default());
    assert_eq!(refusal, Err(SoapError::Missing { element: "InstanceNumber" }));
}

#[test]
fn counts_that_are_no_numbers_are_0_and_codes_must_be_numbers() {
    let (envelope, departures) =
        noting(&around(&format!("<cwmp:Inform>{DEVICE}<MaxEnvelopes/><RetryCount>-1</RetryCount></cwmp:Inform>")));
    let Some(Message::Inform(it)) = envelope.message() else { panic!("{envelope:?}") };
    assert_eq!((it.max_envelopes, it.retry_count, departures.wrong_values), (0, 0, 2));
    let status = "<cwmp:SetParameterValuesResponse><Status>fine</Status></cwmp:SetParameterValuesResponse>";
    let refusal = decode(around(status).as_bytes(), &SoapLimits::default());
    assert_eq!(refusal, Err(SoapError::Value { element: "Status", wanted: "a number" }));
}

#[test]
fn booleans_may_be_words() {
    for (text, writable) in [("1", true), ("TRUE", true), (" true ", true), ("0", false), ("False", false), ("", false)]
    {
        let it = message(&format!(
            "<cwmp:GetParameterNamesResponse><ParameterList><ParameterInfoStruct><Name>D.</Name>\
             <Writable>{text}</Writable></ParameterInfoStruct></ParameterList></cwmp:GetParameterNamesResponse>"
        ));
        let Message::GetParameterNamesResponse(it) = it else { panic!("{it:?}") };
        assert_eq!(it.parameters[0].writable, writable, "{text}");
    }
    let maybe = "<cwmp:GetParameterNames><NextLevel>maybe</NextLevel></cwmp:GetParameterNames>";
    let refusal = decode(around(maybe).as_bytes(), &SoapLimits::default());
    assert_eq!(refusal, Err(SoapError::Value { element: "NextLevel", wanted: "a boolean" }));
}

#[test]
fn characters_that_xml_forbids_are_replaced_when_read() {
    let (envelope, departures) =
        noting(&around("<cwmp:Kicked><Command>a\u{1}b&#0;c&#xFFFF;d&#xD800;e&#x110000;</Command></cwmp:Kicked>"));
    let Some(Message::Kicked(it)) = envelope.message() else { panic!("{envelope:?}") };
    assert_eq!(it.command, "a\u{FFFD}b\u{FFFD}c\u{FFFD}d\u{FFFD}e\u{FFFD}");
    assert_eq!(departures.forbidden_characters, 5);
}

#[test]
fn latin_bytes_are_read_whatever_they_are_called() {
    let body = around("<cwmp:Kicked><Command>caf\u{E9}</Command></cwmp:Kicked>");
    let latin: Vec<u8> = body.chars().map(|it| u8::try_from(u32::from(it)).unwrap()).collect();
    let declared = [
        &b"<?xml version='1.0' encoding='ISO-8859-1'?>"[..],
        &latin[latin.windows(2).position(|it| it == b"?>").unwrap() + 2..],
    ];
    for (body, wrong) in [(latin.clone(), 1), (declared.concat(), 0)] {
        let (envelope, departures) = decode_noting(&body, &SoapLimits::default()).unwrap();
        assert!(matches!(envelope.message(), Some(Message::Kicked(it)) if it.command == "caf\u{E9}"));
        assert_eq!(departures.wrong_encodings, wrong);
    }
}

#[test]
fn an_unknown_method_is_named_for_fault_8000() {
    let (envelope, _) = noting(&around("<cwmp:X_00D09E_Hello><a><b/></a></cwmp:X_00D09E_Hello>"));
    assert_eq!(envelope.body, Body::Unknown { method: "X_00D09E_Hello".into() });
    assert_eq!(envelope.header.id.as_deref(), Some("7"));
    let mut out = Vec::new();
    encode(&envelope, &mut out).unwrap();
    assert_eq!(decode(&out, &SoapLimits::default()), Ok(envelope));
}

#[test]
fn an_empty_soap_body_is_no_message() {
    for body in [around(""), around(" \n "), around("<!-- -->")] {
        let (envelope, _) = noting(&body);
        assert_eq!(envelope.body, Body::Empty);
        assert_eq!(envelope.namespace, Namespace::V1_2);
        assert_eq!(envelope.message(), None);
    }
}
