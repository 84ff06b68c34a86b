//! One connection with a broker, from its opening to its end.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::BytesMut;
use sangam_types::Mono;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::dial::{Wire, dial};
use super::speaker::{Said, Speaker};
use super::{Broker, Outgoing};

/// Bytes that may wait to be written before nothing more is taken or read.
const OUT_BYTES_MAX: usize = 256 << 10;

/// Bytes that are read at a time.
const READ_BYTES: usize = 16 << 10;

/// How long goodbye may take.
const GOODBYE_MAX: Duration = Duration::from_secs(2);

/// How a connection ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) was_connected: bool,
    /// A label and words; `None`: it was meant.
    pub(super) trouble: Option<(&'static str, String)>,
}

impl Broker {
    /// Connects and converses until the connection ends.
    pub(super) async fn connection(
        self: &Arc<Self>,
        number: u64,
        outgoing: &mut mpsc::Receiver<Outgoing>,
        ending: &CancellationToken,
    ) -> Ended {
        let Some(stream) = ending.run_until_cancelled(dial(&self.options)).await else {
            return Ended { was_connected: false, trouble: None };
        };
        let stream = match stream {
            Ok(stream) => stream,
            Err(error) => return Ended { was_connected: false, trouble: Some((error.label(), error.to_string())) },
        };
        self.take_receipts(number);
        let mut conversation = Conversation::new(Arc::clone(self), number, stream);
        let trouble = conversation.run(outgoing, ending).await;
        let unconfirmed = conversation.sent.len() + conversation.writing.len();
        // Whether the broker has them is not known: they are not said again, as what they ask for might be done twice.
        (0..unconfirmed).for_each(|_| self.account.failed("unconfirmed"));
        self.unconfirmed.store(0, Ordering::Relaxed);
        Ended { was_connected: conversation.is_connected, trouble }
    }
}

struct Conversation {
    broker: Arc<Broker>,
    number: u64,
    speaker: Speaker,
    reader: ReadHalf<Box<dyn Wire>>,
    writer: WriteHalf<Box<dyn Wire>>,
    out: BytesMut,
    /// Bytes that were ever put into `out`, and those that were written.
    put: u64,
    written: u64,
    needs_flush: bool,
    /// Records that are being written: where each ends, its number, and since when it waited.
    writing: VecDeque<(u64, u64, Mono)>,
    /// Records that were written and not confirmed: since when.
    sent: HashMap<u64, Mono>,
    deadline: Option<Mono>,
    is_connected: bool,
    is_over: bool,
    trouble: Option<(&'static str, String)>,
}

impl Conversation {
    fn new(broker: Arc<Broker>, number: u64, stream: Box<dyn Wire>) -> Self {
        let speaker =
            Speaker::new(broker.account.mono(), broker.hub.endpoint(), &broker.options, broker.hub.record_bytes_max());
        let (reader, writer) = tokio::io::split(stream);
        Self {
            broker,
            number,
            speaker,
            reader,
            writer,
            out: BytesMut::new(),
            put: 0,
            written: 0,
            needs_flush: false,
            writing: VecDeque::new(),
            sent: HashMap::new(),
            deadline: None,
            is_connected: false,
            is_over: false,
            trouble: None,
        }
    }

    /// Why it ended; `None`: it was meant.
    async fn run(
        &mut self,
        outgoing: &mut mpsc::Receiver<Outgoing>,
        ending: &CancellationToken,
    ) -> Option<(&'static str, String)> {
        let mut input = BytesMut::new();
        loop {
            self.settle();
            if self.is_over {
                break;
            }
            input.reserve(READ_BYTES);
            let broker = Arc::clone(&self.broker);
            let may_send = self.is_connected && self.speaker.has_room() && self.out.len() < OUT_BYTES_MAX;
            let is_behind = broker.working.load(Ordering::Acquire) >= broker.options.working_max;
            let may_read = !is_behind && self.out.len() < OUT_BYTES_MAX;
            let has_output = !self.out.is_empty() || self.needs_flush;
            tokio::select! {
                () = ending.cancelled() => return self.goodbye(outgoing).await,
                read = self.reader.read_buf(&mut input), if may_read => match read {
                    Ok(0) => return Some(("closed", "the broker closed the connection".to_owned())),
                    Ok(_) => {
                        self.speaker.handle_bytes(broker.account.mono(), &input);
                        input.clear();
                    }
                    Err(error) => return Some(("broken", error.to_string())),
                },
                wrote = write(&mut self.writer, &mut self.out), if has_output => match wrote {
                    Ok(0) => self.needs_flush = false,
                    Ok(count) => self.wrote(count),
                    Err(error) => return Some(("broken", error.to_string())),
                },
                Some(next) = outgoing.recv(), if may_send => self.send(&next),
                () = broker.progress.notified() => {}
                () = until(&broker, self.deadline) => self.speaker.handle_timeout(broker.account.mono()),
            }
        }
        self.trouble.take()
    }

    /// What the speaker has to say, and what it is told of what was taken.
    fn settle(&mut self) {
        let now = self.broker.account.mono();
        for receipt in self.broker.take_receipts(self.number) {
            self.speaker.taken(now, receipt);
        }
        loop {
            match self.speaker.poll() {
                Said::Transmit(bytes) => {
                    self.put += bytes.len() as u64;
                    self.out.extend_from_slice(&bytes);
                }
                Said::Connected => self.connected(),
                Said::Record(arrived) => self.broker.arrived(self.number, arrived),
                Said::NotARecord => self.broker.account.failed("not_a_record"),
                Said::Confirmed(number) => {
                    let took = self.sent.remove(&number).map(|since| now.saturating_since(since));
                    self.broker.account.acked(took.unwrap_or_default());
                }
                Said::Rejected(number) => {
                    self.sent.remove(&number);
                    self.broker.account.nacked();
                }
                Said::Failed(reason, words) => self.trouble = Some((reason, words)),
                Said::Close => self.is_over = true,
                Said::Wait(until) => {
                    self.deadline = until;
                    break;
                }
            }
        }
        self.broker.unconfirmed.store(self.sent.len() + self.writing.len(), Ordering::Relaxed);
    }

    fn connected(&mut self) {
        let options = &self.broker.options;
        tracing::info!(
            broker = options.wire.name(),
            host = options.host,
            port = options.port,
            "a message broker is connected"
        );
        self.is_connected = true;
        self.broker.account.connected(1);
    }

    fn send(&mut self, next: &Outgoing) {
        let (account, now) = (&self.broker.account, self.broker.account.mono());
        if now.saturating_since(next.queued) > self.broker.options.send_within {
            return account.failed("expired");
        }
        let reply_to = next.agent.reply_to();
        let Some(number) = self.speaker.send(now, &reply_to, next.agent.answer_at.as_deref(), &next.record) else {
            return account.failed("not_sent");
        };
        self.settle();
        self.writing.push_back((self.put, number, next.queued));
    }

    fn wrote(&mut self, count: usize) {
        self.written += count as u64;
        self.needs_flush = true;
        let now = self.broker.account.mono();
        while let Some((_, number, queued)) = self.writing.pop_front_if(|(end, ..)| *end <= self.written) {
            self.broker.account.published(now.saturating_since(queued));
            self.sent.insert(number, now);
        }
    }

    /// Sends what waits, and says goodbye.
    async fn goodbye(&mut self, outgoing: &mut mpsc::Receiver<Outgoing>) -> Option<(&'static str, String)> {
        while self.is_connected && self.speaker.has_room() {
            let Ok(next) = outgoing.try_recv() else { break };
            self.send(&next);
        }
        self.speaker.close(self.broker.account.mono());
        self.settle();
        let leaving = async {
            self.writer.write_all(&self.out).await?;
            self.writer.shutdown().await
        };
        // The broker sees that the connection is gone, whatever became of our goodbye.
        let _outcome = tokio::time::timeout(GOODBYE_MAX, leaving).await;
        self.writing.clear();
        self.sent.clear();
        None
    }
}

/// Writes some of what waits and says how much; where nothing does, has all of it leave, and says zero.
async fn write(writer: &mut WriteHalf<Box<dyn Wire>>, out: &mut BytesMut) -> io::Result<usize> {
    if out.is_empty() {
        return writer.flush().await.map(|()| 0);
    }
    match writer.write_buf(out).await {
        Ok(0) => Err(io::ErrorKind::WriteZero.into()),
        written => written,
    }
}

async fn until(broker: &Broker, deadline: Option<Mono>) {
    match deadline {
        Some(deadline) => tokio::time::sleep(deadline.saturating_since(broker.account.mono())).await,
        None => std::future::pending().await,
    }
}
