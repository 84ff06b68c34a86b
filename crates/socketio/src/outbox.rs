use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sangam_socketio_proto::{AckId, Arguments};
use sangam_types::{Frame, Text};
use tokio::sync::mpsc;

use crate::upper::SessionWaker;

/// The Engine.IO packets of one Socket.IO packet, encoded once for all who get it.
pub(crate) type Frames = Arc<[Frame]>;

/// What others want a session to do.
#[derive(Debug)]
pub(crate) enum Order {
    /// Send this.
    Send(Frames),
    /// Send this if the transport takes it now.
    SendVolatile(Frames),
    /// Send this question and pass its answer on.
    Ask(Arc<Question>),
    /// Put a socket out of its namespace, or close the whole session.
    Disconnect { namespace: Text, sid: Arc<str>, close: bool },
    /// The client is back on another session: end.
    Supersede,
    /// The session that stood in the way is gone.
    Resume { namespace: Text },
}

/// A question to many.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) namespace: Text,
    pub(crate) frames: Frames,
    pub(crate) ack: AckId,
    pub(crate) timeout: Duration,
    /// Ends when the last of those who were asked has answered, or cannot any more.
    pub(crate) answers: mpsc::Sender<Option<Arguments>>,
}

/// What waits for one session, pushed by others under a short lock and taken by its own task.
#[derive(Debug)]
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    has_orders: AtomicBool,
    bytes_max: usize,
    waker: SessionWaker,
}

#[derive(Debug, Default)]
struct Queue {
    orders: Vec<Order>,
    bytes: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Open,
    Overflowed,
    Closed,
}

/// What became of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// It waits.
    Waits,
    /// Nobody is there any more.
    Closed,
    /// There was no room: for something volatile that is all, else the session ends.
    NoRoom,
}

impl Outbox {
    pub(crate) fn new(waker: SessionWaker, bytes_max: usize) -> Self {
        Self { queue: Mutex::default(), has_orders: AtomicBool::new(false), bytes_max, waker }
    }

    /// Leaves an order of `bytes` and wakes the session.
    pub(crate) fn push(&self, order: Order, bytes: usize) -> Pushed {
        let mut queue = self.lock();
        if queue.state != State::Open {
            return Pushed::Closed;
        }
        if bytes > 0 && queue.bytes + bytes > self.bytes_max {
            if matches!(order, Order::SendVolatile(_)) {
                return Pushed::NoRoom;
            }
            *queue = Queue { state: State::Overflowed, ..Queue::default() };
            drop(queue);
            self.announce();
            return Pushed::NoRoom;
        }
        queue.bytes += bytes;
        queue.orders.push(order);
        let is_first = queue.orders.len() == 1;
        drop(queue);
        if is_first {
            self.announce();
        }
        Pushed::Waits
    }

    /// Everything that waits, in order; `Err` if there was more than may. Without a lock if there is nothing.
    pub(crate) fn take(&self) -> Result<Vec<Order>, Overflowed> {
        if !self.has_orders.load(Ordering::Acquire) {
            return Ok(Vec::new());
        }
        let mut queue = self.lock();
        // Orders that follow announce themselves again, for the list is empty now.
        self.has_orders.store(false, Ordering::Release);
        if queue.state == State::Overflowed {
            queue.state = State::Closed;
            return Err(Overflowed);
        }
        queue.bytes = 0;
        Ok(std::mem::take(&mut queue.orders))
    }

    /// The session is over.
    pub(crate) fn close(&self) {
        *self.lock() = Queue { state: State::Closed, ..Queue::default() };
    }

    fn announce(&self) {
        self.has_orders.store(true, Ordering::Release);
        self.waker.wake();
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// More waited than may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Overflowed;
