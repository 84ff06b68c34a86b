use std::io::BufRead as _;
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result};
use sangam_bench_common::outcome;
use sangam_mesh_node::endpoint::{Endpoint, EndpointOptions, Woken};
use sangam_mesh_node::webrtc::{LinkEvent, LinkOptions, Links, LinksOutput};
use sangam_mesh_proto::{LinkId, LinkState};
use tokio::sync::mpsc;
use tokio::time::sleep_until;

use crate::line::{Order, Said};

/// As the node's engine has it: one task, an endpoint, all links.
struct End {
    endpoint: Endpoint,
    links: Links,
    due: Option<Instant>,
    received: u64,
    sending: Option<(LinkId, Vec<u8>)>,
}

/// As many as the node takes in one turn.
const PACKETS_PER_TURN: usize = 256;
const ORDERS_MAX: usize = 64;

/// Takes orders until there are no more.
pub(crate) fn run() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (sender, orders) = mpsc::channel(ORDERS_MAX);
    thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            match serde_json::from_str(&line) {
                Ok(order) => {
                    if sender.blocking_send(order).is_err() {
                        return;
                    }
                }
                Err(error) => eprintln!("no order: {error}"),
            }
        }
    });
    runtime.block_on(async {
        let endpoint = Endpoint::start(EndpointOptions::default()).await?;
        let links = Links::new(LinkOptions::default()).context("no certificate")?;
        outcome::print(&Said::Ready)?;
        End { endpoint, links, due: None, received: 0, sending: None }.run(orders).await
    })
}

impl End {
    async fn run(mut self, mut orders: mpsc::Receiver<Order>) -> Result<()> {
        loop {
            self.settle()?;
            let due = self.due;
            let timer = async {
                match due {
                    Some(at) => sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                woken = self.endpoint.wait() => self.on_woken(woken),
                order = orders.recv() => match order {
                    Some(order) => self.obey(order)?,
                    None => return Ok(()),
                },
                () = timer => self.links.handle_timeout(Instant::now()),
            }
        }
    }

    fn on_woken(&mut self, woken: Woken) {
        if woken == Woken::Packets {
            let (links, now) = (&mut self.links, Instant::now());
            self.endpoint.drain(PACKETS_PER_TURN, &mut |packet| {
                links.handle_packet(packet.local, packet.from, packet.protocol, packet.bytes, now);
            });
        }
    }

    fn obey(&mut self, order: Order) -> Result<()> {
        let (now, locals) = (Instant::now(), self.endpoint.candidates());
        match order {
            Order::Offer { link } => {
                let sdp = self.links.offer(LinkId(link), "bench", &locals, now)?;
                outcome::print(&Said::Described { link, sdp })
            }
            Order::Answer { link, sdp } => {
                let sdp = self.links.answer(LinkId(link), &sdp, &locals, now)?;
                outcome::print(&Said::Described { link, sdp })
            }
            Order::Accept { link, sdp } => Ok(self.links.accept(LinkId(link), &sdp, now)?),
            Order::Send { link, message_bytes } => {
                self.sending = Some((LinkId(link), vec![7; message_bytes]));
                self.send();
                Ok(())
            }
            Order::Count => outcome::print(&Said::Counted { bytes: self.received }),
            Order::Close { link } => {
                self.links.close(LinkId(link), now);
                outcome::print(&Said::Closed { link })
            }
        }
    }

    /// Until the link is full; it tells when there is room again.
    fn send(&mut self) {
        let Some((link, message)) = &self.sending else { return };
        while self.links.send(*link, true, message).is_ok() {}
    }

    fn settle(&mut self) -> Result<()> {
        loop {
            match self.links.poll(Instant::now()) {
                LinksOutput::Transmit { local, to, bytes } => self.endpoint.queue(local, to, bytes),
                LinksOutput::Event(link, event) => self.on_event(link, event)?,
                LinksOutput::Wait(at) => {
                    self.endpoint.flush();
                    self.due = at;
                    return Ok(());
                }
            }
        }
    }

    fn on_event(&mut self, link: LinkId, event: LinkEvent) -> Result<()> {
        match event {
            LinkEvent::Opened { .. } => outcome::print(&Said::Opened { link: link.0 }),
            LinkEvent::Message(frame) => {
                self.received += frame.bytes.len() as u64;
                Ok(())
            }
            LinkEvent::Room(_) => {
                self.send();
                Ok(())
            }
            LinkEvent::State(LinkState::Closed(why)) if self.sending.is_some() || self.received > 0 => {
                outcome::print(&Said::Lost { link: link.0, why: format!("{why:?}") })
            }
            LinkEvent::State(_) | LinkEvent::Pair(_) | LinkEvent::RemoteCandidates(_) => Ok(()),
        }
    }
}
