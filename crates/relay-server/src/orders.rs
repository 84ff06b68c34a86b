//! What operators ask of relay threads: put into a bounded queue of each, answered within a second or not at all.

use std::sync::Arc;
use std::time::Duration;

use sangam_control::{Kick, RelaySession, SessionFilter, TopBy};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use crate::shared::Shared;

/// Something for one thread to do beside its packets, a slice of its table at a time.
#[derive(Clone, Debug)]
pub(crate) enum Task {
    /// Show sessions from this place of the table on.
    List { filter: SessionFilter, place: usize, limit: usize },
    /// Show the busiest sessions.
    Top { by: TopBy, count: usize },
    /// End sessions.
    Kick(Kick),
    /// End the sessions whose credential is good no longer.
    EndRevoked,
}

/// A task, and where its outcome goes.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) task: Task,
    pub(crate) answer: oneshot::Sender<Answer>,
}

/// The outcome of a task on one thread.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) sessions: Vec<RelaySession>,
    /// Where the next page begins.
    pub(crate) next: Option<usize>,
    pub(crate) ended: usize,
}

/// The outcome on all threads that were asked.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    pub(crate) of_threads: Vec<(usize, Answer)>,
    /// Threads that did not answer in time.
    pub(crate) silent: Vec<usize>,
}

/// The way to every thread.
#[derive(Debug)]
pub(crate) struct OrderDesk {
    shared: Arc<Shared>,
}

/// How long all threads together have to answer: whoever asks hears within a second.
const PATIENCE: Duration = Duration::from_millis(900);

const _: () = assert!(PATIENCE.as_millis() < 1_000, "whoever asks hears within a second");

impl OrderDesk {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        Self { shared: Arc::clone(shared) }
    }

    /// Asks each of these threads for its own task, and waits for the answers.
    pub(crate) async fn ask(&self, tasks: impl IntoIterator<Item = (usize, Task)>) -> Answers {
        let deadline = Instant::now() + PATIENCE;
        let waiting: Vec<_> = tasks.into_iter().map(|(thread, task)| (thread, self.send(thread, task))).collect();
        let mut answers = Answers::default();
        for (thread, answer) in waiting {
            let answer = match answer {
                Some(answer) => timeout_at(deadline, answer).await.ok().and_then(Result::ok),
                None => None,
            };
            match answer {
                Some(answer) => answers.of_threads.push((thread, answer)),
                None => answers.silent.push(thread),
            }
        }
        answers
    }

    /// Asks every thread for the same.
    pub(crate) async fn ask_all(&self, task: &Task) -> Answers {
        self.ask((0..self.shared.threads.len()).map(|thread| (thread, task.clone()))).await
    }

    /// `None` if the thread is behind with its orders.
    fn send(&self, thread: usize, task: Task) -> Option<oneshot::Receiver<Answer>> {
        let (answer, receiver) = oneshot::channel();
        let face = self.shared.threads.get(thread)?;
        face.orders.post(Order { task, answer }).ok()?;
        face.waker.wake();
        Some(receiver)
    }
}

#[cfg(test)]
mod tests {
    use sangam_net::Waker;

    use super::*;
    use crate::directory::Directory;
    use crate::incarnation::{Incarnation, Owner};
    use crate::options::Live;
    use crate::thread_face::ThreadFace;

    #[tokio::test]
    async fn a_thread_that_is_stuck_is_named_and_one_that_is_behind_at_once() {
        let face = |thread| {
            let face = ThreadFace::new(Arc::new(Waker::new().unwrap()), 1, 1, 1);
            face.begin_life(&Incarnation::new(Owner { thread, life: 0 }));
            face
        };
        let directory = Arc::new(Directory::new([].into_iter(), &(1..=1)));
        let shared = Arc::new(Shared::new(directory, (0..3).map(face).collect(), Live::default(), Vec::new()));
        let desk = OrderDesk::new(&shared);
        let quick = Arc::clone(&shared);
        let answering = std::thread::spawn(move || {
            let mut orders = Vec::new();
            while orders.is_empty() {
                quick.threads[0].orders.collect(Owner { thread: 0, life: 0 }, 1, &mut orders);
                std::thread::yield_now();
            }
            let Order { answer, .. } = orders.remove(0);
            answer.send(Answer { ended: 7, ..Answer::default() }).unwrap();
        });
        let answers = desk.ask_all(&Task::EndRevoked).await;
        assert_eq!(answers.silent, [1, 2]);
        assert!(matches!(&answers.of_threads[..], [(0, Answer { ended: 7, .. })]), "{answers:?}");
        answering.join().unwrap();
        assert!(desk.send(1, Task::EndRevoked).is_none(), "its queue is full, so nobody waits for it");
        assert_eq!(desk.ask([(1, Task::EndRevoked)]).await.silent, [1]);
    }
}
