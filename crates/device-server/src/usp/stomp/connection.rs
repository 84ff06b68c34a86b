//! One agent's connection with our own STOMP endpoint.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use sangam_device_proto::secret::{Login, Secret};
use sangam_net::FrontStream;
use sangam_types::Mono;
use sangam_usp_proto::mtp::stomp::{ConnectRequest, ServerEvent, ServerOutput, StompServer};
use sangam_usp_proto::mtp::websocket::close_code;
use sangam_usp_proto::{Connect, EndpointId};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::StompEndpoint;
use crate::usp::broker::Clocks;
use crate::usp::link::{Closing, Link, LinkRefused, Shown, Way};

/// Bytes that are read at a time: most of what agents send fits, and an idle connection holds no more.
const READ_BYTES: usize = 2 << 10;

/// Bytes that may wait to be written before records stay in their queue.
const OUT_BYTES_MAX: usize = 64 << 10;

/// How long what is queued may take to leave once the connection is to end.
const GOODBYE_MAX: Duration = Duration::from_secs(2);

/// What others know of a connection: the way to its agent.
#[derive(Debug)]
pub(super) struct Carrier {
    pub(super) endpoint: EndpointId,
    pub(super) destination: String,
    /// When it last carried a record, seconds since the start of the process; 0: not yet.
    pub(super) spoke_secs: AtomicU64,
    queue: Mutex<Queue>,
    queue_bytes_max: usize,
    clocks: Clocks,
    wake: Notify,
}

/// Records that wait for a connection.
#[derive(Debug, Default)]
struct Queue {
    /// Each with since when it waits.
    records: VecDeque<(Bytes, Mono)>,
    bytes: usize,
    closing: Option<Closing>,
    is_gone: bool,
}

impl Carrier {
    fn new(endpoint: EndpointId, destination: String, queue_bytes_max: usize, clocks: Clocks) -> Self {
        let (spoke_secs, queue, wake) = (AtomicU64::new(0), Mutex::default(), Notify::new());
        Self { endpoint, destination, spoke_secs, queue, queue_bytes_max, clocks, wake }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn waiting(&self) -> usize {
        self.queue().records.len()
    }
}

impl Link for Carrier {
    fn connect(&self) -> Connect {
        Connect::Stomp { destination: self.destination.clone() }
    }

    fn send(&self, record: Bytes) -> bool {
        let mut queue = self.queue();
        let bytes = queue.bytes + record.len();
        // One alone is taken however large it is.
        if queue.is_gone || queue.closing.is_some() || (queue.bytes > 0 && bytes > self.queue_bytes_max) {
            return false;
        }
        queue.bytes = bytes;
        queue.records.push_back((record, self.clocks.mono()));
        drop(queue);
        self.wake.notify_one();
        true
    }

    fn close(&self, why: Closing) {
        self.queue().closing.get_or_insert(why);
        self.wake.notify_one();
    }
}

/// Drives one connection until its end.
pub(super) struct Connection {
    endpoint: Arc<StompEndpoint>,
    server: StompServer,
    reader: ReadHalf<FrontStream>,
    writer: WriteHalf<FrontStream>,
    out: BytesMut,
    needs_flush: bool,
    put: u64,
    written: u64,
    /// Records that are being written: where each ends, and since when it waited.
    writing: VecDeque<(u64, Mono)>,
    deadline: Option<Mono>,
    /// Until when what is queued may leave, once the connection is to end.
    leave_by: Option<Mono>,
    agent: Option<(Arc<Carrier>, Arc<Way>)>,
    /// Records that came and are not taken yet.
    inbox: VecDeque<Bytes>,
    /// Nobody reads along: it is encrypted, or does not leave this host.
    is_private: bool,
    is_subscribed: bool,
    is_over: bool,
}

/// What is being done with a record.
type Taking = BoxFuture<'static, Result<(), LinkRefused>>;

impl Connection {
    pub(super) fn new(endpoint: Arc<StompEndpoint>, stream: FrontStream, is_private: bool) -> Self {
        let server = StompServer::new(endpoint.account.mono(), endpoint.options.server.clone());
        let (reader, writer) = tokio::io::split(stream);
        Self {
            endpoint,
            server,
            reader,
            writer,
            out: BytesMut::new(),
            needs_flush: false,
            put: 0,
            written: 0,
            writing: VecDeque::new(),
            deadline: None,
            leave_by: None,
            agent: None,
            inbox: VecDeque::new(),
            is_private,
            is_subscribed: false,
            is_over: false,
        }
    }

    pub(super) async fn run(mut self, ending: CancellationToken) {
        if let Err(error) = self.converse(&ending).await {
            tracing::debug!(%error, "the connection of an agent is lost");
        }
        if let Some((carrier, way)) = self.agent.take() {
            carrier.queue().is_gone = true;
            self.endpoint.left(&carrier);
            drop(way);
        }
    }

    async fn converse(&mut self, ending: &CancellationToken) -> io::Result<()> {
        let mut input = BytesMut::new();
        let mut taking: Option<Taking> = None;
        loop {
            self.settle().await;
            if self.is_over {
                return self.leave().await;
            }
            if taking.is_none() {
                taking = self.next_record();
            }
            if input.capacity() < READ_BYTES / 4 {
                input.reserve(READ_BYTES);
            }
            let is_reading = taking.is_none() && self.server.wants_bytes() && self.out.len() < OUT_BYTES_MAX;
            let is_writing = !self.out.is_empty() || self.needs_flush;
            let endpoint = Arc::clone(&self.endpoint);
            tokio::select! {
                read = self.reader.read_buf(&mut input), if is_reading => {
                    if read? == 0 {
                        return Ok(());
                    }
                    self.server.handle_bytes(endpoint.account.mono(), &input);
                    input.clear();
                }
                wrote = write(&mut self.writer, &mut self.out), if is_writing => self.wrote(wrote?),
                taken = finish(&mut taking) => self.taken(taken),
                () = woken(self.agent.as_ref()) => {}
                () = endpoint.until(self.deadline.into_iter().chain(self.leave_by).min()) => self.server.handle_timeout(endpoint.account.mono()),
                () = ending.cancelled() => self.server.close(endpoint.account.mono(), "the server ends"),
            }
        }
    }

    /// Has what was said leave, if the agent takes it in time.
    async fn leave(&mut self) -> io::Result<()> {
        let leaving = async {
            self.writer.write_all(&self.out).await?;
            self.writer.shutdown().await
        };
        tokio::time::timeout(GOODBYE_MAX, leaving).await.map_err(|_elapsed| io::ErrorKind::TimedOut)?
    }

    /// What the machine has to say, and what waits for the agent.
    async fn settle(&mut self) {
        self.deliver();
        loop {
            match self.server.poll_output() {
                ServerOutput::Transmit(bytes) => {
                    self.put += bytes.len() as u64;
                    self.out.extend_from_slice(&bytes);
                }
                ServerOutput::Event(event) => self.handle(event).await,
                ServerOutput::Close => self.is_over = true,
                ServerOutput::Wait(until) => {
                    self.deadline = until;
                    return;
                }
            }
        }
    }

    async fn handle(&mut self, event: ServerEvent) {
        let now = self.endpoint.account.mono();
        match event {
            ServerEvent::Connect(request) => match self.connect(request).await {
                Ok(destination) => self.server.accept(now, &destination),
                Err(reason) => {
                    self.endpoint.account.failed(reason);
                    self.server.refuse(now);
                }
            },
            ServerEvent::Subscribed => {
                self.is_subscribed = true;
                self.deliver();
            }
            ServerEvent::Record(record) => {
                self.endpoint.account.received();
                self.spoke(now);
                self.inbox.push_back(record);
            }
            ServerEvent::Refused(refusal) => self.endpoint.account.failed(refusal.label()),
            ServerEvent::Disconnected => {}
        }
    }

    /// Asks the hub whether the agent may come, with what it shows.
    async fn connect(&mut self, request: ConnectRequest) -> Result<String, &'static str> {
        let ConnectRequest { endpoint, login, passcode, host: _ } = request;
        let shown = match (login, passcode) {
            (Some(_), Some(_)) if !self.is_private && !self.endpoint.hub.takes_plain_passwords() => {
                return Err("not_encrypted");
            }
            (Some(user), Some(passcode)) => {
                let secret = Secret::new(passcode).ok_or("login_too_long")?;
                Shown::Login(Login { user: user.into(), secret })
            }
            _ => Shown::Nothing,
        };
        let destination = format!("/usp/agent/{endpoint}");
        let queue_bytes_max = self.endpoint.options.queue_bytes_max;
        let carrier =
            Carrier::new(endpoint.clone(), destination.clone(), queue_bytes_max, self.endpoint.clocks.clone());
        let carrier = Arc::new(carrier);
        let link: Arc<dyn Link> = Arc::<Carrier>::clone(&carrier);
        let way = self.endpoint.hub.open(endpoint, shown, link).await.map_err(|refused| refused.label())?;
        self.endpoint.came(&carrier);
        self.agent = Some((carrier, Arc::new(way)));
        Ok(destination)
    }

    /// Gives the machine what waits for the agent, once it has subscribed.
    fn deliver(&mut self) {
        let Some((carrier, _)) = &self.agent else { return };
        let now = self.endpoint.account.mono();
        while self.is_subscribed && self.out.len() < OUT_BYTES_MAX {
            let mut queue = carrier.queue();
            let Some((record, queued)) = queue.records.pop_front() else { break };
            queue.bytes -= record.len();
            drop(queue);
            if !self.server.deliver(now, record) {
                break;
            }
            while let ServerOutput::Transmit(bytes) = self.server.poll_output() {
                self.put += bytes.len() as u64;
                self.out.extend_from_slice(&bytes);
            }
            self.writing.push_back((self.put, queued));
            carrier.spoke_secs.store(now.since_start().as_secs().max(1), Ordering::Relaxed);
        }
        let queue = carrier.queue();
        let (closing, is_empty) = (queue.closing, queue.records.is_empty());
        drop(queue);
        let Some(why) = closing else { return };
        let leave_by = *self.leave_by.get_or_insert(now + GOODBYE_MAX);
        if is_empty || !self.is_subscribed || leave_by <= now {
            self.server.close(now, why.words());
        }
    }

    fn next_record(&mut self) -> Option<Taking> {
        let (_, way) = self.agent.as_ref()?;
        let (record, way) = (self.inbox.pop_front()?, Arc::clone(way));
        Some(Box::pin(async move { way.record(record).await }))
    }

    fn taken(&mut self, taken: Result<(), LinkRefused>) {
        let Err(refused) = taken else { return };
        self.endpoint.account.failed(refused.label());
        let is_over = match refused {
            LinkRefused::Record(refusal) => close_code(refusal).is_some(),
            _ => true,
        };
        if is_over {
            self.inbox.clear();
            self.server.close(self.endpoint.account.mono(), &refused.to_string());
        }
    }

    fn wrote(&mut self, count: usize) {
        self.written += count as u64;
        self.needs_flush = count > 0;
        let now = self.endpoint.account.mono();
        while let Some((_, queued)) = self.writing.pop_front_if(|(end, _)| *end <= self.written) {
            self.endpoint.account.published(now.saturating_since(queued));
        }
    }

    fn spoke(&self, now: Mono) {
        if let Some((carrier, _)) = &self.agent {
            carrier.spoke_secs.store(now.since_start().as_secs().max(1), Ordering::Relaxed);
        }
    }
}

impl Closing {
    /// For an agent, in the `message` of ERROR.
    const fn words(self) -> &'static str {
        match self {
            Self::Replaced => "a newer session of this endpoint is there",
            Self::Unreadable => "what came is no USP record",
            Self::Refused => "this agent is not served",
            Self::Stuck => "what is sent to this agent is not taken",
            Self::Draining => "the server ends; come back later",
        }
    }
}

async fn write(writer: &mut WriteHalf<FrontStream>, out: &mut BytesMut) -> io::Result<usize> {
    if out.is_empty() {
        return writer.flush().await.map(|()| 0);
    }
    match writer.write_buf(out).await {
        Ok(0) => Err(io::ErrorKind::WriteZero.into()),
        written => written,
    }
}

/// What came of a record that is being taken; never, if none is.
async fn finish(taking: &mut Option<Taking>) -> Result<(), LinkRefused> {
    match taking {
        Some(running) => {
            let taken = running.await;
            *taking = None;
            taken
        }
        None => std::future::pending().await,
    }
}

async fn woken(agent: Option<&(Arc<Carrier>, Arc<Way>)>) {
    match agent {
        Some((carrier, _)) => carrier.wake.notified().await,
        None => std::future::pending().await,
    }
}
