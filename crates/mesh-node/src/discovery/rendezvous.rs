//! A rendezvous: registering a URL there, hearing of others, and the mailbox for signals.

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt as _;
use sangam_mesh_proto::mesh::Source;
use sangam_mesh_proto::{PeerId, Signal, Via};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::backoff::Backoff;
use super::context::{Context, count, join};
use super::http_client::HttpError;
use super::visits::round;
use super::{Server, payload};

/// The first rounds are shorter: nodes that start together find each other soon.
const FIRST_ROUNDS: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)];
/// Signals of one poll that are read; more are counted.
const SIGNALS_MAX: usize = 1_024;
/// A poll that is answered sooner, with nothing, was not held: the server is an original, and is asked at intervals.
const HELD: Duration = Duration::from_millis(300);
/// Pauses between polls of a server that does not hold them: while something goes on, and otherwise.
const POLL_PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(2));
/// How long after the last signal something goes on.
const BUSY: Duration = Duration::from_secs(10);

/// One of the rendezvous.
pub(super) struct Rendezvous {
    pub(super) context: Arc<Context>,
    pub(super) index: u8,
    pub(super) server: Server,
    /// Told with every signal that is sent, so that the answer is looked for soon.
    pub(super) sent: tokio::sync::Notify,
}

impl Rendezvous {
    /// Registers and asks for others until the node stops.
    pub(super) async fn register(self: Arc<Self>) {
        let context = &self.context;
        let mut backoff = Backoff::new(context.options.retry_first, context.options.retry_max);
        let mut first_rounds = FIRST_ROUNDS.into_iter();
        let mut was_up = None;
        loop {
            let done = tokio::select! {
                done = self.round() => done,
                () = context.stop.cancelled() => return,
            };
            let pause = match &done {
                Ok(()) => {
                    backoff.reset();
                    first_rounds.next().unwrap_or_else(|| round(context))
                }
                Err(_) => backoff.fail(),
            };
            if was_up != Some(done.is_ok()) {
                was_up = Some(done.is_ok());
                let detail = done.err().map(|error| error.to_string()).unwrap_or_default();
                context.tell_source(Source::Rendezvous(self.index), was_up == Some(true), &detail).await;
            }
            if context.sleep(pause).await.is_none() {
                return;
            }
        }
    }

    async fn round(&self) -> Result<(), HttpError> {
        let context = &self.context;
        if let Some(url) = context.url_towards(&self.server.url).await {
            let body = json!({ "url": url });
            context.post(join(&self.server.url, "/register"), self.server.token.as_ref(), &body).await?;
        }
        let url = join(&self.server.url, "/get_peers?limit=10");
        let peers = context.get(url, self.server.token.as_ref(), context.options.answer_bytes_max).await?;
        let urls = peers.as_array().ok_or(HttpError::Json)?;
        // Ten were asked for.
        for url in urls.iter().take(10).filter_map(Value::as_str) {
            let source = Source::Rendezvous(self.index);
            // Whoever is still listed is not forgotten, however seldom it is visited.
            if let Some((peer, profile)) = context.add_url(url, source, false) {
                context.seen(peer, source, Some(url.trim_end_matches('/').to_owned()), profile).await;
            }
        }
        Ok(())
    }

    /// Reads our mailbox until the node stops.
    pub(super) async fn poll(self: Arc<Self>) {
        let context = &self.context;
        let mut backoff = Backoff::new(context.options.retry_first, context.options.retry_max);
        let mut busy_until = Instant::now();
        let mut was_read = true;
        loop {
            let asked = Instant::now();
            let polled = tokio::select! {
                polled = self.polled() => polled,
                () = context.stop.cancelled() => return,
            };
            if let (Err(error), true) = (&polled, was_read) {
                tracing::warn!(server = %self.server.url, %error, "the mailbox at a rendezvous cannot be read");
            }
            was_read = polled.is_ok();
            let pause = match polled {
                Err(_) => backoff.fail(),
                Ok(count) => {
                    backoff.reset();
                    if count > 0 {
                        busy_until = Instant::now() + BUSY;
                    }
                    match (count, asked.elapsed() < HELD, Instant::now() < busy_until) {
                        (0, true, false) => POLL_PAUSES.1,
                        (0, true, true) => POLL_PAUSES.0,
                        _ => Duration::ZERO,
                    }
                }
            };
            if pause.is_zero() {
                continue;
            }
            let pause = pause.mul_f64(rand::rng().random_range(0.9..1.1));
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.sent.notified(), if pause > POLL_PAUSES.0 => {
                    busy_until = Instant::now() + BUSY;
                    if context.sleep(POLL_PAUSES.0).await.is_none() { return }
                }
                () = context.stop.cancelled() => return,
            }
        }
    }

    /// How many signals came.
    async fn polled(&self) -> Result<usize, HttpError> {
        let context = &self.context;
        let url = join(&self.server.url, &format!("/signal/poll/{}", percent_encoded(context.our_id().as_str())));
        let token = self.server.token.as_ref();
        let batch = context.get(url, token, context.options.state_bytes_max).await?;
        let batch = batch.as_array().ok_or(HttpError::Json)?;
        for (number, letter) in batch.iter().enumerate() {
            match read(letter).filter(|_| number < SIGNALS_MAX) {
                Some((from, signal)) => context.signal(from, Via::Rendezvous(self.index), signal).await,
                None => count(&context.counters.malformed),
            }
        }
        Ok(batch.len())
    }

    /// Puts a signal into a peer's mailbox. That says nothing about whether it is read.
    pub(super) async fn send(&self, to: &PeerId, signal: &Signal) -> Result<(), HttpError> {
        let context = &self.context;
        let body = json!({
            "from_peer": context.our_id().as_str(),
            "to_peer": to.as_str(),
            "type": payload::word(signal),
            "payload": payload::write(signal),
        });
        context.post(join(&self.server.url, "/signal/send"), self.server.token.as_ref(), &body).await?;
        self.sent.notify_one();
        Ok(())
    }
}

fn read(letter: &Value) -> Option<(PeerId, Signal)> {
    let from = PeerId::new(letter.get("from_peer")?.as_str()?).ok()?;
    Some((from, payload::read(letter.get("type")?.as_str()?, letter.get("payload")?)?))
}

/// An id as one segment of a path (RFC 3986 §2.3).
fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_one_segment_of_a_path_whatever_is_in_it() {
        assert_eq!(percent_encoded("aZ9-_="), "aZ9-_%3D");
        assert_eq!(percent_encoded("a/b?c#d%é"), "a%2Fb%3Fc%23d%25%C3%A9");
    }

    #[test]
    fn a_letter_without_sender_or_sense_is_none() {
        let whole = json!({"from_peer": "a", "type": "offer", "payload": {"sdp": "v=0\r\n", "type": "offer"}});
        assert!(read(&whole).is_some());
        for name in ["from_peer", "type", "payload"] {
            let mut lacking = whole.clone();
            lacking[name] = json!({});
            assert_eq!(read(&lacking), None, "{name}");
        }
    }
}
