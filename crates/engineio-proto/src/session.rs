use std::collections::VecDeque;

use bytes::Bytes;
use sangam_types::{Frame, Mono};

use crate::handshake::{Handshake, TransportKind};
use crate::options::Options;
use crate::packet::{CLOSE, NOOP, PING, PROBE_PONG, Packet};
use crate::payload::{decode_payload, encode_payload};

/// What happens to a session: exactly one of these, then drain [`Output`] to [`Output::Wait`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A message came on its WebSocket.
    Received(Frame),
    /// Its WebSocket is gone.
    SocketGone,
    /// Its WebSocket brought something that is no message, or one that is too large.
    SocketFailed,
    /// More waits for its WebSocket than may, or for longer.
    SocketStuck,
    /// A WebSocket opened that names this session.
    ProbeOpened,
    /// A message came on that WebSocket.
    ProbeReceived(Frame),
    /// That WebSocket is gone.
    ProbeGone,
    /// A GET asks for packets.
    Polled,
    /// The GET that waits was given up by its client.
    PollGone,
    /// A POST brought packets: its whole body.
    Posted(Bytes),
    /// A POST came while the body of another is being read, or its body is not to be had: its client left, or it is of a
    /// type that no client sends.
    PostOverlapped,
    /// Send this to the client: an encoded packet.
    Send(Frame),
    /// Close the session after what was sent before.
    Close,
    /// A deadline given by [`Output::Wait`] has passed. Harmless when early.
    Timeout,
}

/// What a session wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send this on its WebSocket.
    Send(Frame),
    /// Close its WebSocket.
    CloseSocket,
    /// Send this on the WebSocket that wants to take over.
    SendProbe(Frame),
    /// That WebSocket is the session's from now on. What waits for a poll follows as [`Output::Send`].
    Upgraded,
    /// Close the WebSocket that wanted to take over.
    CloseProbe,
    /// Close the WebSocket that opened last: there is nothing to take over, or another is about to.
    RefuseProbe,
    /// Answer the GET that waits, 200 with this body.
    AnswerPoll(Vec<u8>),
    /// Answer the newest GET with [`Refusal::BadRequest`](crate::Refusal::BadRequest).
    RefusePoll,
    /// Answer the POST, 200 and `ok`.
    AnswerPost,
    /// Answer the POST with [`Refusal::BadRequest`](crate::Refusal::BadRequest).
    RefusePost,
    /// The client sent this.
    Message(Frame),
    /// The session is over. Nothing but [`Output::Wait`] follows.
    Closed(CloseReason),
    /// Drained; call with [`Input::Timeout`] at this deadline at the latest.
    Wait(Option<Mono>),
}

/// Why a session is over. Clients of Node's engine.io know these texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CloseReason {
    /// The client closed it, or its connection ended.
    TransportClose,
    /// The client broke the rules of its transport: polled twice at once, gave a poll up.
    TransportError,
    /// A ping was not answered in time.
    PingTimeout,
    /// What came was no packet.
    ParseError,
    /// The server closed it.
    ForcedClose,
    /// More waits for the client than may.
    TooSlow,
}

impl CloseReason {
    /// As Node's engine.io names it, where it has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TransportClose => "transport close",
            Self::TransportError => "transport error",
            Self::PingTimeout => "ping timeout",
            Self::ParseError => "parse error",
            Self::ForcedClose => "forced close",
            Self::TooSlow => "too slow",
        }
    }
}

/// One session from its handshake to its end.
///
/// ```text
///              pingInterval            pingTimeout
/// open, pong ───────────────► ping ───────────────────► closed
///
/// polling ── 2probe, 3probe on a WebSocket ── 5 ──► websocket
/// ```
#[derive(Debug)]
pub struct Session {
    options: Options,
    life: Life,
    transport: TransportKind,
    has_poll: bool,
    probe: Probe,
    heartbeat: Heartbeat,
    /// Encoded packets that wait for a poll.
    queue: VecDeque<Frame>,
    queue_bytes: usize,
    outputs: VecDeque<Output>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Open,
    /// Closed by the server; a poll is to tell the client until then.
    Closing(Mono),
    Closed,
}

/// A WebSocket that wants to take over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Probe {
    None,
    /// It has to say the word until then.
    Opened(Mono),
    /// It was answered; polls are answered at once, so that the client can stop polling.
    Confirmed(Mono),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heartbeat {
    /// The next ping.
    Rests(Mono),
    /// A ping was sent; its pong is to come until then.
    Asked(Mono),
    /// Another packet came instead, so the pong has until then: once for each ping.
    AskedLonger(Mono),
}

impl Session {
    /// A session that begins: its open packet is the first it sends. Over polling, the GET that began it waits for an
    /// answer.
    #[must_use]
    pub fn open(sid: &str, transport: TransportKind, options: Options, now: Mono) -> Self {
        let mut session = Self {
            options,
            life: Life::Open,
            transport,
            has_poll: transport == TransportKind::Polling,
            probe: Probe::None,
            heartbeat: Heartbeat::Rests(now + options.ping_interval),
            queue: VecDeque::new(),
            queue_bytes: 0,
            outputs: VecDeque::new(),
        };
        session.send(Handshake { sid, transport, options }.encode());
        session
    }

    /// What carries it now.
    #[must_use]
    pub fn transport(&self) -> TransportKind {
        self.transport
    }

    /// Whether what is sent now goes to the transport at once: a poll waits, or a WebSocket carries the session.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        self.life == Life::Open && (self.transport == TransportKind::WebSocket || self.has_poll)
    }

    /// Bytes that wait for a poll.
    #[must_use]
    pub fn queued_bytes(&self) -> usize {
        self.queue_bytes
    }

    /// Takes one input; then drain [`poll_output`](Self::poll_output).
    pub fn handle_input(&mut self, now: Mono, input: Input) {
        match input {
            Input::Received(frame) => self.receive(now, &frame),
            Input::SocketGone => self.end(CloseReason::TransportClose),
            Input::SocketFailed => self.end(CloseReason::TransportError),
            Input::SocketStuck => self.end(CloseReason::TooSlow),
            Input::ProbeOpened => self.open_probe(now),
            Input::ProbeReceived(frame) => self.receive_probe(&frame),
            Input::ProbeGone => self.probe = Probe::None,
            Input::Polled => self.begin_poll(),
            Input::PollGone => {
                self.has_poll = false;
                self.end(CloseReason::TransportError);
            }
            Input::Posted(body) => self.take_post(now, body),
            Input::PostOverlapped => {
                self.outputs.push_back(Output::RefusePost);
                self.end(CloseReason::TransportError);
            }
            Input::Send(frame) => self.send(frame),
            Input::Close => self.close(now),
            Input::Timeout => self.time_out(now),
        }
    }

    /// The next thing to do, [`Output::Wait`] when there is nothing more.
    pub fn poll_output(&mut self) -> Output {
        if let Some(output) = self.outputs.pop_front() {
            return output;
        }
        // An idle session keeps no memory of a busy past.
        self.outputs = VecDeque::new();
        Output::Wait(self.deadline())
    }

    fn deadline(&self) -> Option<Mono> {
        let heartbeat = match self.heartbeat {
            Heartbeat::Rests(at) | Heartbeat::Asked(at) | Heartbeat::AskedLonger(at) => at,
        };
        match (self.life, self.probe) {
            (Life::Closed, _) => None,
            (Life::Closing(until), _) => Some(until),
            (Life::Open, Probe::None) => Some(heartbeat),
            (Life::Open, Probe::Opened(until) | Probe::Confirmed(until)) => Some(heartbeat.min(until)),
        }
    }

    fn receive(&mut self, now: Mono, frame: &Frame) {
        if self.transport == TransportKind::WebSocket {
            self.take(now, Packet::decode(frame).ok());
        }
    }

    /// One packet of the client; `None` for something that is none.
    fn take(&mut self, now: Mono, packet: Option<Packet>) {
        if self.life != Life::Open {
            return;
        }
        if let Heartbeat::Asked(_) = self.heartbeat {
            self.heartbeat = Heartbeat::AskedLonger(now + self.options.ping_timeout);
        }
        match packet {
            Some(Packet::Message(message)) => self.outputs.push_back(Output::Message(message)),
            Some(Packet::Pong(_)) => self.heartbeat = Heartbeat::Rests(now + self.options.ping_interval),
            Some(Packet::Close) => self.end(CloseReason::TransportClose),
            // In this revision the server asks.
            Some(Packet::Ping(_)) => self.end(CloseReason::TransportError),
            Some(Packet::Open(_) | Packet::Upgrade | Packet::Noop) => {}
            None => self.end(CloseReason::ParseError),
        }
    }

    fn take_post(&mut self, now: Mono, body: Bytes) {
        if self.transport != TransportKind::Polling || self.life == Life::Closed {
            return self.outputs.push_back(Output::RefusePost);
        }
        // Whatever it brought, it was taken: the next poll tells the client of an end.
        self.outputs.push_back(Output::AnswerPost);
        match decode_payload(body) {
            Ok(packets) => {
                for (index, packet) in packets.enumerate() {
                    let has_room = index < self.options.payload_packets_max;
                    self.take(now, packet.ok().filter(|_| has_room));
                    if !has_room {
                        break;
                    }
                }
            }
            Err(_) => self.take(now, None),
        }
    }

    fn begin_poll(&mut self) {
        if self.transport != TransportKind::Polling || self.life == Life::Closed {
            return self.outputs.push_back(Output::RefusePoll);
        }
        if self.has_poll {
            self.outputs.push_back(Output::RefusePoll);
            return self.end(CloseReason::TransportError);
        }
        self.has_poll = true;
        match (self.life, self.probe) {
            // As Node does: clients look at a close before they have looked at what stands before it in one body.
            (Life::Closing(_), _) if self.queue.is_empty() => self.end(CloseReason::ForcedClose),
            (_, Probe::Confirmed(_)) if self.queue.is_empty() => self.answer_poll(&[NOOP]),
            _ => self.flush(),
        }
    }

    fn send(&mut self, frame: Frame) {
        if self.life != Life::Open {
            return;
        }
        if self.transport == TransportKind::WebSocket {
            return self.outputs.push_back(Output::Send(frame));
        }
        self.queue_bytes += frame.len();
        self.queue.push_back(frame);
        if self.has_poll {
            self.flush();
        } else if self.queue_bytes > self.options.queue_bytes_max {
            self.end(CloseReason::TooSlow);
        }
    }

    /// Gives what waits to whatever carries the session now.
    fn flush(&mut self) {
        if self.queue.is_empty() {
            return;
        }
        let queue = std::mem::take(&mut self.queue);
        self.queue_bytes = 0;
        match self.transport {
            TransportKind::WebSocket => self.outputs.extend(queue.into_iter().map(Output::Send)),
            TransportKind::Polling => self.answer_poll(queue.iter()),
        }
    }

    fn answer_poll<'a>(&mut self, frames: impl IntoIterator<Item = &'a Frame>) {
        self.has_poll = false;
        self.outputs.push_back(Output::AnswerPoll(encode_payload(frames)));
    }

    fn open_probe(&mut self, now: Mono) {
        let is_wanted = self.options.allows_upgrades
            && self.life == Life::Open
            && self.transport == TransportKind::Polling
            && self.probe == Probe::None;
        if is_wanted {
            self.probe = Probe::Opened(now + self.options.upgrade_timeout);
        } else {
            self.outputs.push_back(Output::RefuseProbe);
        }
    }

    fn receive_probe(&mut self, frame: &Frame) {
        let (Probe::Opened(until) | Probe::Confirmed(until)) = self.probe else { return };
        match Packet::decode(frame) {
            Ok(Packet::Ping(text)) if text.as_str() == "probe" => {
                self.probe = Probe::Confirmed(until);
                self.outputs.push_back(Output::SendProbe(PROBE_PONG));
                if self.has_poll {
                    self.answer_poll(&[NOOP]);
                }
            }
            Ok(Packet::Upgrade) => self.upgrade(),
            Ok(_) | Err(_) => self.close_probe(),
        }
    }

    fn upgrade(&mut self) {
        if self.has_poll {
            self.answer_poll(&[NOOP]);
        }
        self.probe = Probe::None;
        self.transport = TransportKind::WebSocket;
        self.outputs.push_back(Output::Upgraded);
        self.flush();
        if let Life::Closing(_) = self.life {
            self.end(CloseReason::ForcedClose);
        }
    }

    fn close_probe(&mut self) {
        if self.probe != Probe::None {
            self.probe = Probe::None;
            self.outputs.push_back(Output::CloseProbe);
        }
    }

    fn close(&mut self, now: Mono) {
        if self.life != Life::Open {
            return;
        }
        if self.transport == TransportKind::WebSocket || self.has_poll {
            return self.end(CloseReason::ForcedClose);
        }
        // A client that is changing over does not poll again: what waits reaches it on its WebSocket.
        self.life = Life::Closing(now + self.options.close_timeout);
    }

    fn time_out(&mut self, now: Mono) {
        if let Life::Closing(until) = self.life
            && until <= now
        {
            return self.end(CloseReason::ForcedClose);
        }
        if let Probe::Opened(until) | Probe::Confirmed(until) = self.probe
            && until <= now
        {
            self.close_probe();
        }
        match self.heartbeat {
            Heartbeat::Rests(at) if at <= now && self.life == Life::Open => {
                self.heartbeat = Heartbeat::Asked(now + self.options.ping_timeout);
                self.send(PING);
            }
            Heartbeat::Asked(until) | Heartbeat::AskedLonger(until) if until <= now => {
                self.end(CloseReason::PingTimeout);
            }
            Heartbeat::Rests(_) | Heartbeat::Asked(_) | Heartbeat::AskedLonger(_) => {}
        }
    }

    /// Ends the session. A poll that waits hears what was sent and that it is over.
    fn end(&mut self, reason: CloseReason) {
        if self.life == Life::Closed {
            return;
        }
        self.life = Life::Closed;
        let mut last = std::mem::take(&mut self.queue);
        if self.has_poll {
            // The client that closed waits for no close: its poll just ends.
            last.push_back(if reason == CloseReason::TransportClose { NOOP } else { CLOSE });
            self.answer_poll(last.iter());
        }
        self.close_probe();
        if self.transport == TransportKind::WebSocket {
            self.outputs.push_back(Output::CloseSocket);
        }
        self.outputs.push_back(Output::Closed(reason));
    }
}
