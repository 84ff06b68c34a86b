//! The events of an Inform, found without parsing it.

use sangam_cwmp_proto::message::Inform;
use sangam_cwmp_proto::{
    DeviceId, EventCode, EventStruct, ParameterValue, SoapLimits, ValueKind, decode, encode, peek_events,
};

use crate::envelope::{around, envelope};

fn inform(codes: &[&str]) -> Vec<u8> {
    let event = |code: &&str| EventStruct { code: EventCode::parse(code), command_key: "k".into() };
    let device_id = DeviceId { oui: "00D09E".into(), serial_number: "1".into(), ..DeviceId::default() };
    let message = Inform { device_id, events: codes.iter().map(event).collect(), retry_count: 3, ..Inform::default() };
    let mut out = Vec::new();
    encode(&envelope(message), &mut out).unwrap();
    out
}

#[test]
fn events_and_retries_are_found() {
    let events = peek_events(&inform(&["7 TRANSFER COMPLETE", "M Download", "2 PERIODIC"]), 8_192);
    assert!(events.is_inform && events.is_complete && events.has_method && !events.has_other);
    assert!(events.has(&EventCode::TransferComplete) && events.has(&EventCode::Periodic));
    assert!(!events.has(&EventCode::ConnectionRequest) && !events.is_only(&EventCode::Periodic));
    assert_eq!(events.retry_count, Some(3));
    assert!(peek_events(&inform(&["2 PERIODIC"]), 8_192).is_only(&EventCode::Periodic));
    assert!(peek_events(&inform(&["2 PERIODIC", "X 00D09E y"]), 8_192).has_other);
}

#[test]
fn what_lies_beyond_the_bound_is_not_certain() {
    let body = inform(&["2 PERIODIC", "7 TRANSFER COMPLETE"]);
    let text = String::from_utf8(body.clone()).unwrap();
    let between = text.find("7 TRANSFER").unwrap();
    let events = peek_events(&body, between);
    assert!(events.has(&EventCode::Periodic) && !events.has(&EventCode::TransferComplete));
    assert!(!events.is_only(&EventCode::Periodic), "there may be more");
    assert!(peek_events(&body, 0).is_empty());
}

#[test]
fn an_event_counts_only_where_the_schema_has_it() {
    let claim = "<EventStruct><EventCode>6 CONNECTION REQUEST</EventCode></EventStruct>";
    let device = "<DeviceId><OUI>00D09E</OUI><SerialNumber>1</SerialNumber></DeviceId>";
    let elsewhere = [
        format!("<cwmp:Inform>{device}<!-- <Event>{claim}</Event> --></cwmp:Inform>"),
        format!("<cwmp:Inform>{device}<x><![CDATA[<Event>{claim}</Event>]]></x></cwmp:Inform>"),
        format!("<cwmp:Inform>{device}<x><Event>{claim}</Event></x></cwmp:Inform>"),
        format!("<cwmp:Inform>{device}{claim}</cwmp:Inform>"),
        format!("<cwmp:Inform a=\"<Event>{claim}\">{device}</cwmp:Inform>").replace("a=\"<", "a=\"&lt;"),
        format!("<cwmp:Inform>{device}<ParameterList/><x>{claim}</x></cwmp:Inform>"),
        format!("<cwmp:Kicked><Event>{claim}</Event></cwmp:Kicked>"),
        format!(
            "<cwmp:Inform>{device}<Event><EventStruct><EventCode>6<x/>5 X</EventCode></EventStruct></Event></cwmp:Inform>"
        ),
        format!(
            "<cwmp:Inform>{device}<Event><EventStruct><EventCode>6<![CDATA[5]]> X</EventCode></EventStruct></Event></cwmp:Inform>"
        ),
        format!(
            "<cwmp:Inform>{device}<Event><EventStruct><EventCode>6 X</EventCode><EventCode>2 X</EventCode></EventStruct>\
             </Event></cwmp:Inform>"
        ),
    ];
    for body in elsewhere {
        let body = around(&body);
        assert!(decode(body.as_bytes(), &SoapLimits::default()).is_ok(), "{body}");
        assert!(!peek_events(body.as_bytes(), 8_192).has(&EventCode::ConnectionRequest), "{body}");
    }
}

#[test]
fn a_value_that_looks_like_an_event_is_none() {
    let value = ParameterValue::new("D.X", "</Value><Event><EventStruct><EventCode>6 X</EventCode>", ValueKind::String);
    let device_id =
        DeviceId { oui: "00D09E".into(), serial_number: "<EventCode>6 X</EventCode>".into(), ..DeviceId::default() };
    let mut out = Vec::new();
    encode(&envelope(Inform { device_id, parameters: vec![value], ..Inform::default() }), &mut out).unwrap();
    assert!(peek_events(&out, usize::MAX).is_empty());
}

#[test]
fn anything_at_all_can_be_looked_at() {
    for body in
        ["", "<", "<>", "</>", "</", "<!--", "<!-->", "<![", "<?", "<a '", "<!DOCTYPE x>", "</a></a></a>", "<:>"]
    {
        assert!(peek_events(body.as_bytes(), 100).is_empty(), "{body}");
    }
    assert!(peek_events("<a>".repeat(10_000).as_bytes(), usize::MAX).is_empty());
}
