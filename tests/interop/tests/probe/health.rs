use std::io::{self, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::thread;

use anyhow::Result;
use sangam_testkit::{Server, free_tcp_port};

use crate::support::{Certificate, assert_fine, assert_no, probe};

#[test]
fn our_server_is_healthy_and_ready() -> Result<()> {
    let server = Server::start()?;
    let probed = probe(&["health", &format!("http://{}", server.listener("http")?)])?;
    assert_fine(&probed);
    assert_eq!(probed.report["measured"]["health"]["body"]["status"], "ok");
    assert_eq!(probed.report["measured"]["ready"]["body"]["ready"], true);
    Ok(())
}

#[test]
fn a_certificate_must_be_trusted() -> Result<()> {
    let certificate = Certificate::make()?;
    let server = Server::builder()
        .set("tls.certificate_file", &certificate.cert())
        .set("tls.key_file", &certificate.key())
        .start()?;
    let url = format!("https://localhost:{}", server.listener("http")?.port());
    assert_no(&probe(&["health", &url])?, &["TLS handshake failed", "--ca-file"]);
    assert_fine(&probe(&["health", &url, "--ca-file", &certificate.cert()])?);
    Ok(())
}

#[test]
fn a_server_that_is_down_or_no_http_server_is_told() -> Result<()> {
    let down = format!("http://127.0.0.1:{}", free_tcp_port()?);
    assert_no(&probe(&["health", &down])?, &["nothing listens", "the server is down"]);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let url = format!("http://{}", listener.local_addr()?);
    let greeting = thread::spawn(move || {
        let (mut stream, _) = listener.accept()?;
        stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n")?;
        // It stays until the client goes, as such a server does.
        io::copy(&mut stream, &mut io::sink())
    });
    assert_no(&probe(&["health", &url])?, &["no HTTP"]);
    assert!(greeting.join().is_ok_and(|greeted| greeted.is_ok()));
    assert_eq!(probe(&["health", "localhost"])?.code, Some(2));
    Ok(())
}
