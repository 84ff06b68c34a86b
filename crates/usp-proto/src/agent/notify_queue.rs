use std::collections::VecDeque;

use sangam_types::Mono;

use crate::message::{Message, Notify, Request};
use crate::retry::{Jitter, Retry};

/// Notifications that wait for their answer, in the order in which they happened.
#[derive(Debug)]
pub(super) struct NotifyQueue {
    retry: Retry,
    max: usize,
    jitter: Jitter,
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    msg_id: String,
    notify: Notify,
    attempts: u32,
    due: Mono,
    expires: Option<Mono>,
}

/// What is due.
pub(super) enum Told {
    Message(Message),
    Expired(String),
}

impl NotifyQueue {
    pub(super) fn new(retry: Retry, max: usize, jitter: Jitter) -> Self {
        Self { retry, max, jitter, waiting: VecDeque::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Adds one, due at once; answers the subscription of the oldest if that had to go.
    pub(super) fn push(&mut self, now: Mono, msg_id: String, notify: Notify, expires: Option<Mono>) -> Option<String> {
        let oldest = (self.waiting.len() >= self.max).then(|| self.waiting.pop_front()).flatten();
        self.waiting.push_back(Waiting { msg_id, notify, attempts: 0, due: now, expires });
        oldest.map(|it| it.notify.subscription_id)
    }

    /// There is a new channel: everything is due, as if it had not been told.
    pub(super) fn reopen(&mut self, now: Mono) {
        for it in &mut self.waiting {
            it.attempts = 0;
            it.due = now;
        }
    }

    pub(super) fn take(&mut self, msg_id: &str) -> Option<String> {
        let index = self.waiting.iter().position(|it| it.msg_id == msg_id)?;
        self.waiting.remove(index).map(|it| it.notify.subscription_id)
    }

    pub(super) fn next_due(&mut self, now: Mono, is_connected: bool) -> Option<Told> {
        if let Some(index) = self.waiting.iter().position(|it| it.expires.is_some_and(|expires| expires <= now)) {
            return self.waiting.remove(index).map(|it| Told::Expired(it.notify.subscription_id));
        }
        if !is_connected {
            return None;
        }
        let it = self.waiting.iter_mut().find(|it| it.due <= now)?;
        it.attempts = it.attempts.saturating_add(1);
        it.due = now + self.retry.wait(it.attempts, &mut self.jitter);
        Some(Told::Message(Message::request(it.msg_id.clone(), Request::Notify(it.notify.clone()))))
    }

    pub(super) fn deadline(&self) -> Option<Mono> {
        self.waiting.iter().flat_map(|it| [Some(it.due), it.expires]).flatten().min()
    }
}
