use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use sangam_interop::sync_token;
use sangam_sync_client::{Client, ClientOptions};
use sangam_sync_proto::message::{HandshakeRequest, PullRequest, PushRequest};
use sangam_sync_proto::{Kind, Name, Operation};
use tokio::time::sleep;

use crate::book::Book;
use crate::load::EDITED;

/// Operations of one push at most.
const PUSH_OPS_MAX: u64 = 5;
/// After so many operations it pulls once.
const PULL_EVERY: u64 = 12;
const PAGE_OPS: u64 = 200;
/// What it waits before it tries again: much less than devices do, so that much happens.
const WAIT: Duration = Duration::from_millis(40);

/// A device that edits for ever. Everything it does follows from the number of the operation.
pub(crate) struct Device {
    pub(crate) db: Name,
    pub(crate) name: Name,
    client: Client,
    book: Mutex<Book>,
}

impl Device {
    pub(crate) fn new(url: &str, db: &str, name: &str) -> Result<Self> {
        Ok(Self { db: db.into(), name: name.into(), client: client(url, db, Some(name))?, book: Mutex::default() })
    }

    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Pushes and pulls; what fails is tried again.
    pub(crate) async fn run(self: Arc<Self>, stop: Arc<AtomicBool>) {
        let (mut attempt, mut pull_at) = (0, PULL_EVERY);
        while !stop.load(Ordering::Relaxed) {
            if self.push(attempt).await {
                attempt = 0;
            } else {
                attempt += 1;
                sleep(WAIT).await;
            }
            if self.book().acked >= pull_at {
                pull_at = self.book().acked + PULL_EVERY;
                self.pull().await;
            }
        }
    }

    /// Pushes what is not acknowledged: when it is tried again, the queue has grown or is cut elsewhere.
    async fn push(&self, attempt: u64) -> bool {
        let (first, last) = {
            let mut book = self.book();
            let first = book.acked + 1;
            let last = first + (book.acked + attempt) % PUSH_OPS_MAX;
            book.sent = book.sent.max(last);
            (first, last)
        };
        let ops = (first..=last).map(|number| operation(&self.db, &self.name, number)).collect();
        let request = PushRequest { db: Arc::clone(&self.db), device: Arc::clone(&self.name), ops };
        let answer = self.client.push(&request).await;
        let mut book = self.book();
        match answer {
            Ok(answer) if answer.acknowledged == last && answer.conflicts.is_empty() => book.acked = last,
            Ok(answer) => book.wrong(format!("operations {first} to {last}: {answer:?}")),
            Err(error) => book.failed(error),
        }
        book.acked == last
    }

    async fn pull(&self) {
        let since = {
            let mut book = self.book();
            book.presented = book.presented.max(book.position);
            book.position
        };
        let db = Arc::clone(&self.db);
        let answer =
            self.client.pull(&PullRequest { db, since, limit: PAGE_OPS, collections: None, epoch: None }).await;
        let mut book = self.book();
        match answer {
            Ok(page) => {
                book.position = page.next;
                let seen = page.ops.into_iter().map(|op| (op.op_id, (op.device, op.version)));
                book.seen.extend(seen);
            }
            Err(error) => book.failed(error),
        }
    }

    /// From where the server has it go on.
    pub(crate) async fn resume_point(&self) -> Result<u64> {
        let request = HandshakeRequest {
            db: Arc::clone(&self.db),
            device: Arc::clone(&self.name),
            platform: "test".to_owned(),
            app_version: "1".to_owned(),
            metadata: None,
        };
        Ok(self.client.handshake(&request).await?.cursor)
    }
}

/// A client that tries once, with a token for that database and perhaps a device of it.
pub(crate) fn client(url: &str, db: &str, device: Option<&str>) -> Result<Client> {
    let token = sync_token(Some(db), device)?;
    let options = ClientOptions { attempts_max: 1, ..ClientOptions::default() };
    Ok(Client::new(url, Some(token.into()), options)?)
}

/// The operation of that number. Where entities are edited, three of four change one of three again, so that within a push one
/// takes the place of another; else each makes one.
pub(crate) fn operation(db: &Name, device: &Name, number: u64) -> Operation {
    let makes = &**db != EDITED || number.is_multiple_of(4);
    let entity = if makes { format!("{device}-{number}") } else { format!("{device}-e{}", number % 3) };
    // A byte string of 504 bytes.
    let mut body = vec![0x59, 0x01, 0xF8];
    (0..63).for_each(|_| body.extend(number.to_be_bytes()));
    Operation {
        op_id: number,
        db: Arc::clone(db),
        device: Arc::clone(device),
        collection: "notes".into(),
        entity: entity.into(),
        kind: Kind::Upsert,
        version: number,
        body: Some(Bytes::from(body)),
        timestamp_ms: number,
    }
}
