mod below;

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use sangam_engineio_proto::{CloseReason, Input, Output, Session, TransportKind};
use sangam_net::{Pace, Place};
use sangam_types::{Frame, Mono, Text};
use tokio::sync::Notify;
use tokio::time::Sleep;

use super::polling::{Happened, Order, Polling, Reply};
use super::shared::Shared;
use super::sid::Sid;
use super::socket::{CloseWith, Received, Socket, close_code};
use crate::upper::{Upper as _, UpperFactory};
use below::Below;

/// The task of one session.
pub(crate) struct SessionTask<F: UpperFactory> {
    shared: Arc<Shared<F>>,
    sid: Sid,
    core: Session,
    /// Gone once it has heard of the end.
    upper: Option<F::Upper>,
    wake: Arc<Notify>,
    socket: Option<Box<Socket>>,
    polling: Option<Box<Polling>>,
    pace: Pace,
    /// The client sent too fast: nothing more is taken from it until then.
    paused: Option<Mono>,
    /// Messages read since something was written.
    unwritten_reads: u8,
    farewell: Farewell,
    /// Given back when everything else is.
    _place: Place,
}

/// How the WebSocket of a session that is over is closed.
#[derive(Clone, Copy, Debug)]
enum Farewell {
    /// Without a code, as Node's engine.io does.
    Plain,
    /// With a code and a reason.
    Code(u16, &'static str),
    /// The server stops.
    Drain,
    /// There is nobody to close it to.
    Gone,
}

/// What a session's transport brings.
enum Event {
    Received(Received),
    Polling(Happened),
    /// The WebSocket takes no more for now.
    Stuck,
}

/// What a session begins with.
pub(crate) struct Parts<U> {
    pub(crate) sid: Sid,
    pub(crate) core: Session,
    pub(crate) upper: U,
    pub(crate) wake: Arc<Notify>,
    pub(crate) place: Place,
}

/// Messages that are read before what they cause is written.
const READS_MAX: u8 = 32;
/// Bytes that may wait before more is read without a try to write them.
const READ_AHEAD_BYTES: usize = 64 * 1_024;

impl<F: UpperFactory> SessionTask<F> {
    pub(crate) fn new(shared: Arc<Shared<F>>, parts: Parts<F::Upper>) -> Box<Self> {
        let Parts { sid, core, upper, wake, place } = parts;
        let options = &shared.options;
        let pace = Pace::new(options.messages_per_sec, options.messages_burst, shared.clock.mono());
        shared.stats.opened.add();
        Box::new(Self {
            shared,
            sid,
            core,
            upper: Some(upper),
            wake,
            socket: None,
            polling: None,
            pace,
            paused: None,
            unwritten_reads: 0,
            farewell: Farewell::Plain,
            _place: place,
        })
    }

    /// A WebSocket carries it from the beginning.
    pub(crate) fn on_socket(mut self: Box<Self>, socket: Socket) -> Box<Self> {
        self.socket = Some(Box::new(socket));
        self
    }

    /// It begins with polling.
    pub(crate) fn on_polling(mut self: Box<Self>, polling: Polling) -> Box<Self> {
        self.polling = Some(Box::new(polling));
        self
    }

    /// Runs it to its end. In a box, because a future keeps what it is given twice.
    pub(crate) async fn run(mut self: Box<Self>) {
        let reason = self.serve().await;
        self.end(reason);
        if let Some(socket) = self.socket.take()
            && let Some(close) = self.close_frame()
        {
            // Only who closes pays for it.
            Box::pin(socket.close(close)).await;
        }
    }

    async fn serve(&mut self) -> CloseReason {
        let wake = Arc::clone(&self.wake);
        let mut armed = self.now();
        let mut sleep = pin!(tokio::time::sleep_until(self.shared.clock.instant(armed)));
        let mut has_slept = true;
        if self.shared.is_draining() {
            self.woken();
        }
        loop {
            let deadline = match self.settle() {
                Ok(deadline) => deadline,
                Err(reason) => return reason,
            };
            // A deadline that moved away is looked at when the old one passes: most do, and none costs a timer then.
            if has_slept || deadline < armed {
                self.arm(sleep.as_mut(), deadline);
                (armed, has_slept) = (deadline, false);
            }
            tokio::select! {
                biased;
                event = std::future::poll_fn(|cx| self.poll_event(cx)) => self.handle(event),
                () = wake.notified() => self.woken(),
                () = sleep.as_mut() => {
                    has_slept = true;
                    self.time_out();
                }
            }
        }
    }

    fn arm(&self, sleep: Pin<&mut Sleep>, deadline: Mono) {
        sleep.reset(self.shared.clock.instant(deadline));
    }

    fn now(&self) -> Mono {
        self.shared.clock.mono()
    }

    /// The next thing that the transport brings. What waits for it is written when it brings nothing more.
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        let now = self.now();
        if let Some(polling) = &mut self.polling
            && let Poll::Ready(happened) = polling.poll_happened(cx, now)
        {
            return Poll::Ready(Event::Polling(happened));
        }
        let Some(socket) = &mut self.socket else { return Poll::Pending };
        let was_writable = socket.is_writable();
        let read_bytes_max = self.shared.options.outgoing_bytes_max / 2;
        loop {
            let may_read = self.unwritten_reads < READS_MAX && socket.queued_bytes() <= READ_AHEAD_BYTES;
            if may_read {
                if self.paused.is_none()
                    && let Poll::Ready(received) = socket.poll_receive(cx)
                {
                    self.unwritten_reads += 1;
                    return Poll::Ready(Event::Received(received));
                }
                self.unwritten_reads = 0;
            }
            match socket.poll_write(cx, now) {
                Poll::Ready(Err(_)) => return Poll::Ready(Event::Received(Received::Gone)),
                Poll::Ready(Ok(())) if may_read => return Poll::Pending,
                Poll::Ready(Ok(())) => self.unwritten_reads = 0,
                Poll::Pending => break,
            }
        }
        self.unwritten_reads = 0;
        // A client that reads slowly is heard all the same, or its pongs would seem to be missing.
        if self.paused.is_none()
            && socket.queued_bytes() <= read_bytes_max
            && let Poll::Ready(received) = socket.poll_receive(cx)
        {
            return Poll::Ready(Event::Received(received));
        }
        if was_writable { Poll::Ready(Event::Stuck) } else { Poll::Pending }
    }

    fn handle(&mut self, event: Event) {
        let now = self.now();
        match event {
            Event::Received(received) => self.receive(now, received),
            Event::Polling(happened) => self.happened(now, happened),
            Event::Stuck => {}
        }
        // Whoever sends without end keeps neither what stands above nor the heartbeat waiting.
        if self.unwritten_reads == READS_MAX {
            self.woken();
            self.core.handle_input(now, Input::Timeout);
        }
    }

    fn receive(&mut self, now: Mono, received: Received) {
        match received {
            Received::Frame(frame) => {
                self.pay(now, frame.len());
                self.core.handle_input(now, Input::Received(frame));
            }
            Received::Control(bytes) => self.pay(now, bytes),
            Received::Closed => self.core.handle_input(now, Input::SocketGone),
            Received::Gone => {
                self.farewell = Farewell::Gone;
                self.core.handle_input(now, Input::SocketGone);
            }
            Received::Failed(code) => {
                if code == close_code::SIZE {
                    self.shared.stats.messages_too_large.add();
                }
                // As `ws` does: without a reason.
                self.farewell = Farewell::Code(code, "");
                self.core.handle_input(now, Input::SocketFailed);
            }
        }
    }

    fn happened(&mut self, now: Mono, happened: Happened) {
        let Some(polling) = &mut self.polling else { return };
        let input = match happened {
            Happened::Order(order) => match order {
                Order::Poll(answer) => {
                    polling.polled(answer);
                    Input::Polled
                }
                Order::Post(body, answer) => {
                    polling.posted(answer);
                    Input::Posted(body)
                }
                Order::PostBroken(answer) => {
                    polling.posted(answer);
                    Input::PostOverlapped
                }
                Order::Probe(socket) => {
                    polling.probed(socket);
                    Input::ProbeOpened
                }
            },
            Happened::PollGone => Input::PollGone,
            Happened::Probe(Received::Frame(frame)) => Input::ProbeReceived(frame),
            Happened::Probe(Received::Control(_)) => return,
            Happened::Probe(Received::Closed) => {
                close_aside(polling.take_probe(), None);
                Input::ProbeGone
            }
            Happened::Probe(Received::Gone) => {
                drop(polling.take_probe());
                Input::ProbeGone
            }
            Happened::Probe(Received::Failed(code)) => {
                close_aside(polling.take_probe(), Some(code));
                Input::ProbeGone
            }
        };
        self.core.handle_input(now, input);
    }

    fn pay(&mut self, now: Mono, bytes: usize) {
        self.paused = self.pace.pay(bytes, now);
        if self.paused.is_some() {
            self.shared.stats.throttled.add();
        }
    }

    fn woken(&mut self) {
        let now = self.now();
        if let Some(upper) = &mut self.upper {
            upper.woken(now, &mut Below::new(&mut self.core, self.socket.as_deref(), now));
        }
        if self.shared.is_draining() {
            self.farewell = Farewell::Drain;
            self.core.handle_input(now, Input::SocketGone);
        }
    }

    fn time_out(&mut self) {
        let now = self.now();
        self.paused = self.paused.filter(|until| *until > now);
        if self.is_stuck_until().is_some_and(|until| until <= now) {
            self.shared.stats.write_timeouts.add();
            self.give_up(now);
        }
        self.core.handle_input(now, Input::Timeout);
        if let Some(upper) = &mut self.upper
            && upper.deadline().is_some_and(|at| at <= now)
        {
            upper.woken(now, &mut Below::new(&mut self.core, self.socket.as_deref(), now));
        }
    }

    /// When a WebSocket that takes nothing is given up.
    fn is_stuck_until(&self) -> Option<Mono> {
        let since = self.socket.as_deref().and_then(Socket::stuck_since)?;
        Some(since + self.shared.options.write_timeout)
    }

    /// The client reads too slowly.
    fn give_up(&mut self, now: Mono) {
        self.farewell = Farewell::Code(close_code::AGAIN, "reads too slowly");
        if let Some(socket) = &mut self.socket {
            socket.clear();
        }
        self.core.handle_input(now, Input::SocketStuck);
    }

    /// Does what the core wants done, and says when to look again; the reason if it is over.
    fn settle(&mut self) -> Result<Mono, CloseReason> {
        let now = self.now();
        let deadline = loop {
            match self.core.poll_output() {
                Output::Message(message) => self.deliver(now, message),
                Output::Send(frame) => {
                    if let Some(socket) = &mut self.socket {
                        self.shared.stats.sent.add();
                        socket.push(frame);
                    }
                }
                Output::Closed(reason) => return Err(reason),
                // The end says how.
                Output::CloseSocket => {}
                Output::Wait(deadline) => {
                    if !self.is_over_full() {
                        break deadline;
                    }
                    self.shared.stats.queues_full.add();
                    self.give_up(now);
                }
                output => self.settle_polling(output),
            }
        };
        self.settle_requests();
        let upper = self.upper.as_ref().and_then(F::Upper::deadline);
        let soonest = [deadline, upper, self.paused, self.is_stuck_until()].into_iter().flatten().min();
        Ok(soonest.unwrap_or(now + self.shared.options.session.ping_interval))
    }

    fn is_over_full(&self) -> bool {
        self.socket.as_deref().is_some_and(|socket| socket.queued_bytes() > self.shared.options.outgoing_bytes_max)
    }

    fn settle_polling(&mut self, output: Output) {
        let Some(polling) = &mut self.polling else { return };
        match output {
            Output::AnswerPoll(body) => {
                self.shared.stats.sent.add();
                polling.answer_poll(body);
            }
            Output::RefusePoll => polling.refuse_poll(),
            Output::AnswerPost => polling.decide_post(Reply::Ok),
            Output::RefusePost => polling.decide_post(Reply::Refused),
            Output::SendProbe(frame) => {
                if let Some(probe) = polling.probe() {
                    probe.push(frame);
                }
            }
            Output::Upgraded => {
                self.socket = polling.take_probe();
                self.shared.stats.upgraded.add();
                self.shared.table.upgraded(self.sid);
            }
            Output::CloseProbe => close_aside(polling.take_probe(), None),
            Output::RefuseProbe => close_aside(polling.take_newest_probe(), None),
            Output::Send(_) | Output::CloseSocket | Output::Message(_) | Output::Closed(_) | Output::Wait(_) => {}
        }
    }

    /// A client that sends too fast gets the answer to its POST, behind which it may send the next, later.
    fn settle_requests(&mut self) {
        let is_paused = self.paused.is_some();
        let is_polling = self.core.transport() == TransportKind::Polling;
        if let Some(polling) = &mut self.polling {
            polling.settle();
            if !is_paused || !is_polling {
                polling.answer_post();
            }
            if !is_polling {
                self.polling = None;
            }
        }
    }

    fn deliver(&mut self, now: Mono, message: Frame) {
        self.shared.stats.received.add();
        if self.core.transport() == TransportKind::Polling {
            self.pay(now, message.len());
        }
        if let Some(upper) = &mut self.upper {
            upper.received(now, message, &mut Below::new(&mut self.core, self.socket.as_deref(), now));
        }
    }

    /// What stands above hears of the end, and nobody finds the session any more.
    fn end(&mut self, reason: CloseReason) {
        self.shared.table.remove(self.sid);
        self.shared.stats.closed(reason);
        if let Some(mut upper) = self.upper.take() {
            upper.closed(self.now(), reason);
        }
        if let Some(mut polling) = self.polling.take() {
            polling.answer_post();
            polling.refuse_poll();
            close_aside(polling.take_probe(), None);
            close_aside(polling.take_newest_probe(), None);
        }
    }

    /// `None`: nobody is there to be told.
    fn close_frame(&self) -> Option<CloseWith> {
        match self.farewell {
            Farewell::Gone => None,
            Farewell::Plain => Some(None),
            Farewell::Code(code, reason) => Some(Some((code, Text::from_static(reason)))),
            Farewell::Drain => Some(Some((close_code::AWAY, self.shared.hint()))),
        }
    }
}

/// A session may end with its runtime, or because its WebSocket never opened.
impl<F: UpperFactory> Drop for SessionTask<F> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.shared.table.remove(self.sid);
        } else if self.upper.is_some() {
            self.end(CloseReason::TransportClose);
        }
    }
}

/// Closes a WebSocket that is not the session's: in a task of its own, which ends within a second.
fn close_aside(socket: Option<Box<Socket>>, code: Option<u16>) {
    if let Some(socket) = socket {
        let with = code.map(|code| (code, Text::default()));
        // Without a runtime it is dropped, which closes it too.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(socket.close(with));
        }
    }
}

#[cfg(test)]
mod tests;
