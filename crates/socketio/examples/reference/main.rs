//! The reference application: what the conformance suite and the benches speak to, as they do to Node's socket.io.
//!
//! Prints `listening http://127.0.0.1:PORT` and serves until SIGTERM.

mod application;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::{Parser, ValueEnum};
use sangam_net::http::HttpOptions;
use sangam_net::{FrontOptions, LiveRules, TcpFront, Tls};
use sangam_socketio::engine::{Clock, CorsPolicy, Engine, EngineOptions};
use sangam_socketio::{ClientBundle, ConnectionOptions, Limits, Options, RecoveryOptions, Server, SocketIo};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use application::Reference;

#[derive(Parser)]
struct Flags {
    /// Milliseconds between pings.
    #[arg(long, default_value_t = 300)]
    ping_interval: u64,
    /// Milliseconds for a pong.
    #[arg(long, default_value_t = 200)]
    ping_timeout: u64,
    /// Bytes of one message or request.
    #[arg(long, default_value_t = 1_000_000)]
    max_payload: usize,
    /// Milliseconds until the first namespace is entered.
    #[arg(long, default_value_t = 1_000)]
    connect_timeout: u64,
    /// Milliseconds a client may be away; 0: no recovery.
    #[arg(long, default_value_t = 0)]
    recovery: u64,
    /// How packets are written.
    #[arg(long, value_enum, default_value_t = PacketParser::Default)]
    parser: PacketParser,
    /// Where it is served.
    #[arg(long, default_value = "/socket.io/")]
    path: String,
    /// The port on loopback; 0: any.
    #[arg(long, default_value_t = 0)]
    port: u16,
}

#[derive(Clone, Copy, ValueEnum)]
enum PacketParser {
    Default,
    Msgpack,
}

impl Flags {
    fn options(&self) -> Options {
        let recovery = (self.recovery > 0)
            .then(|| RecoveryOptions { window: Duration::from_millis(self.recovery), ..RecoveryOptions::default() });
        let connect_timeout = Duration::from_millis(self.connect_timeout);
        // As far as a suite goes that was made for a server without these bounds.
        let limits = Limits { namespace_bytes_max: 1_024, ..Limits::default() };
        Options {
            parser: match self.parser {
                PacketParser::Default => sangam_socketio::Parser::Json,
                PacketParser::Msgpack => sangam_socketio::Parser::MessagePack,
            },
            connection: ConnectionOptions { connect_timeout, limits, ..ConnectionOptions::default() },
            recovery,
            rooms_max: 1_024,
            outbox_bytes_max: 16 << 20,
        }
    }

    /// One client may do what a suite or a bench does from one address.
    fn engine_options(&self) -> EngineOptions {
        let session = sangam_engineio_proto::Options {
            ping_interval: Duration::from_millis(self.ping_interval),
            ping_timeout: Duration::from_millis(self.ping_timeout),
            payload_bytes_max: self.max_payload,
            ..sangam_engineio_proto::Options::default()
        };
        EngineOptions {
            session,
            sessions_per_address_max: 65_536,
            openings_per_sec: 100_000,
            openings_burst: 100_000,
            messages_per_sec: 1_000_000,
            messages_burst: 1_000_000,
            // As Node's server is when nothing about origins is configured.
            cors: CorsPolicy::Off,
            ..EngineOptions::default()
        }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let flags = Flags::parse();
    let mut ended = signal(SignalKind::terminate()).context("SIGTERM cannot be awaited")?;
    let server = Server::new(flags.options(), None);
    let io = SocketIo::new(Arc::new(Reference), server);
    let expiry = tokio::spawn(io.expiry());
    let engine = Engine::new(flags.engine_options(), io, Clock::since(Instant::now()));
    let options =
        FrontOptions { connections_max: 65_536, connections_per_address_max: 65_536, ..FrontOptions::default() };
    let addr = SocketAddr::from(([127, 0, 0, 1], flags.port));
    let front = TcpFront::bind(addr, Tls::Off, options, LiveRules::default())?;
    let router = engine.router(&flags.path).merge(ClientBundle::embedded().router(&flags.path));
    let (addr, stop) = (front.local_addr(), CancellationToken::new());
    let serving = tokio::spawn(sangam_net::http::serve(front, router, HttpOptions::default(), stop.clone()));
    println!("listening http://{addr}");
    ended.recv().await;
    engine.drain("the server stops").await;
    stop.cancel();
    serving.await.context("serving failed")?;
    expiry.abort();
    Ok(())
}
