use std::net::{Ipv4Addr, UdpSocket};
use std::thread;

use anyhow::Result;
use sangam_interop::Coturn;
use sangam_testkit::{Server, free_tcp_port, free_udp_port};

use crate::support::{Certificate, assert_fine, assert_no, probe};

#[test]
fn our_server_says_who_we_are() -> Result<()> {
    let server = Server::start()?;
    let target = server.listener("relay")?.to_string();
    let probed = probe(&["stun", &target, "--requests", "7"])?;
    assert_fine(&probed);
    let measured = &probed.report["measured"];
    assert_eq!(measured["requests"], 7);
    assert!(measured["mapped"].is_string());
    assert_eq!(measured["mapped"], measured["local"]);
    assert!(measured["rtt"]["median_ms"].as_f64() > Some(0.0), "{measured}");
    Ok(())
}

#[test]
fn coturn_says_who_we_are_over_udp_and_tcp() -> Result<()> {
    let coturn = Coturn::start_with(&["--no-tls", "--no-dtls", "--no-auth"])?;
    let target = format!("stun:{}", coturn.service().addr);
    for way in [&[][..], &["--tcp"]] {
        let probed = probe(&[&["stun", target.as_str()], way].concat())?;
        assert_fine(&probed);
        assert_eq!(probed.report["measured"]["mapped"], probed.report["measured"]["local"]);
        assert!(probed.report["measured"]["software"].as_str().unwrap_or_default().contains("Coturn"), "{probed:?}");
    }
    Ok(())
}

#[test]
fn a_certificate_is_checked_over_tls() -> Result<()> {
    let certificate = Certificate::make()?;
    let (cert, key) = (certificate.cert(), certificate.key());
    let port = free_tcp_port()?;
    let _coturn = Coturn::start_with(&[
        "--no-dtls",
        "--no-auth",
        &format!("--tls-listening-port={port}"),
        &format!("--cert={cert}"),
        &format!("--pkey={key}"),
    ])?;
    let target = format!("stuns:localhost:{port}");
    assert_no(&probe(&["stun", &target])?, &["TLS handshake failed", "no authority trusted here", "--ca-file"]);
    let named_otherwise = format!("stuns:127.0.0.2:{port}");
    assert_no(&probe(&["stun", &named_otherwise, "--ca-file", &cert])?, &["nothing listens"]);
    assert_fine(&probe(&["stun", &target, "--ca-file", &cert])?);
    Ok(())
}

#[test]
fn a_closed_port_is_told_from_silence() -> Result<()> {
    let target = format!("127.0.0.1:{}", free_udp_port()?);
    assert_no(&probe(&["stun", &target])?, &["refused", "nothing listens on udp port"]);
    assert_no(&probe(&["stun", &target, "--tcp"])?, &["refused", "nothing listens on tcp port"]);
    let silent = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let target = silent.local_addr()?.to_string();
    assert_no(&probe(&["stun", &target, "--timeout", "300ms"])?, &["no answer in time", "firewall"]);
    Ok(())
}

#[test]
fn what_is_no_stun_server_is_called_so() -> Result<()> {
    let server = Server::start()?;
    let http = server.listener("http")?.to_string();
    assert_no(&probe(&["stun", &http, "--tcp"])?, &["no STUN server"]);
    assert_no(&probe(&["stun", &http, "--tls"])?, &["TLS"]);
    let chatter = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let target = chatter.local_addr()?.to_string();
    let answering = thread::spawn(move || {
        let mut request = [0; 1_500];
        let (_, from) = chatter.recv_from(&mut request)?;
        chatter.send_to(b"220 hello", from)
    });
    assert_no(&probe(&["stun", &target])?, &["no STUN server"]);
    assert!(answering.join().is_ok_and(|sent| sent.is_ok()));
    Ok(())
}

#[test]
fn a_server_that_breaks_its_answer_is_found_out() -> Result<()> {
    let broken = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let target = broken.local_addr()?.to_string();
    let answering = thread::spawn(move || {
        let mut message = [0; 1_500];
        let (length, from) = broken.recv_from(&mut message)?;
        // A success response to the request, without the address that RFC 8489 §7.3.1 demands.
        message[0] = 0x01;
        broken.send_to(&message[..length], from)
    });
    assert_no(&probe(&["stun", &target])?, &["malformed", "XOR-MAPPED-ADDRESS"]);
    assert!(answering.join().is_ok_and(|sent| sent.is_ok()));
    Ok(())
}

#[test]
fn bad_arguments_are_no_answer() -> Result<()> {
    for words in
        [&["stun", "turn:localhost"][..], &["stun", "localhost:0"], &["stun", "a", "--timeout", "1h"], &["stun"]]
    {
        let probed = probe(words)?;
        assert_eq!(probed.code, Some(2), "{words:?}: {}", probed.output);
        assert!(probed.report.is_null());
    }
    let absent = probe(&["stun", "localhost", "--ca-file", "/nowhere/ca.pem"])?;
    assert_eq!(absent.code, Some(2));
    assert!(absent.output.contains("--ca-file"), "{}", absent.output);
    Ok(())
}
