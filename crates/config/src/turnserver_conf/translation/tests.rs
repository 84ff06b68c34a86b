use super::*;

fn values(text: &str) -> Vec<(&'static str, String, Vec<usize>)> {
    let translation = translate(text);
    assert_eq!(translation.mistakes, []);
    translation.settings.into_iter().map(|it| (it.key, it.value.to_string(), it.lines)).collect()
}

fn value(text: &str, key: &str) -> Option<(String, Vec<usize>)> {
    values(text).into_iter().find(|(name, ..)| *name == key).map(|(_, value, lines)| (value, lines))
}

fn remarks(text: &str) -> Vec<String> {
    let of_the_file = |remark: &&Remark| remark.option != "listening-ip";
    translate(text).remarks.iter().filter(of_the_file).map(ToString::to_string).collect()
}

fn mistake(text: &str) -> Mistake {
    let mut translation = translate(text);
    assert_eq!(translation.mistakes.len(), 1, "{translation:?}");
    translation.mistakes.remove(0)
}

#[test]
fn listeners_are_every_address_with_the_one_port() {
    let text = "listening-ip=192.0.2.1\nlistening-port=3479\nlistening-ip=2001:db8::1\nlistening-ip=192.0.2.1\n";
    let expected = (r#"["192.0.2.1:3479", "[2001:db8::1]:3479"]"#.to_owned(), vec![1, 3]);
    assert_eq!(value(text, "relay.listen"), Some(expected));
    assert_eq!(value("", "relay.listen"), Some((r#"["0.0.0.0:3478"]"#.to_owned(), vec![])));
    assert_eq!(value("\nlistening-port=80", "relay.listen"), Some((r#"["0.0.0.0:80"]"#.to_owned(), vec![2])));
}

#[test]
fn every_line_of_a_repeated_option_counts_with_its_own_line() {
    let text = "user=a:b\nstatic-auth-secret=x\nexternal-ip=198.51.100.1/10.0.0.1\nuser=c:d\nstatic-auth-secret=y\nexternal-ip=198.51.100.2/10.0.0.2\n";
    assert_eq!(value(text, "relay.users"), Some((r#"["a:b", "c:d"]"#.to_owned(), vec![1, 4])));
    assert_eq!(value(text, "relay.secrets"), Some((r#"["x", "y"]"#.to_owned(), vec![2, 5])));
    let expected = (r#"["198.51.100.1/10.0.0.1", "198.51.100.2/10.0.0.2"]"#.to_owned(), vec![3, 6]);
    assert_eq!(value(text, "relay.external_ip"), Some(expected));
}

#[test]
fn ranges_of_peers_become_prefixes_that_know_their_line() {
    let text = "denied-peer-ip=192.0.2.7-192.0.2.9\nallowed-peer-ip=10.0.0.5\n";
    assert_eq!(value(text, "relay.deny_peers"), Some((r#"["192.0.2.7/32", "192.0.2.8/31"]"#.to_owned(), vec![1, 1])));
    assert_eq!(value(text, "relay.allow_peers"), Some((r#"["10.0.0.5/32"]"#.to_owned(), vec![2])));
}

#[test]
fn the_later_of_two_lines_counts_and_that_is_said() {
    assert_eq!(value("realm=a\nrealm=b\n", "relay.realm"), Some((r#""b""#.to_owned(), vec![2])));
    let said = remarks("user=a:b\nuser=a:c\n");
    assert_eq!(said, ["`user` is honoured: the same user stands on line 1; this later one counts"]);
    assert_eq!(value("user=a:b\nuser=a:c\n", "relay.users"), Some((r#"["a:c"]"#.to_owned(), vec![2])));
}

#[test]
fn another_server_gets_every_client_on_the_port_of_its_transport_unless_it_names_one() {
    let text = "alternate-server=192.0.2.7\ntls-alternate-server=2001:db8::7\nalternate-server=[2001:db8::7]:80\n";
    let expected = (r#"["192.0.2.7:3478", "[2001:db8::7]:80"]"#.to_owned(), vec![1, 3]);
    assert_eq!(value(text, "relay.alternate_servers"), Some(expected));
    assert_eq!(value(text, "relay.alternate_servers_tls"), Some((r#"["[2001:db8::7]:5349"]"#.to_owned(), vec![2])));
    assert_eq!(value(text, "relay.redirect"), Some((r#""always""#.to_owned(), vec![3])));
    assert!(mistake("alternate-server=turn.example.org\n").cause.contains("is not another server"));
}

#[test]
fn quotas_are_counts_and_bandwidths_are_bytes() {
    let text = "total-quota=200          # 200 MB\n";
    assert_eq!(value(text, "relay.allocations_max"), Some(("200".to_owned(), vec![1])));
    assert!(remarks(text)[0].contains("counts allocations of the whole server at one time (200), not megabytes"));
    assert!(remarks("user-quota=100")[0].contains("of one user"));
    assert!(remarks("user-quota=0")[0].contains("`relay.allocations_per_user_max` has a default"));
    let said = remarks("max-bps=500000  # 500 Kbps per client");
    assert!(
        said[0].contains("500000 bytes a second of each session, each way apart, which is 4000 kbit/s"),
        "{said:?}"
    );
    assert_eq!(value("max-bps=500000", "relay.allocation_bytes_per_sec"), Some(("500000".to_owned(), vec![1])));
    assert_eq!(value("\nbps-capacity=12500000", "relay.bytes_per_sec"), Some(("12500000".to_owned(), vec![2])));
    assert_eq!(value("bps-capacity=999999999999999", "relay.bytes_per_sec").unwrap().0, (1_u64 << 37).to_string());
    assert_eq!(values("max-bps=0\nbps-capacity=0").len(), values("").len(), "as with coturn: no limit");
}

#[test]
fn prometheus_opens_its_port_and_only_if_it_is_on() {
    let listen = |text| value(text, "admin.metrics_listen");
    assert_eq!(listen("\nprometheus"), Some((r#"["0.0.0.0:9641"]"#.to_owned(), vec![2])));
    let text = "prometheus-port=9000\nprometheus-address=127.0.0.1\nprometheus=1";
    assert_eq!(listen(text), Some((r#"["127.0.0.1:9000"]"#.to_owned(), vec![3])));
    assert_eq!(listen("prometheus-port=9000"), None);
}

#[test]
fn mobility_is_switched_on_as_in_coturn() {
    assert_eq!(value("realm=a\nmobility\n", "relay.mobility"), Some(("true".to_owned(), vec![2])));
    assert_eq!(value("mobility=0\n", "relay.mobility"), None);
}

#[test]
fn a_switch_that_is_off_asks_for_nothing() {
    assert_eq!(remarks("no-auth=0\nmobility=no\nprometheus=off\n"), Vec::<String>::new());
    assert!(remarks("no-auth")[0].contains("nobody is relayed for without a credential"));
    assert_eq!(mistake("mobility=perhaps").option, "mobility");
}

#[test]
fn what_is_unknown_is_named_without_what_may_be_a_secret() {
    assert_eq!(remarks("--no-tls"), ["`--no-tls` is unknown: coturn does not know it either; did you mean `no-tls`?"]);
    assert_eq!(
        remarks("L=10.0.0.1")[0],
        "`L` is unknown: coturn takes the short form on its command line only; write `listening-ip`"
    );
    let said = remarks("static-auth-secret:hunter2");
    assert!(said[0].starts_with("`static-auth-secret…` is unknown") && !said[0].contains("hunter2"), "{said:?}");
}

#[test]
fn a_value_that_cannot_be_used_is_a_mistake_with_its_line_and_no_secret() {
    let placeholder = mistake("\nexternal-ip=YOUR_PUBLIC_IP\n");
    assert_eq!((placeholder.line, placeholder.option.as_str()), (2, "external-ip"));
    assert!(placeholder.cause.contains("`YOUR_PUBLIC_IP` is not an external address"), "{placeholder:?}");
    for text in ["user=hunter2", "user=:hunter2", "user=alice:0xhunter2"] {
        let mistake = mistake(text);
        assert!(!mistake.cause.contains("hunter2") && mistake.cause.contains("user=NAME:PASSWORD"), "{mistake:?}");
    }
    for text in [
        "listening-port=many",
        "min-port=70000",
        "listening-ip=eth0",
        "relay-ip=",
        "realm=",
        "denied-peer-ip=10.0.0.9-10.0.0.1",
        "total-quota=lots",
        "realm=caf\u{FFFD}",
    ] {
        mistake(text);
    }
}

#[test]
fn a_comment_behind_a_text_is_part_of_it_and_that_is_said() {
    assert_eq!(value("realm=a # b", "relay.realm"), Some((r#""a # b""#.to_owned(), vec![1])));
    assert!(remarks("user=a:b # c")[0].contains("part of its value"));
}

#[test]
fn a_certificate_needs_its_key() {
    let text = "cert=/etc/a.pem\npkey=/etc/b.pem";
    assert_eq!(value(text, "tls.key_file"), Some((r#""/etc/b.pem""#.to_owned(), vec![2])));
    assert_eq!(remarks("cert=/etc/a.pem"), ["`cert` is not honoured: there is no `pkey` beside it"]);
}

#[test]
fn who_coturn_would_not_have_served_or_served_otherwise_is_said() {
    assert!(remarks("lt-cred-mech")[0].contains("coturn would serve nobody"));
    assert!(remarks("use-auth-secret")[0].contains("generated secret"));
    assert!(remarks("user=a:b\nstatic-auth-secret=x")[0].contains("both kinds"));
    assert!(remarks("user=a:0xbc807ee29df3c9ffa736523fb2c4e8ee")[0].contains("good for one realm"));
}

#[test]
fn debug_shows_no_secret() {
    let shown = format!("{:?}", translate("user=a:hunter2\nstatic-auth-secret=hunter2\npkey-pwd=hunter2"));
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn switches_close_their_listeners_and_ports_open_theirs() {
    let with_tls = "listening-ip=192.0.2.1\ncert=c\npkey=k\n";
    let listen = |more: &str, key| value(&format!("{with_tls}{more}"), key).map(|(value, _)| value);
    let at = |port: u16| Some(format!(r#"["192.0.2.1:{port}"]"#));
    assert_eq!(listen("no-tcp\n", "relay.listen_tcp").as_deref(), Some("[]"));
    assert_eq!(listen("no-tls\n", "relay.listen_tls").as_deref(), Some("[]"));
    assert_eq!(listen("tls-listening-port=443\n", "relay.listen_tls"), at(443));
    assert_eq!(listen("tls-listening-port=443\nno-tls\n", "relay.listen_tls").as_deref(), Some("[]"));
    assert_eq!(listen("tcp-proxy-port=5555\n", "relay.listen_proxy"), at(5_555));
    assert_eq!(listen("no-udp\n", "relay.listen").as_deref(), Some("[]"));
    assert_eq!(listen("no-udp\n", "relay.listen_tcp"), at(3_478));
    assert_eq!(listen("no-udp\n", "relay.listen_tls"), at(5_349));
    assert_eq!(listen("no-udp\nno-tcp\n", "relay.listen_tcp").as_deref(), Some("[]"));
    assert_eq!(listen("no-tls=0\n", "relay.listen_tls"), None);
    let without = "tls-listening-port=443\n";
    assert_eq!(value(without, "relay.listen_tls"), None);
    assert_eq!(remarks(without), ["`tls-listening-port` is not honoured: there is no `cert` with its `pkey`"]);
}

#[test]
fn lifetimes_are_seconds_within_bounds() {
    for (option, key) in [
        ("stale-nonce", "relay.nonce_lifetime"),
        ("channel-lifetime", "relay.channel_lifetime"),
        ("permission-lifetime", "relay.permission_lifetime"),
        ("max-allocate-lifetime", "relay.allocation_lifetime_max"),
    ] {
        assert_eq!(value(&format!("{option}=900"), key), Some((r#""900s""#.to_owned(), vec![1])), "{option}");
        assert_eq!(value(&format!("{option}=0"), key), None, "{option}");
        assert!(remarks(&format!("{option}=0"))[0].contains("keeps its default"), "{option}");
        assert_eq!(value(option, key), None, "{option}");
    }
}

#[test]
fn loopback_peers_are_opened_by_name() {
    let expected = r#"["127.0.0.0/8", "127.0.0.1/32", "::1/128"]"#.to_owned();
    assert_eq!(value("allow-loopback-peers", "relay.allow_peers"), Some((expected, vec![1, 1, 1])));
}
