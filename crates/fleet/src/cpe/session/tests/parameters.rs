use sangam_cwmp_proto::EventCode;

use super::rig::{EMPTY, Rig, rpc};

fn set(list: &str) -> String {
    rpc(
        "1",
        &format!(
            "<cwmp:SetParameterValues><ParameterList>{list}</ParameterList><ParameterKey>k1</ParameterKey>\
             </cwmp:SetParameterValues>"
        ),
    )
}

fn value(name: &str, kind: &str, value: &str) -> String {
    format!(
        "<ParameterValueStruct><Name>{name}</Name><Value xsi:type=\"xsd:{kind}\">{value}</Value></ParameterValueStruct>"
    )
}

fn get(name: &str) -> String {
    let names = format!("<ParameterNames><string>{name}</string></ParameterNames>");
    rpc("2", &format!("<cwmp:GetParameterValues>{names}</cwmp:GetParameterValues>"))
}

fn names(path: &str, next_level: u8) -> String {
    let inner = format!("<ParameterPath>{path}</ParameterPath><NextLevel>{next_level}</NextLevel>");
    rpc("3", &format!("<cwmp:GetParameterNames>{inner}</cwmp:GetParameterNames>"))
}

fn watch(name: &str, notification: u8) -> String {
    let inner = format!(
        "<SetParameterAttributesStruct><Name>{name}</Name><NotificationChange>1</NotificationChange>\
         <Notification>{notification}</Notification><AccessListChange>0</AccessListChange><AccessList></AccessList>\
         </SetParameterAttributesStruct>"
    );
    rpc(
        "4",
        &format!("<cwmp:SetParameterAttributes><ParameterList>{inner}</ParameterList></cwmp:SetParameterAttributes>"),
    )
}

#[test]
fn values_are_set_all_or_none() {
    let mut rig = Rig::informed(0);
    let good = value("Device.WiFi.SSID.1.SSID", "string", "mine");
    let wrong = [
        good.clone(),
        value("Device.Nothing", "string", "1"),
        value("Device.WiFi.SSID.1.Enable", "int", "1"),
        value("Device.WiFi.Radio.1.Channel", "unsignedInt", "-1"),
        value("Device.DeviceInfo.SerialNumber", "string", "1"),
        good.clone(),
    ];
    let fault = rig.say(200, &set(&wrong.concat())).unwrap();
    assert!(fault.contains("<FaultCode>9003</FaultCode>"), "{fault}");
    for (name, code) in [
        ("Device.Nothing", 9_005),
        ("Device.WiFi.SSID.1.Enable", 9_006),
        ("Device.WiFi.Radio.1.Channel", 9_007),
        ("Device.DeviceInfo.SerialNumber", 9_008),
        ("Device.WiFi.SSID.1.SSID", 9_003),
    ] {
        let part = format!("<ParameterName>{name}</ParameterName><FaultCode>{code}</FaultCode>");
        assert!(fault.contains(&part), "{part}: {fault}");
    }
    assert!(!rig.say(200, &get("Device.WiFi.SSID.1.SSID")).unwrap().contains("mine"));
    let done = rig.say(200, &set(&good)).unwrap();
    assert!(done.contains("<Status>0</Status>"), "{done}");
    assert!(rig.say(200, &get("Device.WiFi.SSID.1.SSID")).unwrap().contains(">mine<"));
    assert!(rig.say(200, &get("Device.ManagementServer.ParameterKey")).unwrap().contains(">k1<"));
}

#[test]
fn a_path_with_a_dot_at_its_end_is_all_under_it_and_an_unknown_one_is_9005() {
    let mut rig = Rig::informed(1);
    let all = rig.say(200, &get("")).unwrap();
    assert_eq!(all.matches("<Name>").count(), rig.world.model(1).parameters.len());
    let part = rig.say(200, &get("InternetGatewayDevice.LANDevice.1.WLANConfiguration.2.")).unwrap();
    assert_eq!(part.matches("<Name>").count(), part.matches(".WLANConfiguration.2.").count());
    assert!(part.contains("ParameterValueStruct[13]"), "{part}");
    for name in ["InternetGatewayDevice.LANDevice", "InternetGatewayDevice.Nothing.", "Device."] {
        assert!(rig.say(200, &get(name)).unwrap().contains("<FaultCode>9005</FaultCode>"), "{name}");
    }
    // What was set to be a secret is never read.
    let password = value("InternetGatewayDevice.ManagementServer.Password", "string", "hunter22");
    rig.say(200, &set(&password)).unwrap();
    assert!(!rig.say(200, &get("InternetGatewayDevice.ManagementServer.")).unwrap().contains("hunter22"));
}

#[test]
fn names_are_told_level_by_level_or_all_at_once() {
    let mut rig = Rig::informed(0);
    let info = |name: &str, writable: u8| format!("<Name>{name}</Name><Writable>{writable}</Writable>");
    let root = rig.say(200, &names("", 1)).unwrap();
    assert!(root.contains("ParameterInfoStruct[1]") && root.contains(&info("Device.", 0)), "{root}");
    let level = rig.say(200, &names("Device.WiFi.", 1)).unwrap();
    assert!(level.contains(&info("Device.WiFi.SSID.", 1)) && level.contains("ParameterInfoStruct[5]"), "{level}");
    let instances = rig.say(200, &names("Device.WiFi.SSID.", 1)).unwrap();
    assert!(instances.contains(&info("Device.WiFi.SSID.1.", 1)) && !instances.contains("SSID.1.SSID"), "{instances}");
    let all = rig.say(200, &names("Device.WiFi.SSID.", 0)).unwrap();
    for part in [info("Device.WiFi.SSID.", 1), info("Device.WiFi.SSID.4.SSID", 1), info("Device.WiFi.SSID.4.Stats.", 0)]
    {
        assert!(all.contains(&part), "{part}: {all}");
    }
    assert!(rig.say(200, &names("Device.WiFi.SSID.1.SSID", 0)).unwrap().contains("ParameterInfoStruct[1]"));
    assert!(rig.say(200, &names("Device.WiFi.SSID.1.SSID", 1)).unwrap().contains("<FaultCode>9003</FaultCode>"));
    assert!(rig.say(200, &names("Device.X.", 0)).unwrap().contains("<FaultCode>9005</FaultCode>"));
}

#[test]
fn objects_are_added_and_deleted() {
    let mut rig = Rig::informed(0);
    let object = |method: &str, path: &str| {
        let inner = format!("<ObjectName>{path}</ObjectName><ParameterKey>k2</ParameterKey>");
        rpc("5", &format!("<cwmp:{method}>{inner}</cwmp:{method}>"))
    };
    let added = rig.say(200, &object("AddObject", "Device.NAT.PortMapping.")).unwrap();
    assert!(added.contains("<InstanceNumber>2</InstanceNumber><Status>0</Status>"), "{added}");
    let port = value("Device.NAT.PortMapping.2.ExternalPort", "unsignedInt", "4433");
    assert!(rig.say(200, &set(&port)).unwrap().contains("<Status>0</Status>"));
    assert!(rig.say(200, &get("Device.NAT.")).unwrap().contains(">4433<"));
    let gone = rig.say(200, &object("DeleteObject", "Device.NAT.PortMapping.2.")).unwrap();
    assert!(gone.contains("<cwmp:DeleteObjectResponse><Status>0</Status>"), "{gone}");
    assert!(rig.say(200, &get("Device.NAT.PortMapping.2.")).unwrap().contains("<FaultCode>9005</FaultCode>"));
    for (method, path) in [
        ("DeleteObject", "Device.NAT.PortMapping.2."),
        ("DeleteObject", "Device.NAT.PortMapping."),
        ("AddObject", "Device.Hosts.Host."),
        ("AddObject", "Device.NAT.PortMapping"),
    ] {
        assert!(rig.say(200, &object(method, path)).unwrap().contains("<FaultCode>9005</FaultCode>"), "{path}");
    }
}

#[test]
fn a_value_that_is_watched_is_told_when_it_changes() {
    let mut rig = Rig::informed(0);
    let signal = "Device.WiFi.Radio.1.Stats.Noise";
    assert!(rig.say(200, &watch(signal, 2)).unwrap().contains("SetParameterAttributesResponse"));
    assert!(rig.say(200, &watch("Device.DeviceInfo.UpTime", 2)).unwrap().contains("<FaultCode>9009</FaultCode>"));
    assert!(rig.say(200, &watch("Device.Nothing", 2)).unwrap().contains("<FaultCode>9005</FaultCode>"));
    assert!(rig.say(200, &watch(signal, 7)).unwrap().contains("<FaultCode>9003</FaultCode>"));
    let get = "<cwmp:GetParameterAttributes><ParameterNames><string>Device.WiFi.Radio.1.Stats.</string></ParameterNames>\
               </cwmp:GetParameterAttributes>";
    let told = rig.say(200, &rpc("6", get)).unwrap();
    assert!(told.contains("<Notification>2</Notification>") && told.contains("<string>Subscriber</string>"), "{told}");
    rig.say(204, EMPTY).unwrap_err();
    let inform = rig.begin();
    assert!(inform.contains("4 VALUE CHANGE") && inform.contains(&format!("<Name>{signal}</Name>")), "{inform}");
}

#[test]
fn a_login_that_the_acs_sets_is_used_from_the_next_session_on() {
    let mut rig = Rig::new(0);
    rig.begin();
    let challenge = || vec!["Digest realm=\"acs\", nonce=\"n1\", qop=\"auth\", algorithm=MD5".to_owned()];
    rig.challenges = challenge();
    rig.say(401, EMPTY).unwrap();
    assert!(rig.authorization.as_deref().unwrap().contains("username=\"factory\""));
    rig.inform_response();
    assert!(rig.authorization.as_deref().unwrap().contains("nc=00000002"), "the nonce is used again");
    let user = value("Device.ManagementServer.Username", "string", "own");
    let password = value("Device.ManagementServer.Password", "string", "hunter22");
    rig.say(200, &set(&[user, password].concat())).unwrap();
    rig.say(204, EMPTY).unwrap_err();
    assert_eq!(rig.tally.logins_taken, 1);
    rig.begin();
    assert_eq!(rig.authorization, None);
    rig.challenges = challenge();
    rig.say(401, EMPTY).unwrap();
    assert!(rig.authorization.as_deref().unwrap().contains("username=\"own\""));
}

#[test]
fn the_interval_that_the_acs_sets_is_kept_to() {
    let mut rig = Rig::informed(0);
    let interval = value("Device.ManagementServer.PeriodicInformInterval", "unsignedInt", "60");
    let time = value("Device.ManagementServer.PeriodicInformTime", "dateTime", "2026-01-01T00:00:07Z");
    rig.say(200, &set(&[interval, time].concat())).unwrap();
    rig.say(204, EMPTY).unwrap_err();
    for _ in 0..3 {
        assert!(rig.begin().contains("2 PERIODIC"));
        assert_eq!(rig.now().wall.unix_secs() % 60, 7);
        rig.inform_response();
        rig.say(204, EMPTY).unwrap_err();
    }
    assert_eq!(rig.tally.events[&EventCode::Periodic].acknowledged, 3);
    assert_eq!(rig.device.due(true), None, "a fleet that settles begins nothing");
}
