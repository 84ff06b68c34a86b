//! One link with whatever speaks WebRTC at the other end of standard input and output.
//!
//! `echo_link offer ADDRESS` writes an offer, reads an answer; `echo_link answer ADDRESS` the other way round. Descriptions are
//! JSON strings, one a line. Then it sends back every message, says on standard error what happens, and ends with the link.

use std::io::{BufRead, Write};
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use sangam_mesh_node::endpoint::LocalCandidate;
use sangam_mesh_node::webrtc::{LinkEvent, LinkOptions, Links, LinksOutput, with_end_of_candidates};
use sangam_mesh_proto::{CandidateKind, LinkId, LinkState, PathProtocol};

type Failed = Box<dyn std::error::Error>;

const LINK: LinkId = LinkId(1);

fn main() -> Result<(), Failed> {
    let mut arguments = std::env::args().skip(1);
    let (Some(role), Some(address)) = (arguments.next(), arguments.next()) else {
        return Err("usage: echo_link offer|answer ADDRESS".into());
    };
    let socket = UdpSocket::bind((address.as_str(), 0))?;
    let base = socket.local_addr()?;
    let local =
        LocalCandidate { kind: CandidateKind::Host, address: base, base, protocol: PathProtocol::Udp, server: None };
    let mut links = Links::new(LinkOptions::default())?;
    if role == "offer" {
        let offer = links.offer(LINK, "echo", &[local], Instant::now())?;
        tell(&with_end_of_candidates(&offer))?;
        links.accept(LINK, &hear()?, Instant::now())?;
    } else {
        let answer = links.answer(LINK, &hear()?, &[local], Instant::now())?;
        tell(&with_end_of_candidates(&answer))?;
    }
    run(&mut links, &socket, base)
}

fn tell(sdp: &str) -> Result<(), Failed> {
    let mut out = std::io::stdout();
    writeln!(out, "{}", serde_json::to_string(sdp)?)?;
    Ok(out.flush()?)
}

fn hear() -> Result<String, Failed> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(serde_json::from_str(&line)?)
}

fn run(links: &mut Links, socket: &UdpSocket, base: SocketAddr) -> Result<(), Failed> {
    let mut buffer = [0; 2048];
    loop {
        let wait = loop {
            match links.poll(Instant::now()) {
                LinksOutput::Transmit { to, bytes, .. } => drop(socket.send_to(&bytes, to)),
                LinksOutput::Event(_, LinkEvent::Message(frame)) => links.send(LINK, frame.binary, &frame.bytes)?,
                LinksOutput::Event(_, event) => {
                    eprintln!("{event:?}");
                    if let LinkEvent::State(LinkState::Closed(_)) = event {
                        return Ok(());
                    }
                }
                LinksOutput::Wait(until) => break until,
            }
        };
        let pause = wait.map_or(Duration::from_secs(1), |until| until.saturating_duration_since(Instant::now()));
        socket.set_read_timeout(Some(pause.max(Duration::from_millis(1))))?;
        if let Ok((bytes, from)) = socket.recv_from(&mut buffer) {
            links.handle_packet(base, from, PathProtocol::Udp, &buffer[..bytes], Instant::now());
        }
        links.handle_timeout(Instant::now());
    }
}
