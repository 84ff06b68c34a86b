use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sangam_storage::devices::{Change, EventRow, HistoryRow, Outcome, Row, Task};
use tokio::sync::{broadcast, watch};

use crate::options::NewsOptions;

/// What became durable, for as many as listen. The writer's thread tells it and never waits: who is behind by more than the bound is
/// told so and listens no longer.
#[derive(Debug)]
pub(crate) struct News {
    sender: broadcast::Sender<Arc<[Item]>>,
    listeners_max: usize,
    is_closed: AtomicBool,
    closed: watch::Sender<bool>,
}

/// Rows that are told together: with the length of the queue it bounds what waits.
const ITEMS_AT_ONCE: usize = 256;

/// One row that somebody may want to hear of.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    Event(EventRow),
    Task(Box<Task>),
    Value(HistoryRow),
}

/// One who listens.
#[derive(Debug)]
pub(crate) struct Listener {
    receiver: broadcast::Receiver<Arc<[Item]>>,
    closed: watch::Receiver<bool>,
}

/// What a listener hears.
#[derive(Debug)]
pub(crate) enum Heard {
    Items(Arc<[Item]>),
    /// So many groups came while it did not listen.
    Missed(u64),
}

impl News {
    pub(crate) fn new(options: &NewsOptions) -> Self {
        Self {
            sender: broadcast::channel(options.queue.max(1)).0,
            listeners_max: options.listeners_max,
            is_closed: AtomicBool::new(false),
            closed: watch::Sender::new(false),
        }
    }

    /// These changes are durable, as far as they were taken.
    pub(crate) fn tell(&self, changes: &[Change], outcomes: &[Outcome]) {
        if self.sender.receiver_count() == 0 {
            return;
        }
        let taken = changes.iter().zip(outcomes).filter(|(_, outcome)| **outcome == Outcome::Done);
        let items: Vec<Item> = taken.flat_map(|(change, _)| &change.rows).filter_map(item).collect();
        for items in items.chunks(ITEMS_AT_ONCE) {
            // Nobody may listen any more.
            self.sender.send(items.into()).ok();
        }
    }

    /// Listens from now on. `None`: as many listen as may, or nothing comes any more.
    pub(crate) fn listen(&self) -> Option<Listener> {
        if self.is_closed.load(Ordering::Acquire) || self.sender.receiver_count() >= self.listeners_max {
            return None;
        }
        Some(Listener { receiver: self.sender.subscribe(), closed: self.closed.subscribe() })
    }

    /// Nothing comes any more.
    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.closed.send_replace(true);
    }
}

fn item(row: &Row) -> Option<Item> {
    match row {
        Row::Event(event) => Some(Item::Event(event.clone())),
        // What was ordered stays where it is: there may be passwords in it.
        Row::Task(task) => Some(Item::Task(Box::new(Task { payload: Default::default(), ..(**task).clone() }))),
        Row::History(row) => Some(Item::Value(row.clone())),
        _ => None,
    }
}

impl Listener {
    /// What comes next; `None`: nothing comes any more. Cancel safe.
    pub(crate) async fn next(&mut self) -> Option<Heard> {
        let received = tokio::select! {
            biased;
            received = self.receiver.recv() => received,
            _ = self.closed.wait_for(|closed| *closed) => return None,
        };
        match received {
            Ok(items) => Some(Heard::Items(items)),
            Err(broadcast::error::RecvError::Lagged(missed)) => Some(Heard::Missed(missed)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use sangam_storage::devices::{DeviceId, EventId};

    use super::*;

    fn change(number: u64) -> Change {
        Change::from(vec![Row::Event(EventRow::new(EventId(number), DeviceId(1), 0, "x", ""))])
    }

    fn numbers(heard: Option<Heard>) -> Vec<u64> {
        let Some(Heard::Items(items)) = heard else { panic!("{heard:?}") };
        items.iter().map(|item| if let Item::Event(event) = item { event.id.0 } else { 0 }).collect()
    }

    #[tokio::test]
    async fn what_was_refused_is_not_told_and_who_is_behind_hears_that() {
        let news = News::new(&NewsOptions { queue: 2, listeners_max: 2 });
        news.tell(&[change(1)], &[Outcome::Done]);
        let (mut slow, mut quick) = (news.listen().unwrap(), news.listen().unwrap());
        assert!(news.listen().is_none(), "as many as may");
        news.tell(&[change(2), change(3)], &[Outcome::Refused { row: 0 }, Outcome::Done]);
        assert_eq!(numbers(quick.next().await), [3]);
        for number in 4..7 {
            news.tell(&[change(number)], &[Outcome::Done]);
        }
        assert!(matches!(slow.next().await, Some(Heard::Missed(2))));
        news.close();
        assert_eq!((numbers(slow.next().await), numbers(slow.next().await)), (vec![5], vec![6]));
        assert!(slow.next().await.is_none());
        drop(slow);
        assert!(news.listen().is_none(), "it is over");
    }
}
