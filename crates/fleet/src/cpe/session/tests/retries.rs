use std::time::Duration;

use sangam_cwmp_proto::EventCode;

use super::super::super::noise::Dice;
use super::super::Failure;
use super::rig::{EMPTY, Rig, rpc};

#[test]
fn a_session_that_fails_is_tried_again_with_its_events_later_and_later() {
    let mut rig = Rig::new(0);
    rig.begin();
    for (failures, shortest) in [(1, 5), (2, 10), (3, 20)] {
        let before = rig.at;
        assert_eq!(rig.say(500, EMPTY).unwrap_err().failure, Some(Failure::Status(500)));
        let inform = rig.begin();
        assert!(inform.contains(&format!("<RetryCount>{failures}</RetryCount>")) && inform.contains("1 BOOT"));
        let waited = (rig.at - before).as_secs();
        assert!((shortest..=2 * shortest).contains(&waited), "{waited}");
    }
    rig.inform_response();
    rig.say(204, EMPTY).unwrap_err();
    assert_eq!(rig.device.failures, 0);
    assert_eq!(rig.tally.events[&EventCode::Boot].told, 4);
    assert_eq!(rig.tally.events[&EventCode::Boot].acknowledged, 1);
}

#[test]
fn an_acs_that_is_busy_is_asked_again_when_it_says() {
    let mut rig = Rig::new(0);
    rig.begin();
    rig.retry_after = Some(Duration::from_secs(77));
    assert_eq!(rig.say(503, EMPTY).unwrap_err().failure, Some(Failure::Busy));
    rig.begin();
    assert_eq!((rig.at.as_secs(), rig.tally.busy), (77, 1));
}

#[test]
fn events_are_delivered_once_the_inform_response_came_whatever_follows() {
    let mut rig = Rig::new(0);
    rig.begin();
    rig.inform_response();
    let ended = rig.with(|device, cx| device.broken(cx, Failure::Closed));
    assert_eq!(ended.failure, Some(Failure::Closed));
    assert!(rig.device.events.is_empty());
}

#[test]
fn a_login_that_is_refused_is_not_tried_without_end() {
    let challenge = |nonce: &str| vec![format!("Digest realm=\"acs\", nonce=\"{nonce}\", qop=\"auth\"")];
    let mut rig = Rig::new(0);
    rig.begin();
    rig.challenges = challenge("a");
    rig.say(401, EMPTY).unwrap();
    rig.challenges = challenge("b");
    assert_eq!(rig.say(401, EMPTY).unwrap_err().failure, Some(Failure::LoginRefused));
    // The nonce is remembered; a server that has forgotten it is answered once more.
    rig.begin();
    assert!(rig.authorization.is_some());
    rig.challenges = challenge("c");
    rig.say(401, EMPTY).unwrap();
    assert!(rig.authorization.as_deref().unwrap().contains("nonce=\"c\""));
    let mut rig = Rig::new(0);
    rig.world.password = None;
    rig.begin();
    rig.challenges = challenge("a");
    assert_eq!(rig.say(401, EMPTY).unwrap_err().failure, Some(Failure::NoLogin));
}

#[test]
fn fault_8005_has_the_same_inform_sent_again() {
    let fault = |code: u16| {
        rpc(
            "1",
            &format!(
                "<soap:Fault><faultcode>Server</faultcode><faultstring>CWMP fault</faultstring><detail><cwmp:Fault>\
                 <FaultCode>{code}</FaultCode><FaultString>x</FaultString></cwmp:Fault></detail></soap:Fault>"
            ),
        )
    };
    let mut rig = Rig::new(0);
    let inform = rig.begin();
    assert_eq!(rig.say(200, &fault(8_005)).unwrap(), inform);
    assert_eq!(rig.say(200, &fault(8_002)).unwrap_err().failure, Some(Failure::Fault(8_002)));
}

#[test]
fn a_connection_request_does_not_wait_for_the_retry() {
    let mut rig = Rig::new(0);
    rig.begin();
    rig.say(500, EMPTY).unwrap_err();
    let before = rig.at;
    assert!(rig.with(|device, cx| device.request_connection(cx)));
    assert!(rig.begin().contains("6 CONNECTION REQUEST"));
    assert_eq!(rig.at, before);
}

/// Whatever comes, a device neither panics nor forgets an event that was not acknowledged.
#[test]
fn no_answer_of_any_shape_loses_an_event() {
    let bodies = [
        String::new(),
        "<".to_owned(),
        "\u{0}".to_owned(),
        rpc("1", ""),
        rpc("1", "<cwmp:InformResponse/>"),
        rpc("1", "<cwmp:GetParameterNames><ParameterPath>.</ParameterPath></cwmp:GetParameterNames>"),
        rpc("1", "<cwmp:AddObject><ObjectName>.</ObjectName></cwmp:AddObject>"),
        rpc("1", "<cwmp:SetParameterValues/>"),
        rpc("1", "<cwmp:TransferCompleteResponse/>"),
        rpc("1", "<cwmp:FactoryReset/>"),
        rpc("1", "<cwmp:Reboot/>"),
        rpc("1", "<cwmp:ScheduleInform><DelaySeconds>4294967295</DelaySeconds></cwmp:ScheduleInform>"),
    ];
    for seed in 0..40 {
        let mut dice = Dice::new(&[seed]);
        let mut rig = Rig::new(u32::try_from(seed).unwrap());
        for _ in 0..20 {
            rig.begin();
            for _ in 0..6 {
                let status = [200, 204, 401, 503, 307, 200, 200][dice.below(7) as usize];
                let is_fair = dice.below(3) == 0;
                let body = &bodies[dice.below(bodies.len() as u64) as usize];
                let is_informing = !rig.last_is_empty() && rig.device.session.is_some();
                let ended = if is_fair && is_informing { rig.try_response() } else { rig.say(status, body).err() };
                if ended.is_some() {
                    break;
                }
            }
            if rig.device.session.is_some() {
                rig.with(|device, cx| device.broken(cx, Failure::Timeout));
            }
            let outstanding = rig.device.events.len() as u64;
            let sums = rig.tally.events.values().map(|it| it.raised - it.acknowledged - it.discarded);
            assert_eq!(sums.sum::<u64>(), outstanding, "{:?}", rig.tally.events);
        }
    }
}
