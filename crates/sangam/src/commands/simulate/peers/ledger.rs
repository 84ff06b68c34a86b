use std::time::Duration;

/// What a message of the simulation begins with: its number, and when it was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    number: u64,
    said: Duration,
}

/// Who said what, and who heard it how often.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    peers: usize,
    messages: Vec<Message>,
    /// From being said to being heard.
    pub(super) latencies: Vec<Duration>,
    /// Deliveries that were no message of the simulation, or not with its sender's signature.
    pub(super) foreign: u64,
}

#[derive(Debug)]
struct Message {
    from: usize,
    /// How often each node heard it.
    heard: Vec<u8>,
}

/// What became of everything that was said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Account {
    /// Deliveries that living nodes were owed.
    pub(super) owed: u64,
    /// Of these, those that came.
    pub(super) delivered: u64,
    /// Deliveries after the first, at any node.
    pub(super) duplicates: u64,
    /// Messages that died with the node that said them: nobody heard them.
    pub(super) gone: u64,
}

/// A message is no shorter than its stamp.
const STAMP_BYTES: usize = 16;

impl Stamp {
    pub(super) fn read(payload: &[u8]) -> Option<Self> {
        let (number, rest) = payload.split_first_chunk::<8>()?;
        let nanos = u64::from_be_bytes(*rest.first_chunk()?);
        Some(Self { number: u64::from_be_bytes(*number), said: Duration::from_nanos(nanos) })
    }

    fn payload(self, bytes: usize) -> Vec<u8> {
        let nanos = u64::try_from(self.said.as_nanos()).unwrap_or(u64::MAX);
        let mut payload = [self.number.to_be_bytes(), nanos.to_be_bytes()].concat();
        payload.resize(bytes.max(STAMP_BYTES), b'.');
        payload
    }
}

impl Ledger {
    pub(super) fn new(peers: usize) -> Self {
        Self { peers, ..Self::default() }
    }

    pub(super) fn said(&self) -> usize {
        self.messages.len()
    }

    /// A new message, to be published now.
    pub(super) fn say(&mut self, from: usize, bytes: usize, at: Duration) -> Vec<u8> {
        let number = self.messages.len() as u64;
        self.messages.push(Message { from, heard: vec![0; self.peers] });
        Stamp { number, said: at }.payload(bytes)
    }

    /// A node heard something.
    pub(super) fn heard(&mut self, by: usize, stamp: Option<Stamp>, proven: bool, at: Duration) {
        let index = stamp.and_then(|stamp| usize::try_from(stamp.number).ok());
        let message = index.and_then(|index| self.messages.get_mut(index)).filter(|_| proven);
        let times = message.and_then(|message| message.heard.get_mut(by));
        let (Some(times), Some(stamp)) = (times, stamp) else {
            self.foreign += 1;
            return;
        };
        if *times == 0 {
            self.latencies.push(at.saturating_sub(stamp.said));
        }
        *times = times.saturating_add(1);
    }

    /// What became of it all, if these live. What a dead node said and nobody heard is owed to nobody; what anybody who lives
    /// heard of it is owed to all.
    pub(super) fn account(&self, is_alive: impl Fn(usize) -> bool) -> Account {
        let mut account = Account::default();
        for message in &self.messages {
            let others = || message.heard.iter().enumerate().filter(|(peer, _)| *peer != message.from);
            let alive = || others().filter(|(peer, _)| is_alive(*peer));
            account.duplicates += others().map(|(_, times)| u64::from(times.saturating_sub(1))).sum::<u64>();
            let delivered = alive().filter(|(_, times)| **times > 0).count() as u64;
            if delivered == 0 && !is_alive(message.from) {
                account.gone += 1;
                continue;
            }
            account.owed += alive().count() as u64;
            account.delivered += delivered;
        }
        account
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(ledger: &mut Ledger, by: usize, payload: &[u8]) {
        ledger.heard(by, Stamp::read(payload), true, Duration::from_millis(5));
    }

    #[test]
    fn each_delivery_is_owed_to_each_other_node_once() {
        let mut ledger = Ledger::new(3);
        let payload = ledger.say(0, 40, Duration::from_millis(1));
        assert_eq!(payload.len(), 40);
        heard(&mut ledger, 1, &payload);
        assert_eq!(ledger.account(|_| true), Account { owed: 2, delivered: 1, duplicates: 0, gone: 0 });
        heard(&mut ledger, 2, &payload);
        heard(&mut ledger, 2, &payload);
        assert_eq!(ledger.account(|_| true), Account { owed: 2, delivered: 2, duplicates: 1, gone: 0 });
        assert_eq!(ledger.latencies, [Duration::from_millis(4); 2]);
    }

    #[test]
    fn what_a_dead_node_said_is_owed_if_anybody_who_lives_heard_it() {
        let mut ledger = Ledger::new(4);
        let payload = ledger.say(0, 16, Duration::ZERO);
        let is_alive = |peer| peer > 1;
        heard(&mut ledger, 1, &payload);
        assert_eq!(ledger.account(is_alive), Account { gone: 1, ..Account::default() });
        heard(&mut ledger, 2, &payload);
        assert_eq!(ledger.account(is_alive), Account { owed: 2, delivered: 1, ..Account::default() });
    }

    #[test]
    fn what_nobody_said_or_signed_is_counted_apart() {
        let mut ledger = Ledger::new(2);
        let payload = ledger.say(0, 16, Duration::ZERO);
        ledger.heard(1, Stamp::read(&payload), false, Duration::ZERO);
        heard(&mut ledger, 1, b"short");
        assert_eq!((ledger.foreign, ledger.account(|_| true).delivered), (2, 0));
    }
}
