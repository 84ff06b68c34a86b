use std::collections::BTreeMap;
use std::path::PathBuf;

use super::*;
use crate::load::{Setting, Sources, load};

const LAN_MACHINE: [&str; 4] = ["127.0.0.1", "192.168.1.5", "::1", "fe80::1"];
const PUBLIC_MACHINE: [&str; 3] = ["127.0.0.1", "10.0.0.5", "203.0.113.9"];

fn machine(addresses: &[&str]) -> Vec<IpAddr> {
    addresses.iter().map(|ip| ip.parse().unwrap()).collect()
}

#[test]
fn the_reach_of_a_bind_follows_from_its_address() {
    for (bound, expected) in [
        ("127.0.0.1", Reach::Loopback),
        ("127.8.9.10", Reach::Loopback),
        ("::1", Reach::Loopback),
        ("::ffff:127.0.0.1", Reach::Loopback),
        ("10.0.0.5", Reach::Private),
        ("172.31.255.255", Reach::Private),
        ("172.32.0.1", Reach::Public),
        ("192.168.1.5", Reach::Private),
        ("169.254.1.1", Reach::Private),
        ("fd00::5", Reach::Private),
        ("fe80::5", Reach::Private),
        ("::ffff:8.8.8.8", Reach::Public),
        ("100.64.0.1", Reach::Public),
        ("203.0.113.9", Reach::Public),
        ("2001:db8::1", Reach::Public),
    ] {
        assert_eq!(reach(bound.parse().unwrap(), &[]), expected, "{bound}");
    }
}

#[test]
fn a_bind_to_all_addresses_reaches_as_far_as_the_farthest_address_of_its_family_and_never_only_this_machine() {
    for (bound, addresses, expected) in [
        ("0.0.0.0", &["127.0.0.1"][..], Reach::Private),
        ("0.0.0.0", &LAN_MACHINE[..], Reach::Private),
        ("0.0.0.0", &PUBLIC_MACHINE[..], Reach::Public),
        ("0.0.0.0", &["127.0.0.1", "2001:db8::1"][..], Reach::Private),
        ("::", &["127.0.0.1", "2001:db8::1"][..], Reach::Public),
        ("::", &["203.0.113.9", "::1"][..], Reach::Private),
        ("0.0.0.0", &[][..], Reach::Public),
    ] {
        assert_eq!(reach(bound.parse().unwrap(), &machine(addresses)), expected, "{bound} {addresses:?}");
    }
}

#[test]
fn a_listener_without_tokens_is_judged_by_reach_lan_and_open_mode() {
    use Reach::{Loopback, Private, Public};
    use Verdict::{Free, Open, Refused, TokensOnly};
    for (reach, lan, open, expected) in [
        (Loopback, false, None, Free),
        (Loopback, true, Some(false), Free),
        (Private, false, None, Refused),
        (Private, true, None, Open),
        (Private, true, Some(false), TokensOnly),
        (Private, false, Some(true), Open),
        (Public, false, None, Refused),
        (Public, true, None, Refused),
        (Public, false, Some(true), Open),
        (Public, true, Some(false), TokensOnly),
    ] {
        assert_eq!(judge_bind(BindFacts { reach, lan, open }), expected, "{reach:?} lan {lan} open {open:?}");
    }
}

#[test]
fn a_weak_secret_is_judged_by_reach_lan_and_the_named_setting() {
    use Reach::{Loopback, Private, Public};
    use SecretVerdict::{Refused, Tolerated};
    for (reach, lan, allowed, expected) in [
        (Loopback, false, false, Tolerated),
        (Private, true, false, Tolerated),
        (Private, false, false, Refused),
        (Private, false, true, Tolerated),
        (Public, true, false, Refused),
        (Public, false, true, Tolerated),
    ] {
        assert_eq!(judge_weak_secret(reach, lan, allowed), expected, "{reach:?} lan {lan} allowed {allowed}");
    }
}

/// Loads from flags and `TURN_AUTH_SECRET`, judges, and says what came out.
fn check(secret: &str, settings: &[(&str, &str)], addresses: &[&str]) -> Result<Vec<String>, String> {
    let environment = BTreeMap::from([("TURN_AUTH_SECRET".to_owned(), secret.to_owned())]);
    let settings = settings.iter().map(|(key, value)| Setting::of_flag(&format!("--set {key}"), key, *value)).collect();
    let default_file = PathBuf::from("/nonexistent/sangam.toml");
    let loaded = load(&Sources { file: None, default_file, environment: &environment, settings }).unwrap();
    check_binds(&loaded, &machine(addresses), &too_short)
        .map(|notices| notices.iter().map(ToString::to_string).collect())
        .map_err(|problems| problems.to_string())
}

fn too_short(secret: &Secret) -> Option<String> {
    (secret.expose().len() < 16).then(|| "it is too short".to_owned())
}

const STRONG: &str = "hJ8t2Zl0mQe5mS6r1nD3xw==";

#[test]
fn everything_on_loopback_needs_nothing() {
    assert_eq!(check(STRONG, &[], &PUBLIC_MACHINE).unwrap(), Vec::<String>::new());
}

#[test]
fn lan_says_aloud_that_it_is_open_and_is_refused_on_a_public_machine() {
    let notices = check(STRONG, &[("server.lan", "true")], &LAN_MACHINE).unwrap();
    assert_eq!(notices.len(), 4, "{notices:?}");
    assert!(
        notices[0].contains("JSON signaling on 0.0.0.0:8443 serves clients without a token; the local network"),
        "{notices:?}"
    );
    let error = check(STRONG, &[("server.lan", "true")], &PUBLIC_MACHINE).unwrap_err();
    assert!(error.contains("`--lan` is for private networks") && error.contains("signal.open"), "{error}");
}

#[test]
fn a_public_listener_is_refused_with_the_setting_that_opens_it() {
    let listen = ("signal.listen", "203.0.113.9:8443");
    let error = check(STRONG, &[listen], &PUBLIC_MACHINE).unwrap_err();
    assert!(error.starts_with("--set signal.listen: JSON signaling on 203.0.113.9:8443"), "{error}");
    assert!(error.contains("`signal.open = true`"), "{error}");
    assert_eq!(check(STRONG, &[listen, ("signal.open", "true")], &PUBLIC_MACHINE).unwrap().len(), 1);
    assert_eq!(check(STRONG, &[listen, ("signal.open", "false")], &PUBLIC_MACHINE).unwrap().len(), 0);
    assert_eq!(check(STRONG, &[listen, ("server.roles", "relay")], &PUBLIC_MACHINE).unwrap().len(), 0);
}

#[test]
fn signaling_on_the_main_listener_is_judged_too() {
    let error = check(STRONG, &[("http.listen", "203.0.113.9:8080")], &PUBLIC_MACHINE).unwrap_err();
    assert!(error.contains("JSON signaling, Socket.IO, the rendezvous on 203.0.113.9:8080"), "{error}");
}

#[test]
fn a_weak_secret_is_refused_where_strangers_reach_the_relay() {
    let listen = ("relay.listen", "203.0.113.9:3478");
    let error = check("hunter2", &[listen], &PUBLIC_MACHINE).unwrap_err();
    assert!(error.starts_with("environment variable TURN_AUTH_SECRET: entry 1 of `relay.secrets`"), "{error}");
    assert!(error.contains("relay.allow_weak_credentials") && !error.contains("hunter2"), "{error}");
    let allowed = [listen, ("relay.allow_weak_credentials", "true")];
    assert_eq!(check("hunter2", &allowed, &PUBLIC_MACHINE).unwrap().len(), 1);
    assert_eq!(check("hunter2", &[], &PUBLIC_MACHINE).unwrap().len(), 1, "loopback only says so");
    assert_eq!(check(STRONG, &[listen], &PUBLIC_MACHINE).unwrap().len(), 0);
}

#[test]
fn the_weak_password_of_a_user_is_refused_where_strangers_reach_the_relay_and_a_key_is_taken() {
    let judge = |users: &str| {
        let settings = [("relay.users", users), ("relay.listen", "203.0.113.9:3478")];
        check(STRONG, &settings, &PUBLIC_MACHINE)
    };
    let error = judge("alice:hJ8t2Zl0mQe5mS6r1nD3xw,synapse:hunter2").unwrap_err();
    assert!(error.starts_with("--set relay.users: the password of `synapse` in `relay.users` is too weak"), "{error}");
    assert!(error.contains("relay.allow_weak_credentials") && !error.contains("hunter2"), "{error}");
    assert_eq!(judge("alice:0xbc807ee29df3c9ffa736523fb2c4e8ee").unwrap(), Vec::<String>::new());
    let notices = check(STRONG, &[("relay.users", "synapse:hunter2")], &PUBLIC_MACHINE).unwrap();
    assert!(notices[0].contains("`synapse`") && !notices[0].contains("hunter2"), "{notices:?}");
}

#[test]
fn everybody_becomes_a_device_only_by_name_and_it_is_said_where_others_reach_it() {
    let reached = [("devices.listen", "203.0.113.9:7547"), ("server.roles", "devices")];
    let judge =
        |more: &[(&'static str, &'static str)]| check(STRONG, &[&reached, more].concat(), &PUBLIC_MACHINE).unwrap();
    assert_eq!(judge(&[]), Vec::<String>::new());
    let open = judge(&[("devices.enroll", "open")]);
    assert!(open[0].contains("whoever reaches 203.0.113.9:7547 becomes a device"), "{open:?}");
    let basic = judge(&[("devices.basic_without_tls", "true")]);
    assert!(basic[0].contains("can be read on the way to 203.0.113.9:7547"), "{basic:?}");
    let loopback = [("server.roles", "devices"), ("devices.enroll", "open")];
    assert_eq!(check(STRONG, &loopback, &PUBLIC_MACHINE).unwrap(), Vec::<String>::new());
}

#[test]
fn sync_is_open_only_by_name_and_says_so_where_others_reach_it() {
    let listen = ("http.listen", "203.0.113.9:8080");
    let sync = ("server.roles", "sync");
    assert_eq!(check(STRONG, &[listen, sync], &PUBLIC_MACHINE).unwrap(), Vec::<String>::new());
    let lan = [("server.lan", "true"), sync];
    assert_eq!(check(STRONG, &lan, &LAN_MACHINE).unwrap(), Vec::<String>::new(), "the local network shows tokens too");
    let open = check(STRONG, &[listen, sync, ("sync.open", "true")], &PUBLIC_MACHINE).unwrap();
    assert!(open[0].contains("sync on 203.0.113.9:8080 lets clients without a token"), "{open:?}");
    assert_eq!(check(STRONG, &[sync, ("sync.open", "true")], &PUBLIC_MACHINE).unwrap(), Vec::<String>::new());
    let forever = check(STRONG, &[sync, ("sync.require_exp", "false")], &PUBLIC_MACHINE).unwrap();
    assert!(forever[0].contains("good for ever"), "{forever:?}");
}
