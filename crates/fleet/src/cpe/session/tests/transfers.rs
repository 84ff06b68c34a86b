use sangam_cwmp_proto::{EventCode, FaultCode};

use super::super::super::device::Wake;
use super::super::super::transfer::Transfer;
use super::super::Failure;
use super::rig::{EMPTY, Rig, rpc};

fn download(kind: &str) -> String {
    rpc(
        "1",
        &format!(
            "<cwmp:Download><CommandKey>up-1</CommandKey><FileType>{kind}</FileType><URL>http://acs.example/fw.bin</URL>\
             <Username>u</Username><Password>p</Password><FileSize>10</FileSize><TargetFileName></TargetFileName>\
             <DelaySeconds>30</DelaySeconds><SuccessURL></SuccessURL><FailureURL></FailureURL></cwmp:Download>"
        ),
    )
}

fn transfer(rig: &mut Rig) -> Box<Transfer> {
    match rig.wait() {
        Wake::Transfer(transfer) => transfer,
        wake => panic!("{wake:?}"),
    }
}

#[test]
fn a_download_is_told_in_a_later_session_and_until_the_acs_answers() {
    let mut rig = Rig::informed(0);
    let accepted = rig.say(200, &download("1 Firmware Upgrade Image")).unwrap();
    let times = "<StartTime>0001-01-01T00:00:00Z</StartTime><CompleteTime>0001-01-01T00:00:00Z</CompleteTime>";
    assert!(accepted.contains(&format!("<Status>1</Status>{times}")), "{accepted}");
    let queued = rig.say(200, &rpc("2", "<cwmp:GetAllQueuedTransfers/>")).unwrap();
    assert!(queued.contains("<CommandKey>up-1</CommandKey><State>1</State><IsDownload>1</IsDownload>"), "{queued}");
    rig.say(204, EMPTY).unwrap_err();
    assert_eq!(transfer(&mut rig).url.as_str(), "http://acs.example/fw.bin");
    assert_eq!(rig.at.as_secs(), 30);
    rig.with(|device, cx| device.transferred(cx, Ok(())));
    for _ in 0..2 {
        let inform = rig.begin();
        for event in ["7 TRANSFER COMPLETE", "M Download"] {
            assert!(inform.contains(event), "{event}: {inform}");
        }
        let told = rig.inform_response();
        assert!(told.contains("<cwmp:TransferComplete><CommandKey>up-1</CommandKey>"), "{told}");
        assert!(told.contains("<FaultCode>0</FaultCode>") && told.contains("2026-11-22T06:30:30Z"), "{told}");
        // Nobody answers it: it is told again.
        rig.with(|device, cx| device.broken(cx, Failure::Closed));
    }
    rig.begin();
    rig.inform_response();
    let id = rig.id();
    assert_eq!(rig.say(200, &rpc(&id, "<cwmp:TransferCompleteResponse/>")).unwrap(), "");
    rig.say(204, EMPTY).unwrap_err();
    assert!(rig.device.transfers.is_empty() && rig.device.events.is_empty());
    assert_eq!((rig.tally.transfers_ended, rig.tally.transfers_acknowledged), (1, 1));
}

#[test]
fn new_firmware_has_a_new_version_and_a_boot() {
    let mut rig = Rig::informed(0);
    rig.say(200, &download("1 Firmware Upgrade Image")).unwrap();
    rig.say(204, EMPTY).unwrap_err();
    transfer(&mut rig);
    rig.with(|device, cx| device.transferred(cx, Ok(())));
    let inform = rig.begin();
    for part in ["1 BOOT", "4 VALUE CHANGE", ">3.1.0<"] {
        assert!(inform.contains(part), "{part}: {inform}");
    }
}

#[test]
fn a_download_that_fails_is_told_with_its_fault() {
    let mut rig = Rig::informed(0);
    rig.say(200, &download("3 Vendor Configuration File")).unwrap();
    rig.say(204, EMPTY).unwrap_err();
    transfer(&mut rig);
    rig.with(|device, cx| device.transferred(cx, Err(FaultCode::FileAccess)));
    assert!(!rig.begin().contains("1 BOOT"));
    let told = rig.inform_response();
    assert!(told.contains("<FaultCode>9016</FaultCode>"), "{told}");
    assert_eq!(rig.tally.transfers_failed[&9_016], 1);
}

#[test]
fn transfers_are_cancelled_bounded_and_checked() {
    let mut rig = Rig::informed(0);
    assert!(rig.say(200, &download("9 What")).unwrap().contains("<FaultCode>9003</FaultCode>"));
    for _ in 0..8 {
        assert!(rig.say(200, &download("2 Web Content")).unwrap().contains("<Status>1</Status>"));
    }
    assert!(rig.say(200, &download("2 Web Content")).unwrap().contains("<FaultCode>9004</FaultCode>"));
    let cancel = rpc("1", "<cwmp:CancelTransfer><CommandKey>up-1</CommandKey></cwmp:CancelTransfer>");
    assert!(rig.say(200, &cancel).unwrap().contains("CancelTransferResponse"));
    assert!(rig.device.transfers.is_empty());
}

#[test]
fn a_reboot_is_told_with_the_key_of_its_command() {
    let mut rig = Rig::informed(0);
    rig.say(200, &rpc("1", "<cwmp:Reboot><CommandKey>now</CommandKey></cwmp:Reboot>")).unwrap();
    rig.say(204, EMPTY).unwrap_err();
    assert!(!rig.with(|device, cx| device.request_connection(cx)), "it is off");
    let inform = rig.begin();
    assert!(inform.contains("<EventCode>M Reboot</EventCode><CommandKey>now</CommandKey>"), "{inform}");
    assert!(inform.contains("1 BOOT") && !inform.contains("0 BOOTSTRAP"), "{inform}");
}

#[test]
fn a_factory_reset_forgets_everything_and_is_a_bootstrap() {
    let mut rig = Rig::informed(0);
    let set = "<cwmp:SetParameterValues><ParameterList><ParameterValueStruct><Name>Device.WiFi.SSID.1.SSID</Name>\
               <Value>mine</Value></ParameterValueStruct></ParameterList></cwmp:SetParameterValues>";
    rig.say(200, &rpc("1", set)).unwrap();
    rig.say(200, &download("2 Web Content")).unwrap();
    rig.say(200, &rpc("1", "<cwmp:FactoryReset/>")).unwrap();
    rig.say(204, EMPTY).unwrap_err();
    let inform = rig.begin();
    assert!(inform.contains("0 BOOTSTRAP") && inform.contains("1 BOOT"), "{inform}");
    rig.inform_response();
    let get = "<cwmp:GetParameterValues><ParameterNames><string>Device.WiFi.SSID.1.SSID</string></ParameterNames>\
               </cwmp:GetParameterValues>";
    assert!(!rig.say(200, &rpc("2", get)).unwrap().contains("mine"));
    assert!(rig.device.transfers.is_empty());
    assert_eq!(rig.tally.resets, 1);
}

#[test]
fn a_scheduled_inform_comes_when_it_is_due() {
    let mut rig = Rig::informed(0);
    let schedule = |secs: u32| {
        let inner = format!("<DelaySeconds>{secs}</DelaySeconds><CommandKey>s</CommandKey>");
        rpc("1", &format!("<cwmp:ScheduleInform>{inner}</cwmp:ScheduleInform>"))
    };
    assert!(rig.say(200, &schedule(0)).unwrap().contains("<FaultCode>9003</FaultCode>"));
    rig.say(200, &schedule(1)).unwrap();
    rig.say(204, EMPTY).unwrap_err();
    let inform = rig.begin();
    assert!(inform.contains("3 SCHEDULED") && inform.contains("<EventCode>M ScheduleInform</EventCode>"), "{inform}");
    assert!(rig.at.as_secs() >= 1);
}

#[test]
fn a_diagnosis_runs_after_the_session_and_has_results() {
    let mut rig = Rig::idle(0);
    rig.with(|device, cx| device.request_connection(cx));
    rig.begin();
    rig.inform_response();
    let value = |name: &str, value: &str| {
        format!(
            "<ParameterValueStruct><Name>Device.IP.Diagnostics.IPPing.{name}</Name><Value>{value}</Value></ParameterValueStruct>"
        )
    };
    let inputs = [value("Host", "192.0.2.1"), value("NumberOfRepetitions", "3")].concat();
    let list = inputs + &value("DiagnosticsState", "Requested");
    let set = format!("<cwmp:SetParameterValues><ParameterList>{list}</ParameterList></cwmp:SetParameterValues>");
    rig.say(200, &rpc("1", &set)).unwrap();
    rig.say(204, EMPTY).unwrap_err();
    assert!(rig.device.due(true).is_some(), "a fleet that settles waits for it");
    assert!(rig.begin().contains("8 DIAGNOSTICS COMPLETE"));
    rig.inform_response();
    let get = "<cwmp:GetParameterValues><ParameterNames><string>Device.IP.Diagnostics.IPPing.</string></ParameterNames>\
               </cwmp:GetParameterValues>";
    let results = rig.say(200, &rpc("2", get)).unwrap();
    assert!(results.contains(">Complete<"), "{results}");
    assert!(results.contains("SuccessCount</Name><Value xsi:type=\"xsd:unsignedInt\">3<"), "{results}");
    assert_eq!(rig.tally.events[&EventCode::DiagnosticsComplete].acknowledged, 1);
    let input = format!(
        "<cwmp:SetParameterValues><ParameterList>{}</ParameterList></cwmp:SetParameterValues>",
        value("Host", "a")
    );
    rig.say(200, &rpc("3", &input)).unwrap();
    assert!(rig.say(200, &rpc("4", get)).unwrap().contains(">None<"), "another input forgets the results");
}
