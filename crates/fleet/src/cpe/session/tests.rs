//! Devices against SOAP of an ACS that is written by hand.

mod calls;
mod own;
mod parameters;
mod retries;
mod rig;
mod transfers;

use sangam_cwmp_proto::EventCode;

use self::rig::{EMPTY, Rig, rpc};
use super::super::quirks::Quirk;
use super::Failure;

#[test]
fn a_first_session_is_an_inform_with_its_events_an_empty_post_and_an_end() {
    let mut rig = Rig::new(0);
    let inform = rig.begin();
    for part in [
        "xmlns:cwmp=\"urn:dslforum-org:cwmp-1-2\"",
        "<Manufacturer>Example Gateways</Manufacturer><OUI>00005E</OUI><ProductClass>EG-181</ProductClass>",
        "<EventCode>0 BOOTSTRAP</EventCode><CommandKey></CommandKey>",
        "<EventCode>1 BOOT</EventCode>",
        "<MaxEnvelopes>1</MaxEnvelopes><CurrentTime>2026-11-22T06:30:00Z</CurrentTime><RetryCount>0</RetryCount>",
        "<Name>Device.DeviceInfo.SoftwareVersion</Name><Value xsi:type=\"xsd:string\">3.0.0</Value>",
        "<Name>Device.ManagementServer.ConnectionRequestURL</Name>",
    ] {
        assert!(inform.contains(part), "{part} is not in {inform}");
    }
    assert!(inform.contains("cwmp:EventStruct[2]"), "{inform}");
    assert_eq!(rig.inform_response(), "");
    assert!(rig.device.was_heard && rig.device.events.is_empty());
    assert_eq!(rig.say(204, EMPTY).unwrap_err().failure, None);
    let boot = &rig.tally.events[&EventCode::Boot];
    assert_eq!((boot.raised, boot.told, boot.acknowledged), (1, 1, 1));
    assert_eq!(rig.device.due(true), None);
}

#[test]
fn a_device_of_tr_098_has_the_other_root() {
    let mut rig = Rig::new(1);
    let inform = rig.begin();
    let address = "InternetGatewayDevice.WANDevice.1.WANConnectionDevice.1.WANIPConnection.1.ExternalIPAddress";
    assert!(inform.contains(&format!("<Name>{address}</Name>")) && inform.contains("EG-98"), "{inform}");
    assert!(inform.contains("cwmp:ParameterValueStruct[8]"), "{inform}");
}

#[test]
fn the_cookie_is_given_back_and_the_id_is_echoed() {
    let mut rig = Rig::new(0);
    rig.begin();
    rig.cookies = vec!["sid=abc; path=/; HttpOnly".to_owned(), "other=1".to_owned()];
    rig.inform_response();
    assert_eq!(rig.cookie.as_deref(), Some("sid=abc; other=1"));
    let answer = rig.say(200, &rpc("77", "<cwmp:GetRPCMethods/>")).unwrap();
    assert!(answer.contains("<cwmp:ID soap-env:mustUnderstand=\"1\">77</cwmp:ID>"), "{answer}");
    assert!(answer.contains("<string>SetParameterAttributes</string>"), "{answer}");
    assert_eq!(rig.tally.served["GetRPCMethods"], 1);
}

#[test]
fn what_no_acs_may_do_ends_the_session_with_its_reason() {
    for (body, failure) in [
        (rpc("1", "<cwmp:Reboot><CommandKey>x</CommandKey></cwmp:Reboot>"), Failure::NoInformResponse),
        (String::new(), Failure::NoInformResponse),
        (rpc("wrong", "<cwmp:InformResponse><MaxEnvelopes>1</MaxEnvelopes></cwmp:InformResponse>"), Failure::WrongId),
        ("<html>".to_owned(), Failure::NoInformResponse),
    ] {
        let mut rig = Rig::new(0);
        rig.begin();
        let ended = rig.say(200, &body).unwrap_err().failure.unwrap();
        assert!(ended.is_broken(), "{ended:?}");
        assert!(ended == failure || matches!(ended, Failure::Soap(_)), "{ended:?} on {body}");
        assert_eq!(rig.device.events.len(), 2, "events are kept until they are acknowledged");
    }
    let mut rig = Rig::new(0);
    rig.begin();
    rig.inform_response();
    let answer = rpc("1", "<cwmp:InformResponse><MaxEnvelopes>1</MaxEnvelopes></cwmp:InformResponse>");
    assert_eq!(rig.say(200, &answer).unwrap_err().failure, Some(Failure::WrongAnswer));
}

#[test]
fn what_a_device_does_not_know_is_fault_9000() {
    let mut rig = Rig::informed(0);
    let answer = rig.say(200, &rpc("5", "<cwmp:X_Vendor_Do><A>1</A></cwmp:X_Vendor_Do>")).unwrap();
    assert!(answer.contains("<faultstring>CWMP fault</faultstring>") && answer.contains("9000"), "{answer}");
    let answer = rig.say(200, &rpc("6", "<cwmp:Kicked><Command>a</Command></cwmp:Kicked>")).unwrap();
    assert!(answer.contains("<FaultCode>9000</FaultCode>"), "{answer}");
    assert_eq!(rig.tally.faults[&9_000], 2);
}

#[test]
fn a_device_with_quirks_is_still_answered() {
    let mut rig = Rig::new(0);
    rig.device.quirks = rig.device.quirks.with(Quirk::NoId).with(Quirk::OldCookie).with(Quirk::ByteOrderMark);
    let inform = rig.begin();
    assert!(inform.starts_with('\u{feff}') && !inform.contains(":ID "), "{inform}");
    rig.cookies = vec!["sid=abc".to_owned()];
    let answer = rpc("1", "<cwmp:InformResponse><MaxEnvelopes>1</MaxEnvelopes></cwmp:InformResponse>");
    assert_eq!(rig.say(200, &answer).unwrap(), "");
    assert_eq!(rig.cookie.as_deref(), Some("$Version=\"1\"; sid=abc; $Path=\"/\""));
    assert!(!rig.say(200, &rpc("8", "<cwmp:GetRPCMethods/>")).unwrap().contains(":ID "));
}

#[test]
fn a_device_that_cannot_read_chunks_says_so() {
    let mut rig = Rig::new(0);
    rig.device.quirks = rig.device.quirks.with(Quirk::NoChunks);
    rig.begin();
    rig.is_chunked = true;
    assert_eq!(rig.say(200, "<x/>").unwrap_err().failure, Some(Failure::Chunked));
}

#[test]
fn own_requests_wait_while_the_acs_holds_them() {
    let mut rig = Rig::informed(0);
    rig.say(200, &rpc("1", "<cwmp:ChangeDUState><CommandKey>du</CommandKey></cwmp:ChangeDUState>")).unwrap();
    rig.say(204, EMPTY).unwrap_err();
    let inform = rig.begin();
    assert!(inform.contains("11 DU STATE CHANGE COMPLETE") && inform.contains("M ChangeDUState"), "{inform}");
    let held = rpc(&rig.id(), "<cwmp:InformResponse><MaxEnvelopes>1</MaxEnvelopes></cwmp:InformResponse>")
        .replace("</cwmp:ID>", "</cwmp:ID><cwmp:HoldRequests soap:mustUnderstand=\"1\">1</cwmp:HoldRequests>");
    assert_eq!(rig.say(200, &held).unwrap(), "");
    rig.say(204, EMPTY).unwrap_err();
    rig.begin();
    let own = rig.inform_response();
    assert!(own.contains("<cwmp:DUStateChangeComplete>") && own.contains("<CommandKey>du</CommandKey>"), "{own}");
    let id = rig.id();
    let answer = rpc(&id, "<cwmp:DUStateChangeCompleteResponse/>");
    assert_eq!(rig.say(200, &answer).unwrap(), "");
    assert!(rig.device.unit_changes.is_empty());
}
