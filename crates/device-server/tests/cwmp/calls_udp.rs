//! Calls through a NAT (TR-069 Amendment 6 Annex G).

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sangam_control::{KeptBinding, KeptBindings, StunDatagram, StunNotSent, StunSocket};
use sangam_cwmp_proto::Secret;
use sangam_cwmp_proto::connection_request::udp::UdpRequest;
use sangam_device_server::{CallOptions, Options, Policy, Stun};
use tokio::sync::mpsc;

use crate::calls::{Called, LOOPBACK, NAME, REBOOT, URL, comes, enrolled_telling, order, take, waiting};
use crate::rig::Rig;

const ADDRESS: &str = "Device.ManagementServer.UDPConnectionRequestAddress";
const NAT: &str = "Device.ManagementServer.NATDetected";

/// A STUN listener whose datagrams are looked at.
struct Listener {
    sent: mpsc::UnboundedSender<StunDatagram>,
    refuses: Mutex<Option<StunNotSent>>,
}

impl StunSocket for Listener {
    fn send(&self, datagram: StunDatagram) -> Result<(), StunNotSent> {
        if let Some(why) = *self.refuses.lock().unwrap() {
            return Err(why);
        }
        self.sent.send(datagram).unwrap();
        Ok(())
    }
}

struct Nat {
    rig: Rig,
    listener: Arc<Listener>,
    sent: mpsc::UnboundedReceiver<StunDatagram>,
    bindings: KeptBindings,
}

/// A server beside a listener, which calls quickly.
fn nat(calls: CallOptions) -> Nat {
    let (sent, seen) = mpsc::unbounded_channel();
    let listener = Arc::new(Listener { sent, refuses: Mutex::default() });
    let (bindings, kept_bindings) = KeptBindings::channel(8);
    let stun = Stun { socket: Arc::clone(&listener) as Arc<dyn StunSocket>, kept_bindings };
    Nat { rig: Rig::beside(stun, Options { calls, ..Options::default() }), listener, sent: seen, bindings }
}

fn patient() -> CallOptions {
    CallOptions {
        answer_timeout: Duration::from_secs(30),
        udp_copy_interval: Duration::from_millis(1),
        ..CallOptions::default()
    }
}

fn hasty() -> CallOptions {
    CallOptions { answer_timeout: Duration::from_millis(20), ..patient() }
}

fn kept(port: u16, name: &str) -> KeptBinding {
    KeptBinding {
        client: SocketAddr::new(LOOPBACK, port),
        server: "192.0.2.1:3478".parse().unwrap(),
        username: Some(name.into()),
        is_changed: true,
    }
}

#[tokio::test]
async fn a_device_behind_nat_is_asked_by_copies_of_a_signed_datagram_and_comes() {
    let mut nat = nat(patient());
    let told = [(URL, "http://10.0.0.7:7547/"), (ADDRESS, "127.0.0.1:31000"), (NAT, "1")];
    let Called { mut device, user, password } = enrolled_telling(&nat.rig, LOOPBACK, &told).await;
    let device_side = async {
        let mut copies = Vec::new();
        for _ in 0..3 {
            copies.push(nat.sent.recv().await.unwrap());
        }
        assert!(copies.iter().all(|copy| *copy == copies[0]), "{copies:?}");
        let StunDatagram { from, to, bytes } = &copies[0];
        assert_eq!((*from, to.to_string().as_str()), (None, "127.0.0.1:31000"));
        // As Annex G.2.2.3 has it: the clock of the server at its start is 1767225600.
        let text = std::str::from_utf8(bytes).unwrap();
        let start = format!("GET http://127.0.0.1:31000?ts=1767225601&id=1&un={user}&cn=");
        assert!(text.starts_with(&start) && text.ends_with(" HTTP/1.1\r\n\r\n"), "{text}");
        let request = UdpRequest::decode(bytes).unwrap();
        assert_eq!(request.verify(&user, &Secret::new(password)), Ok(()));
        comes(&mut device, "6 CONNECTION REQUEST", &[REBOOT]).await;
    };
    let (told, ()) = tokio::join!(take(&nat.rig, waiting("reboot")), device_side);
    assert_eq!((told.state, told.called), ("done", Some("accepted")), "{told:?}");
    assert!(nat.rig.counts("sangam_devices_call_attempts_total{kind=\"http\",outcome=\"not_allowed\"} 1"));
    assert!(nat.rig.counts("sangam_devices_call_attempts_total{kind=\"udp\",outcome=\"accepted\"} 1"));
    let seen = nat.rig.server.admin().device(NAME.to_owned()).await.unwrap();
    let last = seen.last_call.unwrap();
    let ways: Vec<_> = last.attempts.iter().map(|attempt| (attempt.kind, attempt.outcome)).collect();
    assert_eq!((last.outcome, ways), ("accepted", vec![("http", "not_allowed"), ("udp", "accepted")]));
    assert!(seen.nat_detected);
}

#[tokio::test]
async fn a_binding_that_was_heard_of_is_asked_first_and_from_the_address_that_it_is_towards() {
    let mut nat = nat(hasty());
    enrolled_telling(&nat.rig, LOOPBACK, &[(ADDRESS, "127.0.0.1:31000"), (NAT, "true")]).await;
    assert!(nat.bindings.tell(kept(31_999, NAME)) && nat.bindings.tell(kept(31_998, "somebody else")));
    nat.rig.until(async || nat.rig.counts("sangam_devices_bindings_total{named=\"yes\",changed=\"yes\"} 2")).await;
    let told = take(&nat.rig, order("reboot")).await;
    assert_eq!((told.state, told.called), ("queued", Some("timeout")), "nobody came");
    let sent: Vec<_> = std::iter::from_fn(|| nat.sent.try_recv().ok()).collect();
    let goals: Vec<_> = sent.iter().map(|sent| (sent.to.port(), sent.from.map(|from| from.port()))).collect();
    assert_eq!(goals[..2], [(31_999, Some(3_478)), (31_000, None)], "{goals:?}");
    assert_eq!(goals.len(), 6, "three copies to each");
}

#[tokio::test]
async fn neither_a_binding_nor_an_address_sends_datagrams_where_the_device_did_not_come_from() {
    let mut nat = nat(hasty());
    enrolled_telling(&nat.rig, "192.0.2.7".parse().unwrap(), &[(ADDRESS, "127.0.0.1:53"), (NAT, "1")]).await;
    assert!(nat.bindings.tell(kept(53, NAME)));
    nat.rig.until(async || nat.rig.counts("sangam_devices_bindings_total{named=\"yes\",changed=\"yes\"} 1")).await;
    let told = take(&nat.rig, order("reboot")).await;
    assert_eq!(told.called, Some("not_allowed"), "{told:?}");
    assert!(nat.sent.try_recv().is_err());
}

#[tokio::test]
async fn a_binding_elsewhere_that_anybody_may_have_claimed_is_not_asked_even_where_any_address_is() {
    let mut nat = nat(CallOptions { any_address: true, ..hasty() });
    enrolled_telling(&nat.rig, LOOPBACK, &[(ADDRESS, "127.0.0.1:31000"), (NAT, "1")]).await;
    let claimed = KeptBinding { client: "198.51.100.9:80".parse().unwrap(), ..kept(1, NAME) };
    assert!(nat.bindings.tell(claimed));
    nat.rig.until(async || nat.rig.counts("sangam_devices_bindings_total{named=\"yes\",changed=\"yes\"} 1")).await;
    take(&nat.rig, order("reboot")).await;
    let goals: Vec<_> = std::iter::from_fn(|| nat.sent.try_recv().ok()).map(|sent| sent.to.to_string()).collect();
    assert_eq!(goals, ["127.0.0.1:31000"; 3]);
}

#[tokio::test]
async fn why_no_datagram_is_sent_stands_in_the_answer_and_in_the_task() {
    let told = [(ADDRESS, "127.0.0.1:31000"), (NAT, "1")];
    let none = Rig::start(Policy::SharedCredential);
    enrolled_telling(&none, LOOPBACK, &told).await;
    let task = take(&none, order("reboot")).await;
    assert_eq!(task.called, Some("no_socket"));
    assert!(task.text.contains("runs in no relay of this process"), "{task:?}");

    for (refusal, expected) in [(StunNotSent::Busy, "overloaded"), (StunNotSent::NoSocket, "no_socket")] {
        let nat = nat(hasty());
        *nat.listener.refuses.lock().unwrap() = Some(refusal);
        enrolled_telling(&nat.rig, LOOPBACK, &told).await;
        assert_eq!(take(&nat.rig, order("reboot")).await.called, Some(expected));
    }
}

#[tokio::test]
async fn a_device_that_says_it_is_behind_no_nat_gets_no_datagrams() {
    let mut nat = nat(hasty());
    enrolled_telling(&nat.rig, LOOPBACK, &[(ADDRESS, "127.0.0.1:31000"), (NAT, "0")]).await;
    let told = take(&nat.rig, order("reboot")).await;
    assert_eq!(told.called, Some("no_address"));
    assert!(nat.sent.try_recv().is_err());
}

#[tokio::test]
async fn of_two_ways_that_fail_both_reasons_are_told() {
    let nat = nat(hasty());
    let told = [(URL, "http://10.0.0.7:7547/"), (ADDRESS, "127.0.0.1:31000"), (NAT, "1")];
    enrolled_telling(&nat.rig, LOOPBACK, &told).await;
    let task = take(&nat.rig, order("reboot")).await;
    assert_eq!(task.called, Some("timeout"), "the one that got furthest");
    let expected = "by http: not allowed; by udp: timeout; it is done when the device comes by itself";
    assert_eq!(task.text, expected);
}
