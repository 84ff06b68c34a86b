//! A link that delays, loses and reorders, in userspace: kernels without `netem` can do it too.
//!
//! ```text
//!   machine ── eth0 ─┬─ inner ─┐          ┌─ outer ─┬─ router
//!                   veth     packets ══ thread ══ packets   veth
//! ```
//!
//! The ends are two namespaces that forward nothing themselves. Whatever IP packet one of them receives, the thread sends
//! from the other one, later.

mod checksum;
mod delay_line;
mod end;

use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::Result;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use self::delay_line::{DelayLine, Fate};
use self::end::End;
use super::namespace::Namespace;

/// What a link does to the packets of each direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Impairment {
    /// Added to each packet's way: half of what it adds to the round trip.
    pub delay: Duration,
    /// Added on top, evenly spread from nothing to this; packets overtake each other.
    pub jitter: Duration,
    /// The part of the packets that is lost: 0 none, 1 all.
    pub loss: f64,
    /// What decides on loss and jitter: the n-th packet of a direction has the same fate in each run.
    pub seed: u64,
    /// What may be on the way at once; a packet beyond it is lost.
    pub queue_bytes_max: usize,
}

impl Default for Impairment {
    /// None at all.
    fn default() -> Self {
        Self { delay: Duration::ZERO, jitter: Duration::ZERO, loss: 0.0, seed: 0, queue_bytes_max: 16 << 20 }
    }
}

/// A link between a machine and its router that does to packets what its [`Impairment`] says. It ends when dropped.
#[derive(Debug)]
pub struct Link {
    shared: Arc<Shared>,
    /// Closing it ends the thread.
    wake: Option<UnixStream>,
    thread: Option<JoinHandle<()>>,
    _ends: [Namespace; 2],
}

/// What a link has done so far, both directions together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkFigures {
    /// Packets that came out at the other end.
    pub passed: u64,
    /// Packets lost as asked, or while it was cut.
    pub lost: u64,
    /// Packets lost because too many were on the way.
    pub overflowed: u64,
}

#[derive(Debug, Default)]
struct Shared {
    is_cut: AtomicBool,
    passed: AtomicU64,
    lost: AtomicU64,
    overflowed: AtomicU64,
}

/// Packets taken from an end before the other one has its turn.
const BURST: usize = 64;
/// More than any packet of a link with an MTU of 1500, and than any that was not cut to it.
const PACKET_BYTES_MAX: usize = 65_536;

impl Link {
    /// Passes packets between two namespaces whose interfaces are there, or will be.
    pub(super) fn start(inner: Namespace, outer: Namespace, impairment: Impairment) -> Result<Self> {
        let shared = Arc::<Shared>::default();
        let ends = [inner.inside(End::open)?, outer.inside(End::open)?];
        let (wake, woken) = UnixStream::pair()?;
        let mut carrier = Carrier {
            lines: [DelayLine::new(impairment, 0), DelayLine::new(impairment, 1)],
            ends,
            shared: Arc::clone(&shared),
            buffer: vec![0; PACKET_BYTES_MAX],
        };
        let thread = thread::Builder::new().name("link".into()).spawn(move || carrier.run(&woken))?;
        Ok(Self { shared, wake: Some(wake), thread: Some(thread), _ends: [inner, outer] })
    }

    /// Loses every packet from now on, those on the way too, without a word to anybody.
    pub fn cut(&self) {
        self.set_cut(true);
    }

    /// Ends a [`Link::cut`].
    pub fn heal(&self) {
        self.set_cut(false);
    }

    /// What it has done so far.
    #[must_use]
    pub fn figures(&self) -> LinkFigures {
        let Shared { passed, lost, overflowed, .. } = &*self.shared;
        let [passed, lost, overflowed] = [passed, lost, overflowed].map(|it| it.load(Ordering::Relaxed));
        LinkFigures { passed, lost, overflowed }
    }

    fn set_cut(&self, is_cut: bool) {
        self.shared.is_cut.store(is_cut, Ordering::SeqCst);
        if let Some(mut wake) = self.wake.as_ref() {
            // Its thread looks at it with every packet anyway.
            wake.write_all(&[0]).ok();
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            eprintln!("the thread of a link has panicked");
        }
    }
}

/// What the thread of a link works with. Line 0 leads from end 0 to end 1, line 1 back.
struct Carrier {
    lines: [DelayLine; 2],
    ends: [End; 2],
    shared: Arc<Shared>,
    buffer: Vec<u8>,
}

impl Carrier {
    fn run(&mut self, woken: &UnixStream) {
        while self.wait(woken) {
            for from in [0, 1] {
                self.take_in(from);
            }
            for from in [0, 1] {
                self.let_out(from);
            }
        }
    }

    /// Until a packet has come or is due; false once the link has ended.
    fn wait(&self, woken: &UnixStream) -> bool {
        let now = Instant::now();
        let due = self.lines.iter().filter_map(|line| line.wait(now)).min();
        let due = due.and_then(|wait| Timespec::try_from(wait).ok());
        let [[a, b], [c, d]] = [self.ends[0].heard(), self.ends[1].heard()];
        let mut watched = [woken.as_fd(), a, b, c, d].map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN));
        if poll(&mut watched, due.as_ref()).is_err() {
            // A signal.
            return true;
        }
        let news = watched[0].revents();
        if news.contains(PollFlags::IN) {
            // A cut or its end. The end of the link is told by a hang-up, and nothing is left to read then.
            return matches!(rustix::io::read(woken, &mut [0; 16]), Ok(1..));
        }
        !news.contains(PollFlags::HUP)
    }

    fn take_in(&mut self, from: usize) {
        for _ in 0..BURST {
            let Some(length) = self.ends[from].receive(&mut self.buffer) else { return };
            let fate = if self.shared.is_cut.load(Ordering::SeqCst) {
                Fate::Lost
            } else {
                self.lines[from].push(Instant::now(), self.buffer[..length].to_vec())
            };
            match fate {
                Fate::Queued => {}
                Fate::Lost => count(&self.shared.lost, 1),
                Fate::Overflowed => count(&self.shared.overflowed, 1),
            }
        }
    }

    fn let_out(&mut self, from: usize) {
        if self.shared.is_cut.load(Ordering::SeqCst) {
            count(&self.shared.lost, self.lines[from].clear());
        }
        while let Some(mut packet) = self.lines[from].pop(Instant::now()) {
            checksum::complete(&mut packet);
            self.ends[1 - from].send(&packet);
            count(&self.shared.passed, 1);
        }
    }
}

fn count(counter: &AtomicU64, packets: usize) {
    counter.fetch_add(u64::try_from(packets).unwrap_or(u64::MAX), Ordering::Relaxed);
}
