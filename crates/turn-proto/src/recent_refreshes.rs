use std::collections::VecDeque;
use std::time::Duration;

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use sangam_types::Mono;

use crate::address::{FiveTuple, Transport};
use crate::five_tuple_key::FiveTupleKey;
use crate::key::Key;
use crate::message::TransactionId;

/// What Refresh requests of late were answered. A retransmission gets the same answer from here and changes nothing: the
/// allocation may have ended by the first, and the client may have made another since (RFC 8489 §6.3.1).
#[derive(Debug)]
pub(crate) struct RecentRefreshes {
    answers: HashMap<(FiveTupleKey, TransactionId), Answer, FixedState>,
    order: VecDeque<(Mono, FiveTupleKey, TransactionId)>,
}

#[derive(Clone, Copy, Debug)]
struct Answer {
    at: Mono,
    key: Key,
    granted_secs: u32,
}

/// RFC 8489 §6.2.1: a client that keeps to the defaults gives up after 39.5 s.
const REMEMBERED: Duration = Duration::from_secs(40);

/// Answers kept; beyond it the oldest is forgotten. At some 250 bytes each a Mebibyte, and with a refresh every five
/// minutes from each of 16,384 allocations 2,200 are needed.
const ANSWERS_MAX: usize = 4_096;

impl RecentRefreshes {
    pub(crate) fn new(hasher: FixedState) -> Self {
        Self { answers: HashMap::with_hasher(hasher), order: VecDeque::new() }
    }

    /// The lifetime that this request was granted before, in seconds.
    pub(crate) fn granted_secs(
        &self,
        now: Mono,
        client: &FiveTuple,
        transaction: TransactionId,
        key: &Key,
    ) -> Option<u32> {
        let answer = self.answers.get(&(FiveTupleKey::from(client), transaction))?;
        (now < answer.at + REMEMBERED && answer.key == *key).then_some(answer.granted_secs)
    }

    /// Keeps the answer to a request. Streams lose nothing, so nothing is sent again there.
    pub(crate) fn remember(
        &mut self,
        now: Mono,
        client: &FiveTuple,
        transaction: TransactionId,
        key: Key,
        granted_secs: u32,
    ) {
        if client.transport != Transport::Udp {
            return;
        }
        let is_over = |at: Mono| at + REMEMBERED <= now;
        while self.order.len() >= ANSWERS_MAX || self.order.front().is_some_and(|&(at, ..)| is_over(at)) {
            let Some((at, five_tuple, transaction)) = self.order.pop_front() else { break };
            let name = (five_tuple, transaction);
            // One that was given anew meanwhile stands further back too.
            if self.answers.get(&name).is_some_and(|answer| answer.at == at) {
                self.answers.remove(&name);
            }
        }
        let five_tuple = FiveTupleKey::from(client);
        self.order.push_back((now, five_tuple, transaction));
        self.answers.insert((five_tuple, transaction), Answer { at: now, key, granted_secs });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::ClientAddr;

    fn client(port: u16, transport: Transport) -> FiveTuple {
        FiveTuple { client: ClientAddr(([77, 0, 0, 1], port).into()), server: ([5, 5, 5, 5], 3_478).into(), transport }
    }

    fn after(secs: u64) -> Mono {
        Mono::ZERO + Duration::from_secs(secs)
    }

    const KEY: Key = Key::Md5([1; 16]);
    const ID: TransactionId = TransactionId([2; 12]);

    #[test]
    fn an_answer_is_remembered_for_forty_seconds_for_whoever_asked() {
        let mut recent = RecentRefreshes::new(FixedState::with_seed(1));
        let asker = client(1, Transport::Udp);
        recent.remember(after(0), &asker, ID, KEY, 600);
        assert_eq!(recent.granted_secs(after(39), &asker, ID, &KEY), Some(600));
        assert_eq!(recent.granted_secs(after(40), &asker, ID, &KEY), None);
        assert_eq!(recent.granted_secs(after(0), &client(2, Transport::Udp), ID, &KEY), None);
        assert_eq!(recent.granted_secs(after(0), &asker, TransactionId([3; 12]), &KEY), None);
        assert_eq!(recent.granted_secs(after(0), &asker, ID, &Key::Md5([9; 16])), None);
    }

    #[test]
    fn the_memory_is_bounded_and_what_is_over_leaves_it() {
        let mut recent = RecentRefreshes::new(FixedState::with_seed(1));
        for port in 1..=5_000 {
            recent.remember(after(0), &client(port, Transport::Udp), ID, KEY, 0);
        }
        assert_eq!((recent.answers.len(), recent.order.len()), (ANSWERS_MAX, ANSWERS_MAX));
        assert_eq!(recent.granted_secs(after(0), &client(1, Transport::Udp), ID, &KEY), None, "the oldest");
        assert_eq!(recent.granted_secs(after(0), &client(5_000, Transport::Udp), ID, &KEY), Some(0));
        recent.remember(after(41), &client(1, Transport::Udp), ID, KEY, 0);
        assert_eq!((recent.answers.len(), recent.order.len()), (1, 1));
        recent.remember(after(41), &client(2, Transport::Tcp), ID, KEY, 0);
        assert_eq!(recent.answers.len(), 1, "a stream loses nothing");
    }
}
