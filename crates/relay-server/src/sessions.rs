use std::cmp::Reverse;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use sangam_control::{
    Ended, Kick, RelayEventSubscription, RelayEvents, RelaySession, RelaySessions, RelayTraffic, Revocation,
    RevocationError, RevocationOrder, Revoked, RevokedName, SessionCursor, SessionFilter, SessionId, SessionList,
    SessionPage, TopBy,
};
use sangam_types::Wall;

use crate::blueprint::Blueprint;
use crate::clock::Clock;
use crate::credentials::Credentials;
use crate::orders::{Answers, OrderDesk, Task};
use crate::shared::Shared;

/// The relay's sessions as operators see and end them.
#[derive(Debug)]
pub(crate) struct Sessions {
    pub(crate) shared: Arc<Shared>,
    pub(crate) desk: OrderDesk,
    pub(crate) credentials: Credentials,
    pub(crate) events: Arc<RelayEvents>,
    pub(crate) interval: std::time::Duration,
    pub(crate) clock: Clock,
}

impl Sessions {
    /// The sessions of the threads that are made from this.
    pub(crate) fn of(blueprint: &Blueprint, desk: OrderDesk) -> Self {
        Self {
            shared: Arc::clone(blueprint.shared()),
            desk,
            credentials: blueprint.credentials().clone(),
            events: Arc::clone(&blueprint.options().events),
            interval: blueprint.options().rate_interval,
            clock: blueprint.clock(),
        }
    }

    fn list_of(&self, answers: Answers, limit: usize) -> SessionList {
        let mut list = SessionList {
            allocations: self.shared.allocations_live(),
            silent_threads: answers.silent,
            interval: self.interval,
            ..SessionList::default()
        };
        for (thread, answer) in answers.of_threads {
            let room = limit - list.sessions.len();
            let (held, next) = (answer.sessions.len(), answer.next);
            let cut = answer.sessions.get(room).map(|session| place_of(session.id));
            list.sessions.extend(answer.sessions.into_iter().take(room));
            let next = if held > room { cut } else { next };
            if let Some(place) = next {
                list.next = cursor(thread, place);
                break;
            }
        }
        list
    }

    async fn page(&self, page: SessionPage) -> SessionList {
        let SessionPage { filter, from, limit } = page;
        let first = usize::from(from.thread);
        let task = |thread| {
            let place = if thread == first { from.place as usize } else { 0 };
            (thread, Task::List { filter: filter.clone(), place, limit })
        };
        let answers = self.desk.ask((first..self.shared.threads.len()).map(task)).await;
        self.list_of(answers, limit)
    }

    async fn busiest(&self, by: TopBy, count: usize) -> SessionList {
        let answers = self.desk.ask_all(&Task::Top { by, count }).await;
        let mut list = self.list_of(answers, usize::MAX);
        list.sessions.sort_by_key(|session| Reverse(busyness(session, by)));
        list.sessions.truncate(count);
        list
    }

    async fn end(&self, whom: Kick) -> Ended {
        let task = Task::Kick(whom.clone());
        ended(match whom {
            Kick::One(id) => self.desk.ask(self.thread_of(id).map(|thread| (thread, task))).await,
            Kick::Each(_) => self.desk.ask_all(&task).await,
        })
    }

    fn thread_of(&self, id: SessionId) -> Option<usize> {
        Some(usize::from(id.thread)).filter(|&thread| thread < self.shared.threads.len())
    }

    async fn put_revocation(&self, order: RevocationOrder) -> Result<Revoked, RevocationError> {
        let since = self.clock.read().wall;
        let until = order.until.or_else(|| self.credentials.last_end(&order.name, since));
        let revocation = Revocation { name: order.name, since, until };
        let (revocations, fresh) = (Arc::clone(&self.credentials.revocations), revocation.clone());
        blocking(move || revocations.put(fresh)).await?;
        let answers = self.desk.ask_all(&Task::EndRevoked).await;
        // Whoever could not be asked finds it by itself.
        self.shared.recheck_credentials(&answers.silent);
        Ok(Revoked { revocation, sessions: ended(answers) })
    }
}

/// Runs what writes files, off the threads that serve others.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RevocationError> + Send + 'static,
) -> Result<T, RevocationError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(RevocationError::NotSaved { cause: error.to_string() }))
}

/// What of a session's name is its place in the thread's table.
pub(crate) fn place_of(id: SessionId) -> usize {
    id.allocation as u32 as usize
}

fn cursor(thread: usize, place: usize) -> Option<SessionCursor> {
    Some(SessionCursor { thread: u16::try_from(thread).ok()?, place: u32::try_from(place).ok()? })
}

/// What the busiest sessions have most of.
pub(crate) fn busyness(session: &RelaySession, by: TopBy) -> u64 {
    let of = |traffic: RelayTraffic| match by {
        TopBy::Bytes => traffic.bytes,
        TopBy::Packets => traffic.packets,
    };
    of(session.to_peer_per_sec).saturating_add(of(session.to_client_per_sec))
}

fn ended(answers: Answers) -> Ended {
    let ended = answers.of_threads.iter().map(|(_, answer)| answer.ended).sum();
    Ended { ended, silent_threads: answers.silent }
}

impl RelaySessions for Sessions {
    fn list(&self, page: SessionPage) -> BoxFuture<'_, SessionList> {
        Box::pin(self.page(page))
    }

    fn top(&self, by: TopBy, count: usize) -> BoxFuture<'_, SessionList> {
        Box::pin(self.busiest(by, count))
    }

    fn find(&self, id: SessionId) -> BoxFuture<'_, SessionList> {
        Box::pin(async move {
            let (filter, place) = (SessionFilter::default(), place_of(id));
            let task = Task::List { filter, place, limit: 1 };
            let answers = self.desk.ask(self.thread_of(id).map(|thread| (thread, task))).await;
            let mut list = self.list_of(answers, 1);
            list.sessions.retain(|session| session.id == id);
            list.next = None;
            list
        })
    }

    fn kick(&self, whom: Kick) -> BoxFuture<'_, Ended> {
        Box::pin(self.end(whom))
    }

    fn is_draining(&self) -> bool {
        self.shared.is_draining()
    }

    fn set_draining(&self, draining: bool) {
        self.shared.set_draining(draining);
    }

    fn revocations(&self) -> Vec<Revocation> {
        self.credentials.revocations.list(self.clock.read().wall)
    }

    fn revoke(&self, order: RevocationOrder) -> BoxFuture<'_, Result<Revoked, RevocationError>> {
        Box::pin(self.put_revocation(order))
    }

    fn restore(&self, whose: RevokedName) -> BoxFuture<'_, Result<bool, RevocationError>> {
        let (revocations, now): (_, Wall) = (Arc::clone(&self.credentials.revocations), self.clock.read().wall);
        Box::pin(blocking(move || revocations.take_back(&whose, now)))
    }

    fn subscribe(&self) -> Option<RelayEventSubscription> {
        self.events.subscribe()
    }
}
