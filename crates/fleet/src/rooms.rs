//! The scenario: participants come in one by one, chat, are cut off together now and then, and go.

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, timeout};

use crate::connection::{FleetError, Trust};
use crate::fleet::Fleet;
use crate::message::Kind;
use crate::options::RoomsOptions;
use crate::participant::{Order, Participant};
use crate::report::RoomsReport;
use crate::statistics::MemberId;

/// How far a fleet is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// What is being done.
    pub phase: &'static str,
    /// Since the start.
    pub elapsed: Duration,
    /// How long it takes in all, without what has to be waited for at the end.
    pub total: Duration,
    /// Participants that are in their rooms.
    pub joined: usize,
    /// Participants that are to be.
    pub participants: u64,
    /// Messages.
    pub sent: u64,
    /// Deliveries of them.
    pub delivered: u64,
    /// Deliveries that are owed.
    pub outstanding: u64,
}

/// How often the fleet looks what is due.
const TICK: Duration = Duration::from_millis(20);
/// Orders that a participant has not got to; more are not given.
const ORDERS_MAX: usize = 16;
/// For all to have said that they go.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(5);
/// What is said in rooms, in turn.
const CHATTER: [Kind; 4] = [Kind::Verse, Kind::Candidate, Kind::Queue, Kind::Timer];

/// Runs a fleet to its end; `progress` is told several times a second.
///
/// # Errors
/// It could not start: senseless options, a name that does not resolve, a URL of another scheme. A server that refuses, or is
/// down, is a report whose answer is no.
pub async fn simulate_rooms(
    options: RoomsOptions,
    trust: &Trust,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<RoomsReport, FleetError> {
    let fleet = Arc::new(Fleet::new(options, trust).await?);
    let mut scenario = Scenario {
        began: Instant::now(),
        orders: Vec::new(),
        participants: JoinSet::new(),
        said: 0,
        told_at: Instant::now(),
        fleet,
        progress,
    };
    scenario.run().await;
    let absent = scenario.settle().await;
    scenario.leave().await;
    let took = scenario.began.elapsed();
    Ok(RoomsReport::of(&scenario.fleet.options, &scenario.fleet.statistics(), absent, took))
}

struct Scenario<'a> {
    fleet: Arc<Fleet>,
    began: Instant,
    orders: Vec<mpsc::Sender<Order>>,
    participants: JoinSet<()>,
    /// How much chatter was ordered.
    said: u64,
    told_at: Instant,
    progress: &'a (dyn Fn(Progress) + Sync),
}

impl Scenario<'_> {
    /// Until the time is over.
    async fn run(&mut self) {
        let (ramp, total) = (self.fleet.options.ramp(), self.total());
        let storm_interval = self.fleet.options.storm_interval;
        let mut next_storm = storm_interval.map(|interval| ramp + interval);
        let mut ticks = interval(TICK);
        loop {
            ticks.tick().await;
            let elapsed = self.began.elapsed();
            if elapsed >= total {
                return;
            }
            self.admit(elapsed);
            self.chatter(elapsed);
            if let (Some(interval), Some(due)) = (storm_interval, next_storm)
                && elapsed >= due
            {
                self.storm();
                next_storm = Some(due + interval);
            }
            self.tell_progress(if elapsed < ramp { "joining" } else { "chatting" });
        }
    }

    fn total(&self) -> Duration {
        self.fleet.options.ramp().saturating_add(self.fleet.options.duration)
    }

    /// Starts those whose turn has come.
    fn admit(&mut self, elapsed: Duration) {
        let options = &self.fleet.options;
        let due = (elapsed.as_secs_f64() * options.ramp_per_sec) as u64 + 1;
        while (self.orders.len() as u64) < due.min(options.participants_total()) {
            let (orders, receiver) = mpsc::channel(ORDERS_MAX);
            // Below PARTICIPANTS_MAX.
            let id = self.orders.len() as MemberId;
            self.participants.spawn(Participant::new(Arc::clone(&self.fleet), id, receiver).live());
            self.orders.push(orders);
        }
    }

    /// Orders as much as is due by now, in rooms by turns.
    fn chatter(&mut self, elapsed: Duration) {
        let rooms = self.fleet.options.rooms;
        let due = (elapsed.as_secs_f64() * self.fleet.options.chatter_per_sec * f64::from(rooms)) as u64;
        while self.said < due {
            let turn = self.said;
            self.said += 1;
            // Below the number of rooms, which is a u32.
            let room = (turn % u64::from(rooms)) as u32;
            let speaker = self.fleet.statistics().anybody_in(room, None);
            let Some(speaker) = speaker else { continue };
            let knows_room = self.fleet.statistics().knows_room(speaker);
            let kind =
                if knows_room { CHATTER[(turn / u64::from(rooms)) as usize % CHATTER.len()] } else { Kind::Candidate };
            self.order(speaker, Order::Chat(kind));
        }
    }

    /// Cuts a part of those off that are in their rooms.
    fn storm(&mut self) {
        let share = self.fleet.options.storm_share;
        let mut random = rand::rng();
        let mut struck = Vec::new();
        let mut all = Vec::new();
        let statistics = self.fleet.statistics();
        for id in 0..self.orders.len() as MemberId {
            if statistics.is_in(id) {
                all.push(id);
                if random.random_bool(share) {
                    struck.push(id);
                }
            }
        }
        drop(statistics);
        // A storm that strikes nobody is none.
        if struck.is_empty() {
            struck.extend(all.choose(&mut random));
        }
        for id in struck {
            self.order(id, Order::Cut);
        }
    }

    fn order(&self, id: MemberId, order: Order) {
        if let Some(orders) = self.orders.get(id as usize) {
            // Who is too busy for it does not get it: a fleet shall not make up for a server that is slow.
            let is_given = orders.try_send(order).is_ok();
            self.fleet.statistics().not_ordered += u64::from(!is_given);
        }
    }

    /// Waits for those who are away and for what is on its way. How many are away in the end.
    async fn settle(&mut self) -> u64 {
        let end = Instant::now() + self.fleet.options.settle_timeout;
        let mut ticks = interval(TICK);
        loop {
            ticks.tick().await;
            let mut statistics = self.fleet.statistics();
            statistics.give_up_doubtful();
            let absent = self.fleet.options.participants_total().saturating_sub(statistics.in_count() as u64);
            let is_settled = absent == 0 && statistics.outstanding() == 0;
            drop(statistics);
            if is_settled || Instant::now() >= end {
                return absent;
            }
            self.tell_progress("settling");
        }
    }

    async fn leave(&mut self) {
        for orders in self.orders.drain(..) {
            // The end of a queue that is full says the same.
            orders.try_send(Order::Leave).ok();
        }
        let all = async { while self.participants.join_next().await.is_some() {} };
        if timeout(LEAVE_TIMEOUT, all).await.is_err() {
            self.participants.shutdown().await;
        }
    }

    fn tell_progress(&mut self, phase: &'static str) {
        const EVERY: Duration = Duration::from_millis(200);
        if self.told_at.elapsed() < EVERY {
            return;
        }
        self.told_at = Instant::now();
        let statistics = self.fleet.statistics();
        let told = Progress {
            phase,
            elapsed: self.began.elapsed(),
            total: self.total(),
            joined: statistics.in_count(),
            participants: self.fleet.options.participants_total(),
            sent: statistics.sent_count(),
            delivered: statistics.delivered_count(),
            outstanding: statistics.outstanding(),
        };
        drop(statistics);
        (self.progress)(told);
    }
}
