use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;

use crate::hub::Command;

/// The way of one session to the task that owns the rooms. What that has no place for waits here, in order, and is bounded:
/// the session's own task never waits.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    waiting: Option<Arc<Mutex<Waiting>>>,
}

#[derive(Debug, Default)]
struct Waiting {
    commands: VecDeque<Command>,
    is_moving: bool,
}

/// As much waits as may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Backlog {
    /// Hands a command over, behind those that wait.
    pub(crate) fn push(&mut self, hub: &Sender<Command>, command: Command, len_max: usize) -> Result<(), Full> {
        if let Some(waiting) = &self.waiting {
            let mut line = lock(waiting);
            if line.is_moving {
                if line.commands.len() >= len_max {
                    return Err(Full);
                }
                line.commands.push_back(command);
                return Ok(());
            }
        }
        self.waiting = None;
        // A task that has ended needs no commands.
        if let Err(TrySendError::Full(command)) = hub.try_send(command) {
            let waiting = Waiting { commands: VecDeque::from([command]), is_moving: true };
            let waiting = Arc::new(Mutex::new(waiting));
            tokio::spawn(forward(Arc::clone(&waiting), hub.clone()));
            self.waiting = Some(waiting);
        }
        Ok(())
    }
}

/// Until nothing waits.
async fn forward(waiting: Arc<Mutex<Waiting>>, hub: Sender<Command>) {
    while let Ok(place) = hub.reserve().await {
        let mut line = lock(&waiting);
        match line.commands.pop_front() {
            // Under the lock, so that nothing passes it.
            Some(command) => place.send(command),
            None => {
                line.is_moving = false;
                return;
            }
        }
    }
}

fn lock(waiting: &Mutex<Waiting>) -> MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use sangam_signal_proto::SocketId;
    use tokio::sync::mpsc;

    use super::*;

    fn pong(socket: u64) -> Command {
        Command::Pong { socket: SocketId(socket) }
    }

    fn number(command: Option<Command>) -> u64 {
        match command {
            Some(Command::Pong { socket }) => socket.0,
            other => panic!("no pong but {other:?}"),
        }
    }

    #[tokio::test]
    async fn what_finds_no_place_waits_in_order_and_is_bounded() {
        let (hub, mut commands) = mpsc::channel(1);
        let mut backlog = Backlog::default();
        for n in 0..4 {
            assert_eq!(backlog.push(&hub, pong(n), 3), Ok(()));
        }
        assert_eq!(backlog.push(&hub, pong(9), 3), Err(Full));
        assert_eq!(backlog.push(&hub, pong(4), usize::MAX), Ok(()));
        for n in 0..5 {
            assert_eq!(number(commands.recv().await), n);
        }
        // Nothing waits any more: what comes now goes straight.
        while backlog.waiting.as_ref().is_some_and(|it| lock(it).is_moving) {
            tokio::task::yield_now().await;
        }
        assert_eq!(backlog.push(&hub, pong(5), 0), Ok(()));
        assert!(backlog.waiting.is_none());
        assert_eq!(number(commands.recv().await), 5);
    }
}
