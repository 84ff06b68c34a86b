use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::socket::{Received, Socket};
use sangam_types::Mono;

/// What a request waits for.
pub(crate) type Answer = oneshot::Sender<Reply>;

/// How a request is answered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// 200 with these packets.
    Payload(Vec<u8>),
    /// 200, `ok`.
    Ok,
    /// 400.
    Refused,
}

/// A request for a session that polls.
pub(crate) enum Order {
    /// A GET wants packets.
    Poll(Answer),
    /// A POST brings packets.
    Post(Bytes, Answer),
    /// A POST whose packets are not to be had.
    PostBroken(Answer),
    /// A WebSocket that names the session.
    Probe(Box<Socket>),
}

/// Where the requests of a session go while it polls.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) orders: mpsc::Sender<Order>,
    is_posting: AtomicBool,
}

/// Requests that wait for the session's task: it takes them at once, and a proper client has one of each kind.
const ORDERS_MAX: usize = 4;

impl Gate {
    pub(crate) fn new() -> (Self, mpsc::Receiver<Order>) {
        let (orders, receiver) = mpsc::channel(ORDERS_MAX);
        (Self { orders, is_posting: AtomicBool::new(false) }, receiver)
    }

    /// The one POST that there may be; `None` while there is another.
    pub(crate) fn begin_post(&self) -> Option<Posting<'_>> {
        (!self.is_posting.swap(true, Ordering::AcqRel)).then_some(Posting(self))
    }

    /// Hands a request to the session and waits for its answer. `None`: the session is over.
    pub(crate) async fn ask(&self, order: impl FnOnce(Answer) -> Order) -> Option<Reply> {
        let (answer, reply) = oneshot::channel();
        self.orders.send(order(answer)).await.ok()?;
        reply.await.ok()
    }
}

/// A POST under way.
pub(crate) struct Posting<'a>(&'a Gate);

impl Drop for Posting<'_> {
    fn drop(&mut self) {
        self.0.is_posting.store(false, Ordering::Release);
    }
}

/// What a session keeps only while it polls.
pub(crate) struct Polling {
    orders: mpsc::Receiver<Order>,
    /// The GET that waits.
    poll: Option<Answer>,
    /// The GET that came last, until the core has said what becomes of it.
    newest_poll: Option<Answer>,
    /// The POST that came last.
    post: Option<Answer>,
    /// How it will be answered, once its client may send more.
    verdict: Option<Reply>,
    /// The WebSocket that wants to take over.
    probe: Option<Box<Socket>>,
    /// The WebSocket that opened last, until the core has said what becomes of it.
    newest_probe: Option<Box<Socket>>,
}

/// What happened around polling.
pub(crate) enum Happened {
    /// A request came.
    Order(Order),
    /// The GET that waits was given up.
    PollGone,
    /// The WebSocket that wants to take over brought something.
    Probe(Received),
}

impl Polling {
    /// A session whose first GET waits for the handshake.
    pub(crate) fn new(orders: mpsc::Receiver<Order>, first: Answer) -> Self {
        Self {
            orders,
            poll: Some(first),
            newest_poll: None,
            post: None,
            verdict: None,
            probe: None,
            newest_probe: None,
        }
    }

    pub(crate) fn poll_happened(&mut self, cx: &mut Context<'_>, now: Mono) -> Poll<Happened> {
        if let Poll::Ready(Some(order)) = self.orders.poll_recv(cx) {
            return Poll::Ready(Happened::Order(order));
        }
        if let Some(poll) = &mut self.poll
            && poll.poll_closed(cx).is_ready()
        {
            self.poll = None;
            return Poll::Ready(Happened::PollGone);
        }
        let Some(probe) = &mut self.probe else { return Poll::Pending };
        if let Poll::Ready(received) = probe.poll_receive(cx) {
            return Poll::Ready(Happened::Probe(received));
        }
        match probe.poll_write(cx, now) {
            Poll::Ready(Err(_)) => Poll::Ready(Happened::Probe(Received::Gone)),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
        }
    }

    /// A GET came; [`settle`](Self::settle) once the core has heard of it.
    pub(crate) fn polled(&mut self, answer: Answer) {
        self.newest_poll = Some(answer);
    }

    /// A POST came.
    pub(crate) fn posted(&mut self, answer: Answer) {
        self.post = Some(answer);
    }

    /// A WebSocket opened; [`settle`](Self::settle) once the core has heard of it.
    pub(crate) fn probed(&mut self, socket: Box<Socket>) {
        self.newest_probe = Some(socket);
    }

    /// What the core did not refuse is what waits now.
    pub(crate) fn settle(&mut self) {
        if let Some(answer) = self.newest_poll.take() {
            self.poll = Some(answer);
        }
        if let Some(socket) = self.newest_probe.take() {
            self.probe = Some(socket);
        }
    }

    /// Answers the GET that waits. A client that left is told nothing.
    pub(crate) fn answer_poll(&mut self, body: Vec<u8>) {
        if let Some(poll) = self.poll.take().or_else(|| self.newest_poll.take()) {
            drop(poll.send(Reply::Payload(body)));
        }
    }

    pub(crate) fn refuse_poll(&mut self) {
        if let Some(poll) = self.newest_poll.take() {
            drop(poll.send(Reply::Refused));
        }
    }

    /// Says how the POST is to be answered.
    pub(crate) fn decide_post(&mut self, verdict: Reply) {
        self.verdict = Some(verdict);
    }

    /// Answers it.
    pub(crate) fn answer_post(&mut self) {
        if let (Some(verdict), Some(post)) = (self.verdict.take(), self.post.take()) {
            drop(post.send(verdict));
        }
    }

    pub(crate) fn probe(&mut self) -> Option<&mut Socket> {
        self.probe.as_deref_mut()
    }

    pub(crate) fn take_probe(&mut self) -> Option<Box<Socket>> {
        self.probe.take()
    }

    pub(crate) fn take_newest_probe(&mut self) -> Option<Box<Socket>> {
        self.newest_probe.take()
    }
}
