use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use sangam_types::Mono;
use sangam_usp_proto::record::{PayloadSecurity, SessionContext};
use sangam_usp_proto::session::{Session, SessionOptions, SessionOutput};
use sangam_usp_proto::{ErrorCode, Jitter};

/// How a network treats records, in hundredths of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    pub(crate) loss: u64,
    pub(crate) doubling: u64,
    /// A record takes up to so many milliseconds: they overtake each other.
    pub(crate) delay_ms: u64,
}

/// Two ends with a network between. What happens depends on the seed alone.
pub(crate) struct Pair {
    pub(crate) ends: [Session; 2],
    pub(crate) now: Mono,
    pub(crate) came: [Vec<Bytes>; 2],
    pub(crate) restarts: usize,
    pub(crate) disconnects: Vec<ErrorCode>,
    weather: Weather,
    dice: Jitter,
    flying: BTreeMap<(Mono, u64), (usize, SessionContext)>,
    count: u64,
}

impl Pair {
    pub(crate) fn new(options: &SessionOptions, weather: Weather, seed: u64) -> Self {
        Self {
            ends: [Session::new(options.clone(), 100), Session::new(options.clone(), 200)],
            now: Mono::ZERO,
            came: [Vec::new(), Vec::new()],
            restarts: 0,
            disconnects: Vec::new(),
            weather,
            dice: Jitter::new(seed),
            flying: BTreeMap::new(),
            count: 0,
        }
    }

    pub(crate) fn send(&mut self, from: usize, message: Bytes) {
        self.ends[from].send(self.now, &message).expect("it fits");
        self.drain(from);
    }

    /// Lets everything that flies land and every timer run out, until nothing is left to do or `limit` has passed.
    pub(crate) fn run(&mut self, limit: Duration) {
        let end = self.now + limit;
        loop {
            let timers = [0, 1].map(|end| self.drain(end));
            let flight = self.flying.keys().next().map(|(at, _)| *at);
            let Some(next) = timers.into_iter().flatten().chain(flight).min() else { return };
            if next > end {
                return;
            }
            self.now = self.now.max(next);
            if flight.is_some_and(|at| at <= self.now) {
                let (_, (to, record)) = self.flying.pop_first().expect("one is there");
                self.ends[to].handle_record(self.now, PayloadSecurity::Plaintext, record);
            } else {
                self.ends.iter_mut().for_each(|end| end.handle_timeout(self.now));
            }
        }
    }

    fn drain(&mut self, end: usize) -> Option<Mono> {
        loop {
            match self.ends[end].poll_output() {
                SessionOutput::Transmit(record) => self.fly(1 - end, record),
                SessionOutput::Message(message) => self.came[end].push(message),
                SessionOutput::Restarted { reason, .. } => {
                    println!("{:?} end {end}: {reason:?}", self.now);
                    self.restarts += 1;
                }
                SessionOutput::Disconnect(code) => self.disconnects.push(code),
                SessionOutput::Wait(deadline) => return deadline,
            }
        }
    }

    fn fly(&mut self, to: usize, record: SessionContext) {
        let copies = 1 + usize::from(self.dice.next_u64() % 100 < self.weather.doubling);
        for _ in 0..copies {
            if self.dice.next_u64() % 100 < self.weather.loss {
                continue;
            }
            let delay = Duration::from_millis(1 + self.dice.next_u64() % self.weather.delay_ms.max(1));
            self.count += 1;
            self.flying.insert((self.now + delay, self.count), (to, record.clone()));
        }
    }
}
