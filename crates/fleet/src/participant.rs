//! One participant: it joins, answers whom it meets, says what it is ordered to, is cut off and comes back.

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt as _;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::fleet::Fleet;
use crate::message::{Heard, Kind, Said};
use crate::statistics::MemberId;
use crate::wire::{Client, Ended, Resume};

/// What a participant is told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Say something; a signal goes to anybody in the room.
    Chat(Kind),
    /// Lose the connection, as by a network that is gone.
    Cut,
    /// Go.
    Leave,
}

pub(crate) struct Participant {
    fleet: Arc<Fleet>,
    id: MemberId,
    orders: mpsc::Receiver<Order>,
}

/// Why a conversation ended.
enum End {
    Left,
    Lost(Option<Resume>),
}

/// socket.io-client's `reconnectionDelay`, `reconnectionDelayMax`, `randomizationFactor`.
const DELAY: Duration = Duration::from_secs(1);
const DELAY_MAX: Duration = Duration::from_secs(5);
const RANDOMIZATION: f64 = 0.5;
/// That follow a description.
const CANDIDATES: u32 = 3;

impl Participant {
    pub(crate) fn new(fleet: Arc<Fleet>, id: MemberId, orders: mpsc::Receiver<Order>) -> Self {
        Self { fleet, id, orders }
    }

    /// Lives until it is told to leave.
    pub(crate) async fn live(mut self) {
        let mut resume = None;
        let mut attempt = 0;
        loop {
            let opened = tokio::select! {
                opened = self.fleet.open(self.id, resume.clone()) => opened,
                () = told_to_leave(&mut self.orders) => return,
            };
            if let Ok(mut client) = opened {
                attempt = 0;
                match self.converse(&mut client).await {
                    End::Left => return,
                    End::Lost(lost) => resume = lost,
                }
            }
            let end = Instant::now() + delay(attempt);
            attempt += 1;
            tokio::select! {
                () = sleep_until(end) => {}
                () = told_to_leave(&mut self.orders) => return,
            }
        }
    }

    async fn converse(&mut self, client: &mut Client) -> End {
        let begun = self.begin(client).await;
        let mut went_on = begun;
        while went_on.is_ok() {
            went_on = tokio::select! {
                heard = client.hear() => match heard {
                    Ok(heard) => self.handle(client, heard).await,
                    Err(ended) => Err(ended),
                },
                order = self.orders.recv() => match order {
                    Some(Order::Chat(kind)) => self.chat(client, kind).await,
                    Some(Order::Cut) => return self.cut(client),
                    Some(Order::Leave) | None => {
                        // It goes, whether the server hears of it or not.
                        drop(client.say(Said::Leave).await);
                        return End::Left;
                    }
                },
            };
        }
        self.fleet.statistics().disconnected += 1;
        self.lose(client)
    }

    async fn begin(&mut self, client: &mut Client) -> Result<(), Ended> {
        if client.is_recovered() {
            self.fleet.statistics().entered(self.id);
            return Ok(());
        }
        self.fleet.statistics().joining(self.id);
        client.say(Said::Join).await
    }

    fn cut(&mut self, client: &Client) -> End {
        self.fleet.statistics().cut += 1;
        self.lose(client)
    }

    fn lose(&mut self, client: &Client) -> End {
        self.fleet.statistics().away(self.id, client.promise());
        End::Lost(client.resume())
    }

    async fn handle(&mut self, client: &mut Client, heard: Heard) -> Result<(), Ended> {
        match heard {
            Heard::Entered => {
                let hears_room = client.knows_room() && self.fleet.are_rooms_apart(self.id);
                let mut statistics = self.fleet.statistics();
                statistics.hears_room(self.id, hears_room);
                if !statistics.is_in(self.id) {
                    statistics.entered(self.id);
                }
            }
            // Who is there already makes the offer; the newcomer waits for it.
            Heard::Arrived(other) => self.describe(client, Kind::Offer, &other).await?,
            Heard::Signal { kind, from, serial } => {
                self.fleet.statistics().heard(self.id, kind, serial);
                if kind == Kind::Offer {
                    self.describe(client, Kind::Answer, &from).await?;
                }
            }
            Heard::Told { kind, serial } => self.fleet.statistics().heard(self.id, kind, serial),
            Heard::Ping => client.answer_ping().await?,
            Heard::Refused(why) => self.fleet.statistics().refused(why),
            Heard::Other => {}
        }
        Ok(())
    }

    /// A description to one other, and candidates behind it.
    async fn describe(&self, client: &mut Client, kind: Kind, other: &str) -> Result<(), Ended> {
        let Some(to) = self.fleet.member(self.id, other).filter(|to| *to != self.id) else { return Ok(()) };
        self.signal(client, kind, to, other).await?;
        for _ in 0..CANDIDATES {
            self.signal(client, Kind::Candidate, to, other).await?;
        }
        Ok(())
    }

    async fn signal(&self, client: &mut Client, kind: Kind, to: MemberId, name: &str) -> Result<(), Ended> {
        let serial = self.fleet.statistics().signal(kind, self.id, to);
        match serial {
            Some(serial) => client.say(Said::Signal { kind, to: name, serial }).await,
            None => Ok(()),
        }
    }

    async fn chat(&self, client: &mut Client, kind: Kind) -> Result<(), Ended> {
        if !self.fleet.statistics().is_in(self.id) {
            return Ok(());
        }
        if !kind.is_signal() {
            let serial = self.fleet.statistics().tell(kind, self.id);
            return client.say(Said::Tell { kind, serial }).await;
        }
        let room = self.id / self.fleet.options.participants;
        let other = self.fleet.statistics().anybody_in(room, Some(self.id));
        match other {
            Some(to) => self.signal(client, kind, to, &self.fleet.identity(to).id).await,
            None => Ok(()),
        }
    }
}

/// Other orders are for who is connected, and pass.
async fn told_to_leave(orders: &mut mpsc::Receiver<Order>) {
    while let Some(order) = orders.recv().await {
        if order == Order::Leave {
            return;
        }
    }
}

/// Before the next attempt, the first being 0.
fn delay(attempt: u32) -> Duration {
    let exact = DELAY.saturating_mul(1 << attempt.min(8)).min(DELAY_MAX);
    exact.mul_f64(rand::rng().random_range(1.0 - RANDOMIZATION..=1.0 + RANDOMIZATION)).min(DELAY_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_spread_and_never_far_apart() {
        for attempt in 0..50 {
            let delay = delay(attempt);
            assert!(delay >= DELAY / 2 && delay <= DELAY_MAX, "{attempt}: {delay:?}");
        }
    }
}
