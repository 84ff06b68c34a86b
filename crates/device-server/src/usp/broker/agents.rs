use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use sangam_control::BrokerAgent;
use sangam_usp_proto::EndpointId;

use crate::usp::link::Way;

/// The agents that were met at a broker.
///
/// The first record of an endpoint binds it to where it is answered. A record that wants its answers elsewhere is refused, unless it
/// says that the agent began anew.
#[derive(Debug)]
pub(super) struct Agents {
    table: Mutex<HashMap<EndpointId, Arc<Agent>>>,
    most: usize,
}

/// An agent that was met.
#[derive(Debug)]
pub(super) struct Agent {
    pub(super) endpoint: EndpointId,
    /// Where its answer is awaited, if not where all are.
    pub(super) answer_at: Option<String>,
    reply_to: Mutex<Arc<str>>,
    inbox: Mutex<Inbox>,
    way: Mutex<Option<Arc<Way>>>,
    is_gone: AtomicBool,
}

/// Records of an agent, one after the other.
#[derive(Debug, Default)]
struct Inbox {
    waiting: VecDeque<Incoming>,
    is_worked: bool,
}

/// A record of an agent.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) record: Bytes,
    /// What the broker is told once it is taken, and on which of our connections.
    pub(super) receipt: Option<(u64, u16)>,
}

/// Why a record of an agent is refused, a label for counting.
pub(super) type Reason = &'static str;

impl Agents {
    pub(super) fn new(most: usize) -> Self {
        Self { table: Mutex::default(), most }
    }

    /// The agent whose record wants its answers at `reply_to`; `begins` says whether the record says that the agent began anew.
    pub(super) fn meet(
        &self,
        endpoint: EndpointId,
        (reply_to, answer_at): (&str, Option<String>),
        begins: impl Fn() -> bool,
    ) -> Result<Arc<Agent>, Reason> {
        let mut table = lock(&self.table);
        let is_full = table.len() >= self.most;
        match table.entry(endpoint) {
            Entry::Occupied(known) => {
                let agent = Arc::clone(known.get());
                let mut bound = lock(&agent.reply_to);
                if **bound != *reply_to {
                    if !begins() {
                        return Err("other_destination");
                    }
                    *bound = reply_to.into();
                }
                drop(bound);
                Ok(agent)
            }
            Entry::Vacant(_) if is_full => Err("too_many_agents"),
            Entry::Vacant(vacant) => {
                let agent = Agent {
                    endpoint: vacant.key().clone(),
                    answer_at,
                    reply_to: Mutex::new(reply_to.into()),
                    inbox: Mutex::default(),
                    way: Mutex::default(),
                    is_gone: AtomicBool::new(false),
                };
                Ok(Arc::clone(vacant.insert(Arc::new(agent))))
            }
        }
    }

    /// That agent is not there any more; if it was, with the way that is to be closed. Whoever drops the way does it where no lock is
    /// held.
    pub(super) fn forget(&self, agent: &Arc<Agent>) -> Option<Arc<Way>> {
        let mut table = lock(&self.table);
        if table.get(&agent.endpoint).is_some_and(|known| Arc::ptr_eq(known, agent)) {
            table.remove(&agent.endpoint);
        }
        drop(table);
        agent.leave()
    }

    /// Nobody is there any more.
    pub(super) fn clear(&self) -> Vec<Arc<Way>> {
        let all = std::mem::take(&mut *lock(&self.table));
        all.into_values().filter_map(|agent| agent.leave()).collect()
    }

    pub(super) fn len(&self) -> usize {
        lock(&self.table).len()
    }

    /// Some of them, for operators.
    pub(super) fn first(&self, most: usize) -> Vec<BrokerAgent> {
        let table = lock(&self.table);
        let shown = |agent: &Arc<Agent>| BrokerAgent {
            endpoint: agent.endpoint.to_string(),
            destination: agent.reply_to().to_string(),
        };
        table.values().take(most).map(shown).collect()
    }
}

impl Agent {
    /// Where it is answered.
    pub(super) fn reply_to(&self) -> Arc<str> {
        Arc::clone(&lock(&self.reply_to))
    }

    /// Whether it was forgotten: nothing is sent to it any more.
    pub(super) fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::Acquire)
    }

    /// Puts a record behind those before it. `true`: nobody works on them yet, and the caller has to.
    pub(super) fn push(&self, incoming: Incoming, most: usize) -> Result<bool, Reason> {
        let mut inbox = lock(&self.inbox);
        if inbox.waiting.len() >= most {
            return Err("agent_too_fast");
        }
        inbox.waiting.push_back(incoming);
        Ok(!std::mem::replace(&mut inbox.is_worked, true))
    }

    /// The next record; `None`: whoever worked on them is done.
    pub(super) fn next(&self) -> Option<Incoming> {
        let mut inbox = lock(&self.inbox);
        let next = inbox.waiting.pop_front();
        inbox.is_worked = next.is_some();
        next
    }

    pub(super) fn way(&self) -> Option<Arc<Way>> {
        lock(&self.way).clone()
    }

    /// It has a way now. If it was forgotten meanwhile it has none; the caller drops what it gave.
    pub(super) fn open(&self, way: &Arc<Way>) {
        let mut place = lock(&self.way);
        if !self.is_gone() {
            *place = Some(Arc::clone(way));
        }
    }

    fn leave(&self) -> Option<Arc<Way>> {
        self.is_gone.store(true, Ordering::Release);
        lock(&self.way).take()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(id: &str) -> EndpointId {
        id.parse().unwrap()
    }

    #[test]
    fn an_agent_is_answered_where_its_first_record_said_until_it_begins_anew() {
        let agents = Agents::new(2);
        let meet = |id: &str, reply_to: &str, begins: bool| agents.meet(endpoint(id), (reply_to, None), || begins);
        let first = meet("self::a", "/queue/a", false).unwrap();
        assert!(Arc::ptr_eq(&first, &meet("self::a", "/queue/a", false).unwrap()));
        assert_eq!(meet("self::a", "/queue/thief", false).unwrap_err(), "other_destination");
        assert_eq!(&*first.reply_to(), "/queue/a");
        meet("self::a", "/queue/b", true).unwrap();
        assert_eq!(&*first.reply_to(), "/queue/b");
        meet("self::b", "/queue/c", false).unwrap();
        assert_eq!(meet("self::c", "/queue/d", true).unwrap_err(), "too_many_agents");
    }

    #[test]
    fn who_was_forgotten_is_met_anew_and_its_older_self_removes_nobody() {
        let agents = Agents::new(9);
        let older = agents.meet(endpoint("self::a"), ("/queue/a", None), || false).unwrap();
        assert!(agents.forget(&older).is_none() && older.is_gone());
        let newer = agents.meet(endpoint("self::a"), ("/queue/b", None), || false).unwrap();
        agents.forget(&older);
        assert!(!newer.is_gone());
        assert_eq!(agents.len(), 1);
        agents.clear();
        assert!(newer.is_gone());
    }

    #[test]
    fn records_of_an_agent_are_worked_on_by_one_and_bounded() {
        let agents = Agents::new(9);
        let agent = agents.meet(endpoint("self::a"), ("/queue/a", None), || false).unwrap();
        let record = || Incoming { record: Bytes::from_static(b"r"), receipt: None };
        assert_eq!(agent.push(record(), 2), Ok(true));
        assert_eq!(agent.push(record(), 2), Ok(false), "somebody works on them");
        assert_eq!(agent.push(record(), 2), Err("agent_too_fast"));
        assert!(agent.next().is_some() && agent.next().is_some());
        assert!(agent.next().is_none());
        assert_eq!(agent.push(record(), 2), Ok(true), "nobody does any more");
    }
}
