//! Two `sangam node` processes in a network that things happen to, and how long it takes until messages pass again.

use std::fmt;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::Signal;
use sangam_testkit::network::{Host, Impairment, Network, Place, SiteKind};
use sangam_testkit::{Program, Server, WAIT_MAX, http, sangam_binary, wait_until};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::turn_service::{SECRET, TurnService};

/// What happens to a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The signaling server is killed and started again.
    ServerRestart,
    /// The same while the link passes its relay.
    RelayRestart,
    /// One node's NAT gets another public address and forgets every mapping.
    Rebind,
    /// One node's network is silent for so long.
    Cut(Duration),
    /// One node is stopped and goes on after so long.
    Sleep(Duration),
    /// One node is killed and started again with its key.
    Crash,
    /// One node stops with a goodbye and starts again with its key.
    StopAndStart,
    /// One node's interface loses the address in use, and keeps another.
    AddressChange,
}

/// A network with a server and two linked nodes.
#[derive(Debug)]
pub struct TroubledPair {
    nodes: [NodeProgram; 2],
    places: [Ground; 2],
    server: Option<Server>,
    server_host: Host,
    network: Network,
    /// The highest number said so far.
    said: u64,
}

/// Where a node runs.
#[derive(Debug)]
enum Ground {
    Site(Place),
    Public(Host),
}

impl Ground {
    fn host(&self) -> &Host {
        match self {
            Self::Site(place) => place.host(),
            Self::Public(host) => host,
        }
    }
}

const SERVER: Ipv4Addr = Ipv4Addr::new(20, 0, 0, 1);
const FIRST: Ipv4Addr = Ipv4Addr::new(20, 1, 1, 1);
const SECOND: Ipv4Addr = Ipv4Addr::new(20, 1, 1, 9);
const API: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8000);
const TOPIC: &str = "returning";
/// How often something is said while it is waited for.
const SAY_EVERY: Duration = Duration::from_millis(100);
/// Longest for a link to return, as promised ten times over.
const RETURN_MAX: Duration = Duration::from_secs(100);

impl Trouble {
    /// Each, with waits as long as `cut` and `sleep`.
    #[must_use]
    pub fn all(cut: Duration, sleep: Duration) -> Vec<Self> {
        use Trouble::{AddressChange, Crash, Cut, Rebind, RelayRestart, ServerRestart, Sleep, StopAndStart};
        vec![ServerRestart, RelayRestart, Rebind, Cut(cut), Sleep(sleep), Crash, StopAndStart, AddressChange]
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ServerRestart => f.write_str("server restart"),
            Self::RelayRestart => f.write_str("relay restart"),
            Self::Rebind => f.write_str("NAT rebind"),
            Self::Cut(long) => write!(f, "cut, {} s", long.as_secs()),
            Self::Sleep(long) => write!(f, "sleep, {} s", long.as_secs()),
            Self::Crash => f.write_str("crash"),
            Self::StopAndStart => f.write_str("stop and start"),
            Self::AddressChange => f.write_str("address change"),
        }
    }
}

impl TroubledPair {
    /// Starts it all, and waits until messages pass both ways.
    ///
    /// # Errors
    /// Something does not start, or the nodes do not link.
    pub fn start(trouble: Trouble) -> Result<Self> {
        let network = Network::new()?;
        let server_host = network.host("server", &[SERVER.into()])?;
        let builder = Server::builder()
            .environment("TURN_AUTH_SECRET", SECRET)
            .argument("--roles=relay,signal")
            .set("relay.listen", &format!("{SERVER}:3478"))
            .set("relay.allow_peers", "10.0.0.0/8")
            .set("signal.listen", &format!("{SERVER}:8443"))
            .set("signal.open", "true")
            .set("signal.tls", "off");
        let server = server_host.inside(|| builder.start())?;
        let plain = Some(Impairment::default());
        let first = if trouble == Trouble::AddressChange {
            Ground::Public(network.host_over("a", &[FIRST.into(), SECOND.into()], plain)?)
        } else {
            Ground::Site(network.place("a", SiteKind::PortRestricted, 1, plain)?)
        };
        let places = [first, Ground::Site(network.place("b", SiteKind::PortRestricted, 2, plain)?)];
        let relay_only = trouble == Trouble::RelayRestart;
        let nodes = [
            NodeProgram::start(places[0].host(), tempfile::tempdir()?, relay_only)?,
            NodeProgram::start(places[1].host(), tempfile::tempdir()?, relay_only)?,
        ];
        let mut this = Self { nodes, places, server: Some(server), server_host, network, said: 0 };
        this.passes_both_ways(Instant::now())?;
        Ok(this)
    }

    /// Lets it happen, and tells how long after its end messages pass both ways again.
    ///
    /// # Errors
    /// They do not, in ten times as long as they should.
    pub fn returns(&mut self, trouble: Trouble) -> Result<Duration> {
        match trouble {
            Trouble::ServerRestart | Trouble::RelayRestart => self.restart_server()?,
            Trouble::Rebind => {
                let Ground::Site(place) = &mut self.places[0] else { bail!("no NAT") };
                self.network.rebind(place)?;
            }
            Trouble::Cut(long) => {
                let link = match &self.places[0] {
                    Ground::Site(place) => place.link(),
                    Ground::Public(host) => host.link(),
                };
                let link = link.context("no link to cut")?;
                link.cut();
                thread::sleep(long);
                link.heal();
            }
            Trouble::Sleep(long) => {
                self.nodes[0].program.signal(Signal::STOP)?;
                thread::sleep(long);
                self.nodes[0].program.signal(Signal::CONT)?;
            }
            Trouble::Crash => {
                self.nodes[0].program.signal(Signal::KILL)?;
                self.nodes[0].start_again(self.places[0].host())?;
            }
            Trouble::StopAndStart => {
                self.nodes[0].program.signal(Signal::TERM)?;
                self.nodes[0].start_again(self.places[0].host())?;
            }
            Trouble::AddressChange => {
                self.places[0].host().ip(&format!("address del {FIRST}/32 dev eth0"))?;
            }
        }
        self.passes_both_ways(Instant::now())
    }

    /// What the nodes and the server said.
    #[must_use]
    pub fn log(&self) -> String {
        let server = self.server.as_ref().map(Server::log).unwrap_or_default();
        let [a, b] = [0, 1].map(|at| self.nodes[at].program.output());
        format!("--- a\n{a}\n--- b\n{b}\n--- server\n{server}")
    }

    fn restart_server(&mut self) -> Result<()> {
        let server = self.server.take().context("there is no server")?;
        self.server = Some(self.server_host.inside(|| server.kill_and_replace())?);
        Ok(())
    }

    /// Until each has heard something that the other said after `since`.
    fn passes_both_ways(&mut self, since: Instant) -> Result<Duration> {
        let before = self.said;
        let limit = since + RETURN_MAX;
        while Instant::now() < limit {
            self.said += 1;
            for at in [0, 1] {
                // A node that is just starting takes nothing yet.
                self.nodes[at].say(self.places[at].host(), self.said).ok();
            }
            thread::sleep(SAY_EVERY);
            if self.nodes.iter().all(|node| node.heard() > before) {
                return Ok(since.elapsed());
            }
        }
        bail!("no messages for {} s\n{}", RETURN_MAX.as_secs(), self.log())
    }
}

/// A node that runs, and what it hears.
#[derive(Debug)]
struct NodeProgram {
    program: Program,
    home: TempDir,
    relay_only: bool,
    /// The highest number heard of the other.
    heard: Arc<Mutex<u64>>,
    is_over: Arc<AtomicBool>,
}

impl NodeProgram {
    fn start(host: &Host, home: TempDir, relay_only: bool) -> Result<Self> {
        let program = Self::run(host, &home, relay_only)?;
        let this = Self { program, home, relay_only, heard: Arc::default(), is_over: Arc::default() };
        this.listen(host)?;
        Ok(this)
    }

    fn run(host: &Host, home: &TempDir, relay_only: bool) -> Result<Program> {
        let (username, credential) =
            TurnService { addr: (SERVER, 3478).into(), secret: SECRET.to_owned() }.credentials()?;
        let relay = json!({ "urls": format!("turn:{SERVER}:3478"), "username": username, "credential": credential });
        let mut command = Command::new(sangam_binary()?);
        command.current_dir(home.path()).args([
            "node",
            "--json",
            "--no-mdns",
            "--listen",
            "127.0.0.1:8000",
            "--data-dir",
            "data",
        ]);
        command.args(["--signaling", &format!("ws://{SERVER}:8443/")]);
        if relay_only {
            command.arg("--relay-only");
        }
        command.env_clear().env("ICE_SERVERS_JSON", json!([relay]).to_string()).env("RUST_LOG", "debug");
        command.args(["--set", "log.level=debug"]);
        let mut program = host.inside(|| Program::start(&mut command))?;
        program.wait_for_line("its ready line", WAIT_MAX, |line| line.contains("\"ready\"").then_some(()))?;
        Ok(program)
    }

    fn start_again(&mut self, host: &Host) -> Result<()> {
        // It gives up its port first, and its data directory last.
        wait_until("the end of the node", WAIT_MAX, || Ok((!self.program.is_running()?).then_some(())))?;
        self.program = Self::run(host, &self.home, self.relay_only)?;
        self.is_over.store(true, Ordering::SeqCst);
        self.is_over = Arc::default();
        self.listen(host)
    }

    fn say(&self, host: &Host, number: u64) -> Result<()> {
        let body = json!({ "topic": TOPIC, "payload": number }).to_string();
        let headers = [("Content-Type", "application/json")];
        let answer = host.inside(|| http::send(API, "POST", "/api/v1/publish", &headers, &body))?;
        ensure!(answer.status == 200, "{answer:?}");
        Ok(())
    }

    fn heard(&self) -> u64 {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what it hears of the topic.
    fn listen(&self, host: &Host) -> Result<()> {
        let stream = host.inside(|| Ok(TcpStream::connect(API)?))?;
        let (heard, is_over) = (Arc::clone(&self.heard), Arc::clone(&self.is_over));
        write!(
            &stream,
            "GET /api/v1/messages?topic={TOPIC} HTTP/1.1\r\nHost: {API}\r\nAccept: text/event-stream\r\n\r\n"
        )?;
        let mut lines = BufReader::new(stream);
        let mut status = String::new();
        lines.read_line(&mut status)?;
        ensure!(status.contains(" 200 "), "{status}");
        thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                if is_over.load(Ordering::SeqCst) {
                    return;
                }
                let message = line.strip_prefix("data: ").or_else(|| line.strip_prefix("data:"));
                let message: Option<Value> = message.and_then(|text| serde_json::from_str(text).ok());
                if let Some(number) = message.and_then(|message| message["payload"].as_u64()) {
                    let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
                    *heard = number.max(*heard);
                }
            }
        });
        Ok(())
    }
}
