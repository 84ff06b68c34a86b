//! Other people's TURN clients against our relay.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use sangam_interop::{EchoPeer, Report, Script, TurnService, Way, run_uclient, run_uclient_as_user};
use sangam_testkit::Server;

/// What four clients of 50 messages each must report.
const ALL: Report = Report { sent: 200, received: 200, lost: 0 };

#[test]
fn uclient_echoes_through_channels_without_loss() -> Result<()> {
    let (_server, relay) = TurnService::sangam()?;
    let peer = EchoPeer::start()?;
    assert_eq!(run_uclient(&relay, &Way::Echo(&peer), &[], 4, 50)?, ALL);
    Ok(())
}

#[test]
fn uclient_echoes_through_send_indications_without_loss() -> Result<()> {
    let (_server, relay) = TurnService::sangam()?;
    let peer = EchoPeer::start()?;
    assert_eq!(run_uclient(&relay, &Way::Echo(&peer), &["-s"], 4, 50)?, ALL);
    Ok(())
}

#[test]
fn uclient_reaches_from_one_relayed_address_to_another_without_loss() -> Result<()> {
    let (_server, relay) = TurnService::sangam()?;
    assert_eq!(run_uclient(&relay, &Way::ClientToClient, &[], 4, 50)?, ALL);
    assert_eq!(run_uclient(&relay, &Way::ClientToClient, &["-s"], 4, 50)?, ALL);
    Ok(())
}

#[test]
fn uclient_over_tcp_loses_nothing_through_channels_and_send_indications() -> Result<()> {
    let (_server, relay) = TurnService::sangam_over("turn")?;
    let peer = EchoPeer::start()?;
    for flags in [&["-t"][..], &["-t", "-s"]] {
        assert_eq!(run_uclient(&relay, &Way::Echo(&peer), flags, 4, 50)?, ALL, "{flags:?}");
        assert_eq!(run_uclient(&relay, &Way::ClientToClient, flags, 4, 50)?, ALL, "{flags:?}");
    }
    Ok(())
}

#[test]
fn uclient_over_tls_loses_nothing_through_channels_and_send_indications() -> Result<()> {
    let (_server, relay) = TurnService::sangam_over("turns")?;
    let peer = EchoPeer::start()?;
    for flags in [&["-t", "-S"][..], &["-t", "-S", "-s"]] {
        assert_eq!(run_uclient(&relay, &Way::Echo(&peer), flags, 4, 50)?, ALL, "{flags:?}");
        assert_eq!(run_uclient(&relay, &Way::ClientToClient, flags, 4, 50)?, ALL, "{flags:?}");
    }
    Ok(())
}

/// `turnutils_uclient -M` allocates with a ticket and moves to another socket before it sends anything.
#[test]
fn uclient_moves_its_allocation_to_another_socket_and_loses_nothing() -> Result<()> {
    let (server, relay) = TurnService::sangam_mobile()?;
    let peer = EchoPeer::start()?;
    assert_eq!(run_uclient(&relay, &Way::Echo(&peer), &["-M"], 4, 50)?, ALL);
    assert_eq!(run_uclient(&relay, &Way::Echo(&peer), &["-M", "-s"], 4, 50)?, ALL);
    assert_eq!(run_uclient(&relay, &Way::ClientToClient, &["-M"], 4, 50)?, ALL);
    let over_tcp = TurnService { addr: server.listener("turn")?, ..relay };
    assert_eq!(run_uclient(&over_tcp, &Way::Echo(&peer), &["-M", "-t"], 4, 50)?, ALL);
    let metrics = server.get("/metrics")?.body;
    let moves = metrics.lines().find_map(|line| line.strip_prefix("sangam_relay_moves_total "));
    // Four runs of four clients, each of which moves.
    ensure!(moves.and_then(|moves| moves.parse().ok()).is_some_and(|moves: u64| moves >= 16), "{moves:?} moves");
    Ok(())
}

#[test]
fn uclient_with_a_wrong_secret_gets_no_allocation() -> Result<()> {
    let (_server, relay) = TurnService::sangam()?;
    let stranger = TurnService { secret: "some-other-secret".to_owned(), ..relay };
    let error = run_uclient(&stranger, &Way::ClientToClient, &[], 2, 1).unwrap_err();
    assert!(format!("{error:#}").contains("Cannot complete Allocation"), "{error:#}");
    Ok(())
}

/// A file that coturn would start from, and its own client with a user of that file.
#[test]
fn uclient_logs_in_as_a_long_term_user_of_a_turnserver_conf() -> Result<()> {
    let conf = tempfile::NamedTempFile::new()?;
    let user = ("ninefingers", "youhavetoberealistic");
    std::fs::write(
        conf.path(),
        "# of an older server\nlistening-ip=127.0.0.1\nlt-cred-mech\nrealm=north.gov\n\
         user=ninefingers:0xbc807ee29df3c9ffa736523fb2c4e8ee\nuser=logen:stillalive\nfingerprint\nmobility\n",
    )?;
    let path = conf.path().display().to_string();
    // The harness asks for a free port, which stands over the one of the file.
    let server = Server::builder().environment("SANGAM_RELAY__TURNSERVER_CONF", &path).start()?;
    let relay = server.listener("relay")?;
    let peer = EchoPeer::start()?;
    assert_eq!(run_uclient_as_user(relay, user, &Way::Echo(&peer), 4, 50)?, ALL);
    assert_eq!(run_uclient_as_user(relay, ("logen", "stillalive"), &Way::ClientToClient, 4, 50)?, ALL);
    let error = run_uclient_as_user(relay, ("logen", "dead"), &Way::ClientToClient, 2, 1).unwrap_err();
    ensure!(format!("{error:#}").contains("Cannot complete Allocation"), "{error:#}");
    Ok(())
}

#[test]
fn uclient_goes_where_a_server_that_only_spreads_clients_sends_it() -> Result<()> {
    let user = ("logen", "correct horse battery");
    let with_user = || Server::builder().environment("SANGAM_RELAY__USERS", "logen:correct horse battery");
    let serving = with_user().start()?;
    let alternate = serving.listener("relay")?.to_string();
    let spreading = with_user()
        .environment("SANGAM_RELAY__ALTERNATE_SERVERS", &alternate)
        .environment("SANGAM_RELAY__REDIRECT", "always")
        .start()?;
    assert_eq!(run_uclient_as_user(spreading.listener("relay")?, user, &Way::ClientToClient, 4, 50)?, ALL);
    Ok(())
}

#[test]
fn libwebrtc_finds_its_peer_through_our_signaling_and_links_through_our_relay_alone() -> Result<()> {
    let (server, _) = TurnService::sangam()?;
    let main = server.listener("http")?;
    let result = Script::node("clients/webrtc_relay.mjs")
        .option("ice-servers", format!("http://{main}/ice-servers"))
        .option("signal", format!("ws://{main}/ws"))
        .run()?;
    assert_eq!((&result["echoes"], &result["bytesEachWay"]), (&100.into(), &1_000_000.into()), "{result}");
    Ok(())
}

#[test]
fn aioice_links_through_our_relay_alone() -> Result<()> {
    let (_server, relay) = TurnService::sangam()?;
    let (username, password) = relay.credentials()?;
    let script = Script::python("clients/aioice_relay.py")?
        .option("host", relay.addr.ip().to_string())
        .option("port", relay.addr.port().to_string());
    let result = script.option("username", username).option("password", password).run()?;
    assert_eq!(result["echoes"], 100, "{result}");
    Ok(())
}

/// Five thousand sources that never authenticate. A server that keeps anything for each shows it: at 100 bytes a source
/// the growth would be 0.5 MB.
#[test]
fn unauthenticated_allocates_from_new_sources_leave_memory_flat() -> Result<()> {
    const SOURCES: u16 = 5_000;
    const GROWTH_BYTES_MAX: u64 = 256 * 1024;
    let (server, relay) = TurnService::sangam()?;
    // The first ones fill the allocator's and the sockets' own stores.
    for source in 0..500 {
        allocate_without_credentials(source, relay.addr)?;
    }
    let before = server.resident_bytes()?;
    for source in 500..500 + SOURCES {
        allocate_without_credentials(source, relay.addr)?;
    }
    let growth = server.resident_bytes()?.saturating_sub(before);
    assert!(growth <= GROWTH_BYTES_MAX, "{growth} bytes for {SOURCES} sources");
    Ok(())
}

/// One Allocate request from an address and port that nobody used before; the answer must be 401.
fn allocate_without_credentials(source: u16, server: SocketAddr) -> Result<()> {
    let [high, low] = source.to_be_bytes();
    let socket = UdpSocket::bind((Ipv4Addr::new(127, 1, high, low), 0))?;
    socket.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut request = [0; 28];
    request[..8].copy_from_slice(&[0x00, 0x03, 0, 8, 0x21, 0x12, 0xa4, 0x42]); // Allocate, 8 bytes of attributes, cookie
    request[8..10].copy_from_slice(&[high, low]); // a transaction of its own
    request[20..25].copy_from_slice(&[0x00, 0x19, 0, 4, 17]); // REQUESTED-TRANSPORT: UDP
    socket.send_to(&request, server)?;
    let mut answer = [0; 1_500];
    let (length, from) = socket.recv_from(&mut answer).context("no answer to an Allocate")?;
    let answer = &answer[..length];
    ensure!(from == server, "answered from {from}");
    ensure!(
        answer.starts_with(&[0x01, 0x13]) && answer[4..20] == request[4..20],
        "not its error response: {answer:02x?}"
    );
    ensure!(error_code(answer) == Some(401), "not 401: {answer:02x?}");
    Ok(())
}

/// The value of ERROR-CODE (RFC 8489 §14.8).
fn error_code(message: &[u8]) -> Option<u16> {
    let mut attributes = message.get(20..)?;
    while let [t0, t1, l0, l1, rest @ ..] = attributes {
        let length = usize::from(u16::from_be_bytes([*l0, *l1]));
        if [*t0, *t1] == [0x00, 0x09] {
            return Some(u16::from(*rest.get(2)? & 0x7) * 100 + u16::from(*rest.get(3)?));
        }
        attributes = rest.get(length.next_multiple_of(4)..)?;
    }
    None
}
