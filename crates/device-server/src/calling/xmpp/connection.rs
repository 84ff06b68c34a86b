//! One connection with the server, from its beginning to its end.

use std::collections::HashMap;
use std::io;
use std::time::Instant;

use sangam_cwmp_proto::connection_request::Verdict;
use sangam_cwmp_proto::connection_request::xmpp::{
    Component, ComponentOptions, ComponentOutput, RequestOffence, XmppRequest, XmppRequestHandle,
};
use sangam_telemetry::metrics::devices::DeviceMetrics;
use sangam_types::Mono;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::Ask;
use crate::options::XmppOptions;

/// Bytes read at a time.
const READ_BYTES: usize = 16 << 10;

/// How a connection ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// One word, for a counter.
    pub(super) reason: &'static str,
    /// Whether the server had let us in.
    pub(super) was_ready: bool,
}

type Answers = HashMap<XmppRequestHandle, oneshot::Sender<Result<Verdict, RequestOffence>>>;

/// The state of a connection.
struct Connection {
    component: Component,
    stream: TcpStream,
    began: Instant,
    answers: Answers,
    asked_so_far: u64,
    was_ready: bool,
}

/// Connects and serves those who ask, until the connection ends. Who waits for an answer then is told so.
pub(super) async fn connected(
    options: &XmppOptions,
    asked: &mut mpsc::Receiver<Ask>,
    metrics: &DeviceMetrics,
) -> Ended {
    let connecting = TcpStream::connect((options.host.as_str(), options.port));
    // Meanwhile nobody is kept waiting.
    let connecting = tokio::select! {
        connected = timeout(options.connect_timeout, connecting) => connected,
        () = refuse_all(asked) => return Ended { reason: "stopped", was_ready: false },
    };
    let stream = match connecting {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            tracing::debug!(%error, "the XMPP server is not reached");
            return Ended { reason: "unreachable", was_ready: false };
        }
        Err(_) => return Ended { reason: "connect_timeout", was_ready: false },
    };
    let mut component_options = ComponentOptions::new(options.domain.clone(), options.secret.clone());
    component_options.answer_timeout = options.answer_timeout;
    component_options.pending_max = options.pending_max;
    let mut connection = Connection {
        component: Component::new(component_options, Mono::ZERO),
        stream,
        began: Instant::now(),
        answers: Answers::new(),
        asked_so_far: 0,
        was_ready: false,
    };
    let reason = connection.serve(asked, metrics).await;
    if connection.was_ready {
        metrics.xmpp_connected(false);
    }
    Ended { reason, was_ready: connection.was_ready }
}

async fn refuse_all(asked: &mut mpsc::Receiver<Ask>) {
    while let Some(ask) = asked.recv().await {
        let _: Result<(), _> = ask.answer.send(Err(RequestOffence::NotReady));
    }
}

impl Connection {
    fn now(&self) -> Mono {
        Mono::from_start(self.began.elapsed())
    }

    async fn serve(&mut self, asked: &mut mpsc::Receiver<Ask>, metrics: &DeviceMetrics) -> &'static str {
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let deadline = match self.settle(metrics).await {
                Ok(deadline) => deadline,
                Err(reason) => return reason,
            };
            let until = deadline.map(|at| tokio::time::Instant::from_std(self.began + at.since_start()));
            let timer = async {
                match until {
                    Some(until) => tokio::time::sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                read = self.stream.read(&mut buffer) => self.heard(&read, &buffer),
                ask = asked.recv() => match ask {
                    Some(ask) => self.ask(ask),
                    None => return "stopped",
                },
                () = timer => {
                    let now = self.now();
                    self.component.handle_timeout(now);
                }
            }
        }
    }

    fn heard(&mut self, read: &io::Result<usize>, buffer: &[u8]) {
        let now = self.now();
        match read {
            Ok(0) | Err(_) => self.component.handle_disconnect(),
            Ok(len) => self.component.handle_bytes(now, buffer.get(..*len).unwrap_or_default()),
        }
    }

    fn ask(&mut self, ask: Ask) {
        let Ask { to, username, password, answer } = ask;
        self.asked_so_far += 1;
        let handle = XmppRequestHandle(self.asked_so_far);
        let request = XmppRequest { handle, to: &to, username: &username, password: &password };
        let now = self.now();
        match self.component.handle_request(now, &request) {
            Ok(()) => {
                self.answers.insert(handle, answer);
            }
            Err(offence) => {
                let _: Result<(), _> = answer.send(Err(offence));
            }
        }
    }

    /// Does what the core wants, until it waits; an error when the connection is over.
    async fn settle(&mut self, metrics: &DeviceMetrics) -> Result<Option<Mono>, &'static str> {
        loop {
            match self.component.poll_output() {
                // A server that takes nothing is not waited for: the handshake, or an answer, would not come either.
                ComponentOutput::Send(bytes) => match timeout(WRITE_MAX, self.stream.write_all(&bytes)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) | Err(_) => self.component.handle_disconnect(),
                },
                ComponentOutput::Ready => {
                    self.was_ready = true;
                    metrics.xmpp_connected(true);
                    tracing::info!("devices are called by XMPP: its server has let us in");
                }
                ComponentOutput::Answered { handle, verdict } => {
                    if let Some(answer) = self.answers.remove(&handle) {
                        let _: Result<(), _> = answer.send(Ok(verdict));
                    }
                }
                ComponentOutput::Closed(reason) => return Err(reason.label()),
                ComponentOutput::Wait(deadline) => return Ok(deadline),
            }
        }
    }
}

/// How long a write may take.
const WRITE_MAX: std::time::Duration = std::time::Duration::from_secs(5);
