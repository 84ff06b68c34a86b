use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use sangam_testkit::{Program, WAIT_MAX, free_udp_port, wait_until};
use tempfile::TempDir;

use crate::turn_service::{SECRET, TurnService};

/// coturn's server, for the control.
#[derive(Debug)]
pub struct Coturn {
    service: TurnService,
    _program: Program,
    _data_dir: TempDir,
}

impl Coturn {
    /// Starts it over UDP, with time-limited credentials, and waits until it listens.
    ///
    /// # Errors
    /// It is not installed or does not start.
    pub fn start() -> Result<Self> {
        let secret = format!("--static-auth-secret={SECRET}");
        Self::start_with(&[&TIME_LIMITED_OVER_UDP[..], &[&secret]].concat())
    }

    /// The same at this address of this machine, with peers on loopback denied as it does by itself.
    ///
    /// # Errors
    /// As [`Coturn::start`].
    pub fn start_at(addr: SocketAddr) -> Result<Self> {
        let secret = format!("--static-auth-secret={SECRET}");
        Self::listening_at(addr, &[&TIME_LIMITED_OVER_UDP[..], &[&secret]].concat())
    }

    /// The same without users, as a STUN server with two addresses of this machine that answers from the other when asked to
    /// (RFC 5780): port 3478 of both, and 3479.
    ///
    /// # Errors
    /// As [`Coturn::start`].
    pub fn start_at_two([primary, alternate]: [Ipv4Addr; 2]) -> Result<Self> {
        let alternate = format!("--listening-ip={alternate}");
        let options = ["--no-tls", "--no-dtls", "--no-auth", "--alt-listening-port=3479", &alternate];
        Self::listening_at((primary, 3478).into(), &options)
    }

    /// The same with these options for transports instead, and time-limited credentials.
    ///
    /// # Errors
    /// As [`Coturn::start`].
    pub fn start_for_rest_users(options: &[&str]) -> Result<Self> {
        let secret = format!("--static-auth-secret={SECRET}");
        Self::start_with(&[&["--use-auth-secret", &secret], options].concat())
    }

    /// The same with these options for users and transports instead; the port is free for UDP and TCP.
    ///
    /// # Errors
    /// As [`Coturn::start`].
    pub fn start_with(options: &[&str]) -> Result<Self> {
        Self::listening_at((Ipv4Addr::LOCALHOST, free_port()?).into(), &[&["--allow-loopback-peers"], options].concat())
    }

    fn listening_at(addr: SocketAddr, options: &[&str]) -> Result<Self> {
        let data_dir = tempfile::tempdir()?;
        let mut command = Command::new("turnserver");
        command.args(["-n", "--no-cli", "--simple-log", "--log-file=stdout"]);
        command.args([format!("--listening-ip={}", addr.ip()), format!("--relay-ip={}", addr.ip())]);
        command.args([format!("--listening-port={}", addr.port()), "--realm=interop.test".to_owned()]);
        command.args(options);
        for (option, file) in [("pidfile", "coturn.pid"), ("userdb", "coturn.db")] {
            command.arg(format!("--{option}={}", data_dir.path().join(file).display()));
        }
        let program = Program::start(&mut command)?;
        // It holds its log back while it has little to say, so it is asked instead.
        wait_until("coturn to answer a Binding request", WAIT_MAX, || answers_binding(addr))
            .with_context(|| format!("coturn said:\n{}", program.output()))?;
        let service = TurnService { addr, secret: SECRET.to_owned() };
        Ok(Self { service, _program: program, _data_dir: data_dir })
    }

    /// Its address and secret.
    #[must_use]
    pub fn service(&self) -> &TurnService {
        &self.service
    }
}

const TIME_LIMITED_OVER_UDP: [&str; 4] = ["--no-tcp", "--no-tls", "--no-dtls", "--use-auth-secret"];

/// A port that was free a moment ago for UDP and for TCP.
fn free_port() -> Result<u16> {
    wait_until("a port free for UDP and TCP", WAIT_MAX, || {
        let port = free_udp_port()?;
        Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok().then_some(port))
    })
}

/// Whether a STUN Binding request (RFC 8489 §2) gets a success response soon.
fn answers_binding(server: SocketAddr) -> Result<Option<()>> {
    let socket = UdpSocket::bind((server.ip(), 0))?;
    socket.set_read_timeout(Some(Duration::from_millis(200)))?;
    // A connected socket hears of a closed port, and only from the server.
    socket.connect(server)?;
    let mut request = [0; 20];
    request[..8].copy_from_slice(&[0x00, 0x01, 0, 0, 0x21, 0x12, 0xa4, 0x42]);
    let mut answer = [0; 2];
    let answered = socket.send(&request).and_then(|_| socket.recv(&mut answer));
    Ok((answered.is_ok() && answer == [0x01, 0x01]).then_some(()))
}
