//! Calls through an XMPP server (TR-069 Amendment 6 Annex K), which is played here by hand (XEP-0114).

use std::time::Duration;

use sangam_control::DeviceOrder;
use sangam_device_server::{CallOptions, Options, Policy, XmppOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::calls::{Called, LOOPBACK, REBOOT, URL, comes, enrolled_telling, order, take, waiting};
use crate::rig::Rig;

const JID: &str = "Device.ManagementServer.ConnReqJabberID";
const TOLD: [(&str, &str); 1] = [(JID, "cpe1@example.net/box")];

/// The server's end of a connection.
struct Server {
    stream: TcpStream,
    heard: String,
}

impl Server {
    /// Lets the component in.
    async fn accept(listener: &TcpListener) -> Self {
        let mut server = Self { stream: listener.accept().await.unwrap().0, heard: String::new() };
        let header = server.until("to='acs.example.net'>").await;
        assert!(header.contains("xmlns='jabber:component:accept'"), "{header}");
        server.say("<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' from='acs.example.net' ").await;
        server.say("xmlns:stream='http://etherx.jabber.org/streams' id='3BF96D32'>").await;
        // printf 3BF96D32component-secret | sha1sum
        let handshake = server.until("</handshake>").await;
        assert_eq!(handshake, "<handshake>d7e23ab310cc488b27b56f0adcc62516b8414e95</handshake>");
        server.say("<handshake/>").await;
        server
    }

    async fn say(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// What came up to the end of that.
    async fn until(&mut self, end: &str) -> String {
        loop {
            if let Some(at) = self.heard.find(end) {
                return self.heard.drain(..at + end.len()).collect();
            }
            let mut buffer = [0; 4_096];
            let len = self.stream.read(&mut buffer).await.unwrap();
            assert!(len > 0, "the component has left after {:?}", self.heard);
            self.heard.push_str(std::str::from_utf8(&buffer[..len]).unwrap());
        }
    }

    /// The next request, and its answer.
    async fn answer(&mut self, kind: &str, inside: &str) -> String {
        let iq = self.until("</iq>").await;
        let id = iq.split_once("id='").unwrap().1.split_once('\'').unwrap().0.to_owned();
        let from = "cpe1@example.net/box";
        self.say(&format!("<iq from='{from}' to='acs.example.net' id='{id}' type='{kind}'>{inside}</iq>")).await;
        iq
    }
}

async fn rig() -> (Rig, TcpListener) {
    let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let xmpp = XmppOptions {
        retry_min: Duration::from_millis(10),
        ..XmppOptions::new("127.0.0.1", port, "acs.example.net", "component-secret")
    };
    let calls = CallOptions { xmpp: Some(xmpp), ..CallOptions::default() };
    (Rig::with(Policy::SharedCredential, Options { calls, ..Options::default() }), listener)
}

async fn ready(rig: &Rig) {
    rig.until(async || rig.counts("sangam_devices_xmpp_connected 1")).await;
}

#[tokio::test]
async fn a_device_is_asked_by_an_iq_with_its_login_and_comes() {
    let (rig, listener) = rig().await;
    let mut server = Server::accept(&listener).await;
    ready(&rig).await;
    let Called { mut device, user, password } = enrolled_telling(&rig, LOOPBACK, &TOLD).await;
    let device_side = async {
        let iq = server.answer("result", "").await;
        let request = "<connectionRequest xmlns='urn:broadband-forum-org:cwmp:xmppConnReq-1-0'>";
        let login = format!("<username>{user}</username><password>{password}</password></connectionRequest></iq>");
        assert!(iq.contains("from='acs.example.net' to='cpe1@example.net/box'") && iq.contains("type='get'"), "{iq}");
        assert!(iq.ends_with(&format!("{request}{login}")), "{iq}");
        rig.until(async || rig.counts("sangam_devices_calls_total{outcome=\"accepted\"} 1")).await;
        comes(&mut device, "6 CONNECTION REQUEST", &[REBOOT]).await;
    };
    let (told, ()) = tokio::join!(take(&rig, waiting("reboot")), device_side);
    assert_eq!((told.state, told.called), ("done", Some("accepted")), "{told:?}");
    assert!(rig.counts("sangam_devices_call_attempts_total{kind=\"xmpp\",outcome=\"accepted\"} 1"));
}

#[tokio::test]
async fn what_device_or_server_answer_stands_in_the_answer() {
    let error = |kind: &str, condition: &str| {
        format!("<error type='{kind}'><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>")
    };
    for (condition, expected) in [
        ("not-authorized", "refused_login"),
        ("service-unavailable", "unreachable"),
        ("resource-constraint", "busy"),
        ("item-not-found", "refused"),
    ] {
        let (rig, listener) = rig().await;
        let mut server = Server::accept(&listener).await;
        ready(&rig).await;
        enrolled_telling(&rig, LOOPBACK, &TOLD).await;
        let error = error("cancel", condition);
        let (told, _) = tokio::join!(take(&rig, order("reboot")), server.answer("error", &error));
        assert_eq!((told.state, told.called), ("queued", Some(expected)), "{condition}");
    }
}

#[tokio::test]
async fn xmpp_is_tried_when_the_url_cannot_be_called() {
    let (rig, listener) = rig().await;
    let mut server = Server::accept(&listener).await;
    ready(&rig).await;
    enrolled_telling(&rig, LOOPBACK, &[(URL, "http://10.0.0.7:7547/"), TOLD[0]]).await;
    let (told, _) = tokio::join!(take(&rig, order("reboot")), server.answer("result", ""));
    assert_eq!(told.called, Some("accepted"));
    assert!(rig.counts("sangam_devices_call_attempts_total{kind=\"http\",outcome=\"not_allowed\"} 1"));
}

#[tokio::test]
async fn without_a_connection_that_is_said_at_once_and_the_server_is_tried_until_it_is_back() {
    let (rig, listener) = rig().await;
    enrolled_telling(&rig, LOOPBACK, &TOLD).await;
    drop(Server::accept(&listener).await);
    rig.until(async || rig.counts("sangam_devices_xmpp_ended_total{reason=\"disconnected\"} 1")).await;
    let told = take(&rig, order("reboot")).await;
    assert_eq!(told.called, Some("not_connected"), "{told:?}");
    assert!(rig.counts("sangam_devices_xmpp_connected 0"));
    let mut server = Server::accept(&listener).await;
    ready(&rig).await;
    let (told, _) = tokio::join!(take(&rig, order("reboot")), server.answer("result", ""));
    assert_eq!(told.called, Some("accepted"));
}

#[tokio::test]
async fn a_server_that_does_not_take_our_secret_is_named_so() {
    let (rig, listener) = rig().await;
    let (mut stream, _) = listener.accept().await.unwrap();
    let refusal = "<stream:stream xmlns:stream='http://etherx.jabber.org/streams' id='1'><stream:error>\
        <not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>";
    stream.write_all(refusal.as_bytes()).await.unwrap();
    rig.until(async || rig.counts("sangam_devices_xmpp_ended_total{reason=\"not_authorized\"} 1")).await;
}

#[tokio::test]
async fn a_server_that_is_not_configured_or_a_jid_that_names_no_connection_is_said() {
    let rig = Rig::start(Policy::SharedCredential);
    enrolled_telling(&rig, LOOPBACK, &TOLD).await;
    assert_eq!(take(&rig, order("reboot")).await.called, Some("not_connected"));
    let (rig, _listener) = self::rig().await;
    enrolled_telling(&rig, LOOPBACK, &[(JID, "cpe1@example.net")]).await;
    assert_eq!(take(&rig, order("reboot")).await.called, Some("no_address"));
}

#[tokio::test]
async fn a_jid_that_was_read_later_is_used_though_no_inform_has_told_it() {
    let (rig, listener) = rig().await;
    let mut server = Server::accept(&listener).await;
    ready(&rig).await;
    let mut called = enrolled_telling(&rig, LOOPBACK, &[]).await;
    let payload = serde_json::json!({ "paths": [JID] });
    let quiet = DeviceOrder { payload, call: false, ..order("get_values") };
    take(&rig, quiet).await;
    let values = format!(
        "<cwmp:GetParameterValuesResponse><ParameterList soap-enc:arrayType=\"cwmp:ParameterValueStruct[1]\">\
         <ParameterValueStruct><Name>{JID}</Name><Value xsi:type=\"xsd:string\">cpe1@example.net/box</Value>\
         </ParameterValueStruct></ParameterList></cwmp:GetParameterValuesResponse>"
    );
    comes(&mut called.device, "2 PERIODIC", &[("<cwmp:GetParameterValues>", &values)]).await;
    let (told, _) = tokio::join!(take(&rig, order("reboot")), server.answer("result", ""));
    assert_eq!(told.called, Some("accepted"), "{told:?}");
}
