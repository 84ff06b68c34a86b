//! What one link carries at a round trip, and what it costs: two nodes in one process, joined by a delay, in simulated time.
//!
//! `cargo run --release --example link_throughput [MEGABYTES]` prints for each round trip and window (bytes on the way) the rate
//! that the protocol reaches, as if packets cost no time, and the processor time both sides together need per gigabyte.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use sangam_mesh_node::endpoint::LocalCandidate;
use sangam_mesh_node::webrtc::{LinkEvent, LinkOptions, Links, LinksOutput};
use sangam_mesh_proto::{CandidateKind, LinkId, PathProtocol};

type Failed = Box<dyn std::error::Error>;

const LINK: LinkId = LinkId(1);
const MESSAGE: [u8; 16 * 1024] = [7; 16 * 1024];

struct Side {
    links: Links,
    base: SocketAddr,
    /// On the way to it.
    coming: VecDeque<(Instant, SocketAddr, Vec<u8>)>,
    wait: Option<Instant>,
    received: usize,
    open: bool,
}

struct Pair {
    sides: [Side; 2],
    delay: Duration,
    now: Instant,
}

impl Side {
    fn new(address: &str, options: LinkOptions) -> Result<Self, Failed> {
        let links = Links::new(options)?;
        let base = address.parse()?;
        Ok(Self { links, base, coming: VecDeque::new(), wait: None, received: 0, open: false })
    }

    fn local(&self) -> LocalCandidate {
        let (address, base) = (self.base, self.base);
        LocalCandidate { kind: CandidateKind::Host, address, base, protocol: PathProtocol::Udp, server: None }
    }
}

impl Pair {
    fn new(round_trip: Duration, options: &LinkOptions) -> Result<Self, Failed> {
        let mut sides =
            [Side::new("198.51.100.1:1000", options.clone())?, Side::new("198.51.100.2:1000", options.clone())?];
        let now = Instant::now();
        let (first, second) = (sides[0].local(), sides[1].local());
        let offer = sides[0].links.offer(LINK, "bench", &[first], now)?;
        let answer = sides[1].links.answer(LINK, &offer, &[second], now)?;
        sides[0].links.accept(LINK, &answer, now)?;
        Ok(Self { sides, delay: round_trip / 2, now })
    }

    fn poll(&mut self, index: usize) {
        loop {
            match self.sides[index].links.poll(self.now) {
                LinksOutput::Transmit { bytes, .. } => {
                    let from = self.sides[index].base;
                    self.sides[1 - index].coming.push_back((self.now + self.delay, from, bytes));
                }
                LinksOutput::Event(_, LinkEvent::Message(frame)) => self.sides[index].received += frame.bytes.len(),
                LinksOutput::Event(_, LinkEvent::Opened { .. }) => self.sides[index].open = true,
                LinksOutput::Event(..) => {}
                LinksOutput::Wait(until) => return self.sides[index].wait = until,
            }
        }
    }

    fn step(&mut self) {
        self.poll(0);
        self.poll(1);
        let moments = self.sides.iter().flat_map(|side| [side.wait, side.coming.front().map(|(at, ..)| *at)]);
        self.now = moments.flatten().min().unwrap_or(self.now).max(self.now);
        for index in 0..2 {
            let side = &mut self.sides[index];
            while let Some((_, from, bytes)) = side.coming.pop_front_if(|(at, ..)| *at <= self.now) {
                side.links.handle_packet(side.base, from, PathProtocol::Udp, &bytes, self.now);
            }
            side.links.handle_timeout(self.now);
        }
    }

    fn carry(&mut self, bytes: usize) -> Duration {
        let (start, goal) = (self.now, self.sides[1].received + bytes);
        while self.sides[1].received < goal {
            while self.sides[0].links.send(LINK, true, &MESSAGE).is_ok() {}
            self.step();
        }
        self.now - start
    }
}

/// Of this process, so far.
fn processor_time() -> Result<Duration, Failed> {
    let stat = std::fs::read_to_string("/proc/self/schedstat")?;
    let nanoseconds = stat.split_ascii_whitespace().next().ok_or("no schedstat")?.parse()?;
    Ok(Duration::from_nanos(nanoseconds))
}

fn main() -> Result<(), Failed> {
    let megabytes: usize = std::env::args().nth(1).map_or(Ok(32), |text| text.parse())?;
    println!("round trip ms | window KiB | Mbit/s | CPU s/GB");
    for milliseconds in [0, 20, 100] {
        for window in [Some(64), Some(256), Some(1024), None] {
            let mut options = LinkOptions::default();
            if let Some(kibibytes) = window {
                (options.window_bytes_min, options.window_bytes_max) = (kibibytes * 1024, kibibytes * 1024);
            }
            let mut pair = Pair::new(Duration::from_micros(milliseconds * 1000 + 200), &options)?;
            while !pair.sides[0].open || !pair.sides[1].open {
                pair.step();
            }
            // Past slow start, and until the round trip is known.
            pair.carry(4_000_000);
            let before = processor_time()?;
            let took = pair.carry(megabytes * 1_000_000);
            let cost = (processor_time()? - before).as_secs_f64() * 1000.0 / megabytes as f64;
            let rate = megabytes as f64 * 8.0 / took.as_secs_f64();
            let name = window.map_or("by path".to_owned(), |kibibytes| kibibytes.to_string());
            println!("{milliseconds:>13} | {name:>10} | {rate:>6.0} | {cost:>8.1}");
        }
    }
    Ok(())
}
