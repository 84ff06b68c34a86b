use sangam_cwmp_proto::EventCode;

use super::super::super::quirks::{Quirk, Speaks};
use super::super::Failure;
use super::rig::{EMPTY, Rig, rpc};

const RESPONSE: &str = "<cwmp:InformResponse><MaxEnvelopes>1</MaxEnvelopes></cwmp:InformResponse>";

fn with(number: u32, quirk: Quirk) -> Rig {
    let mut rig = Rig::new(number);
    rig.device.quirks = rig.device.quirks.with(quirk);
    rig
}

#[test]
fn some_devices_have_more_to_say_to_an_acs_that_is_new_to_them() {
    for (number, event, method, part) in [
        (9, "10 AUTONOMOUS TRANSFER COMPLETE", "AutonomousTransferComplete", "<FileType>5 Ringer File</FileType>"),
        (10, "12 AUTONOMOUS DU STATE CHANGE COMPLETE", "AutonomousDUStateChangeComplete", "<UUID>5b0d8a5e"),
        (5, "9 REQUEST DOWNLOAD", "RequestDownload", "<FileType>2 Web Content</FileType>"),
        (7, "5 KICKED", "Kicked", "<Command>welcome</Command>"),
    ] {
        let mut rig = Rig::new(number);
        let inform = rig.begin();
        assert!(inform.contains(event), "{event}: {inform}");
        let own = rig.inform_response();
        assert!(own.contains(&format!("<cwmp:{method}>")) && own.contains(part), "{own}");
        let answer = rpc(&rig.id(), &format!("<cwmp:{method}Response/>"));
        assert_eq!(rig.say(200, &answer).unwrap(), "");
        rig.say(204, EMPTY).unwrap_err();
        assert_eq!((rig.tally.asked[method], rig.device.notice.is_none()), (1, true));
        assert!(rig.device.events.is_empty());
    }
}

#[test]
fn what_the_acs_does_not_take_is_told_again_and_what_it_does_not_want_is_not() {
    let mut rig = Rig::new(5);
    rig.begin();
    rig.inform_response();
    rig.with(|device, cx| device.broken(cx, Failure::Closed));
    assert!(rig.begin().contains("9 REQUEST DOWNLOAD"));
    rig.inform_response();
    let fault = rpc(
        &rig.id(),
        "<soap:Fault><faultcode>Server</faultcode><faultstring>CWMP fault</faultstring><detail><cwmp:Fault>\
         <FaultCode>8000</FaultCode><FaultString>no</FaultString></cwmp:Fault></detail></soap:Fault>",
    );
    assert_eq!(rig.say(200, &fault).unwrap(), "");
    rig.say(204, EMPTY).unwrap_err();
    assert!(rig.device.notice.is_none() && rig.device.events.is_empty());
}

#[test]
fn an_inform_that_was_answered_is_sent_again_by_a_device_that_does_so() {
    let mut rig = with(0, Quirk::RepeatsInform);
    let inform = rig.begin();
    let again = rig.inform_response();
    assert_eq!(again, inform);
    assert_eq!(rig.inform_response(), "");
    let boot = rig.tally.events[&EventCode::Boot];
    assert_eq!((rig.tally.informs_sent, rig.tally.informs_acknowledged, boot.acknowledged), (2, 1, 1));
}

#[test]
fn the_inform_shows_what_a_device_is_like() {
    for (quirk, part) in [
        (Quirk::NoClock, "<CurrentTime>0001-01-01T00:00:00Z</CurrentTime>"),
        (Quirk::ManyEnvelopes, "<MaxEnvelopes>32</MaxEnvelopes>"),
        (Quirk::EmptyClass, "<ProductClass></ProductClass>"),
        (Quirk::OldHeaders, "<cwmp:NoMoreRequests>0</cwmp:NoMoreRequests>"),
        (Quirk::NoTypes, "<Name>Device.DeviceInfo.SoftwareVersion</Name><Value>3.0.0</Value>"),
    ] {
        let inform = with(0, quirk).begin();
        assert!(inform.contains(part), "{quirk:?}: {inform}");
    }
}

#[test]
fn a_device_that_reads_few_names_at_once_has_no_room_for_more() {
    let mut rig = with(0, Quirk::FewNames);
    rig.begin();
    rig.inform_response();
    let get = |count| {
        let names = "<string>Device.Time.Enable</string>".repeat(count);
        rpc(
            "1",
            &format!("<cwmp:GetParameterValues><ParameterNames>{names}</ParameterNames></cwmp:GetParameterValues>"),
        )
    };
    assert!(rig.say(200, &get(4)).unwrap().contains("ParameterValueStruct[4]"));
    assert!(rig.say(200, &get(5)).unwrap().contains("<FaultCode>9004</FaultCode>"));
}

#[test]
fn a_device_of_cwmp_1_4_says_its_versions_and_wants_to_be_told_which() {
    let mut rig = Rig::new(0);
    rig.device.quirks.speaks = Speaks::V1_4;
    let inform = rig.begin();
    assert!(inform.contains("SupportedCWMPVersions") && inform.contains(">1.0,1.1,1.2,1.3,1.4<"), "{inform}");
    let silent = rpc(&rig.id(), RESPONSE);
    assert_eq!(rig.say(200, &silent).unwrap_err().failure, Some(Failure::NoVersion));
    rig.begin();
    let use_version = "</cwmp:ID><cwmp:UseCWMPVersion soap:mustUnderstand=\"1\">1.4</cwmp:UseCWMPVersion>";
    let told = rpc(&rig.id(), RESPONSE).replace("</cwmp:ID>", use_version);
    assert_eq!(rig.say(200, &told).unwrap(), "");
    let mut rig = Rig::new(0);
    rig.device.quirks.speaks = Speaks::V1_3;
    assert!(rig.begin().contains(">60</cwmp:SessionTimeout>"));
}

#[test]
fn what_was_done_of_a_task_is_written_down_by_its_key() {
    use super::super::super::ledger::{Deed, Done};
    let mut rig = Rig::informed(0);
    rig.say(200, &rpc("1", "<cwmp:Reboot><CommandKey>task-7</CommandKey></cwmp:Reboot>")).unwrap();
    assert!(rig.tally.deeds.is_empty(), "it has not booted yet");
    rig.say(204, EMPTY).unwrap_err();
    assert_eq!(rig.tally.deeds, [Deed { device: 0, what: Done::Task(7), is_good: true }]);
    rig.begin();
    rig.inform_response();
    rig.say(200, &rpc("1", "<cwmp:FactoryReset/>")).unwrap();
    rig.say(204, EMPTY).unwrap_err();
    assert_eq!(rig.tally.deeds[1], Deed { device: 0, what: Done::Reset, is_good: true });
}
