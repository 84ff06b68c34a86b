use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use sangam_testkit::{Program, WAIT_MAX, wait_until};

use crate::turn_service::TurnService;
use crate::udp_port_pair::UdpPortPair;

/// coturn's echo server for relayed data.
#[derive(Debug)]
pub struct EchoPeer {
    addr: SocketAddr,
    _program: Program,
    _ports: UdpPortPair,
}

impl EchoPeer {
    /// Starts it on loopback and waits until it is heard.
    ///
    /// # Errors
    /// It is not installed.
    pub fn start() -> Result<Self> {
        Self::start_at(Ipv4Addr::LOCALHOST.into())
    }

    /// The same at another address of this machine, of either family. It takes the port above its own too.
    ///
    /// # Errors
    /// It is not installed.
    pub fn start_at(ip: IpAddr) -> Result<Self> {
        let ports = UdpPortPair::hold(ip)?;
        let addr = SocketAddr::new(ip, ports.first());
        let mut command = Command::new("turnutils_peer");
        command.args(["-L", &ip.to_string(), "-p", &addr.port().to_string()]);
        let program = Program::start(&mut command)?;
        wait_until("the echo server to answer", WAIT_MAX, || answers(addr))
            .with_context(|| format!("turnutils_peer said:\n{}", program.output()))?;
        Ok(Self { addr, _program: program, _ports: ports })
    }
}

/// Whether a datagram to it comes back soon.
fn answers(addr: SocketAddr) -> Result<Option<()>> {
    let socket = UdpSocket::bind((addr.ip(), 0))?;
    socket.set_read_timeout(Some(Duration::from_millis(200)))?;
    socket.connect(addr)?;
    let mut answer = [0; 4];
    let answered = socket.send(b"echo").and_then(|_| socket.recv(&mut answer));
    Ok((answered.is_ok() && answer == *b"echo").then_some(()))
}

/// Where the data of `turnutils_uclient` goes.
#[derive(Debug)]
pub enum Way<'a> {
    /// To an echo server and back.
    Echo(&'a EchoPeer),
    /// The same with a second allocation beside each, on the odd port above the even one (EVEN-PORT and its reservation).
    EchoWithTwins(&'a EchoPeer),
    /// From one relayed address to another on the same server.
    ClientToClient,
}

/// What `turnutils_uclient` says at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Messages sent by all clients.
    pub sent: u64,
    /// Messages that came back or arrived.
    pub received: u64,
    /// By its own count.
    pub lost: u64,
}

const LIMIT: Duration = Duration::from_secs(90);

/// Runs `turnutils_uclient` with `clients` clients of `messages` messages each, 160 bytes long, 5 ms apart, through
/// channels or through Send indications.
///
/// # Errors
/// It fails or says nothing that can be understood: the message holds its output.
pub fn run_uclient(
    service: &TurnService,
    way: &Way<'_>,
    flags: &[&str],
    clients: u64,
    messages: u64,
) -> Result<Report> {
    let login = ["-u", "interop", "-W", &service.secret];
    run_to_end(uclient(service.addr, login, way, flags, clients, messages))
}

/// The same, started and not waited for: for clients that never end by themselves.
///
/// # Errors
/// It is not installed.
pub fn start_uclient(
    service: &TurnService,
    way: &Way<'_>,
    flags: &[&str],
    clients: u64,
    messages: u64,
) -> Result<Program> {
    let login = ["-u", "interop", "-W", &service.secret];
    Program::start(&mut uclient(service.addr, login, way, flags, clients, messages))
}

/// As [`run_uclient`], as a long-term user.
///
/// # Errors
/// As [`run_uclient`].
pub fn run_uclient_as_user(
    relay: SocketAddr,
    (name, password): (&str, &str),
    way: &Way<'_>,
    clients: u64,
    messages: u64,
) -> Result<Report> {
    run_to_end(uclient(relay, ["-u", name, "-w", password], way, &[], clients, messages))
}

fn run_to_end(mut command: Command) -> Result<Report> {
    let ended = Program::start(&mut command)?.wait(LIMIT)?;
    ensure!(ended.status.success(), "turnutils_uclient ended with {}:\n{}", ended.status, ended.output);
    parse_report(&ended.output).with_context(|| format!("turnutils_uclient said:\n{}", ended.output))
}

fn uclient(relay: SocketAddr, login: [&str; 4], way: &Way<'_>, flags: &[&str], clients: u64, messages: u64) -> Command {
    let mut command = Command::new("turnutils_uclient");
    command.args(["-l", "160", "-z", "5"]).args(login);
    command.args(["-m", &clients.to_string(), "-n", &messages.to_string()]).args(flags);
    match way {
        Way::Echo(peer) => command.args(["-c", "-e", &peer.addr.ip().to_string(), "-r", &peer.addr.port().to_string()]),
        Way::EchoWithTwins(peer) => {
            command.args(["-e", &peer.addr.ip().to_string(), "-r", &peer.addr.port().to_string()])
        }
        Way::ClientToClient => command.args(["-c", "-y"]),
    };
    command.args(["-p", &relay.port().to_string(), &relay.ip().to_string()]);
    command
}

/// Reads the end of what `turnutils_uclient` has printed; none if it did not get that far.
#[must_use]
pub fn parse_report(output: &str) -> Option<Report> {
    let totals = output.lines().rfind(|line| line.contains("tot_recv_msgs=") && !line.contains("msz="))?;
    Some(Report {
        sent: number_after(totals, "tot_send_msgs=")?,
        received: number_after(totals, "tot_recv_msgs=")?,
        lost: number_after(output, "Total lost packets ")?,
    })
}

fn number_after(text: &str, mark: &str) -> Option<u64> {
    let (_, rest) = text.split_once(mark)?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_read_from_the_end_of_the_output() {
        let output = "\
            4: : start_mclient: msz=4, tot_send_msgs=150, tot_recv_msgs=149, tot_send_bytes ~ 24000\n\
            5: : start_mclient: tot_send_msgs=200, tot_recv_msgs=198\n\
            5: : Total lost packets 2 (1.000000%), total send dropped 0 (0.000000%)\n";
        assert_eq!(parse_report(output), Some(Report { sent: 200, received: 198, lost: 2 }));
        assert_eq!(parse_report("0: : ERROR: Cannot complete Allocation\n"), None);
    }
}
