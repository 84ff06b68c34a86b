use std::net::SocketAddr;

use super::rig::{EMPTY, Rig, rpc};

#[test]
fn a_binding_that_is_elsewhere_is_told_at_once() {
    let mut rig = Rig::idle(0);
    let address: SocketAddr = "198.18.0.9:5000".parse().unwrap();
    assert!(!rig.with(|device, cx| device.wants_binding(cx)), "nobody gave it a login for calls");
    rig.with(|device, cx| device.request_connection(cx));
    rig.begin();
    rig.inform_response();
    let value = |name: &str, value: &str| {
        format!(
            "<ParameterValueStruct><Name>Device.ManagementServer.{name}</Name><Value>{value}</Value></ParameterValueStruct>"
        )
    };
    let list = value("ConnectionRequestUsername", "u") + &value("ConnectionRequestPassword", "p");
    let set = format!("<cwmp:SetParameterValues><ParameterList>{list}</ParameterList></cwmp:SetParameterValues>");
    rig.say(200, &rpc("1", &set)).unwrap();
    rig.say(204, EMPTY).unwrap_err();
    assert!(rig.with(|device, cx| device.wants_binding(cx)));
    assert!(rig.with(|device, cx| device.bound(cx, address, true)));
    assert!(!rig.with(|device, cx| device.bound(cx, address, true)), "it is where it was");
    let inform = rig.begin();
    for part in [
        "<EventCode>4 VALUE CHANGE</EventCode>",
        "UDPConnectionRequestAddress</Name><Value xsi:type=\"xsd:string\">198.18.0.9:5000<",
        "NATDetected</Name><Value xsi:type=\"xsd:boolean\">1<",
    ] {
        assert!(inform.contains(part), "{part}: {inform}");
    }
    rig.inform_response();
    rig.say(204, EMPTY).unwrap_err();
    rig.with(|device, cx| device.request_connection(cx));
    assert!(!rig.begin().contains("UDPConnectionRequestAddress"), "it was told");
}
