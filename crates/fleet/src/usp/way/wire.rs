use std::io;
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use sangam_types::Mono;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, sleep_until};

use super::Ended;
use crate::connection::Stream;

/// A stream beneath a client that has neither socket nor clock.
pub(super) struct Wire {
    stream: Box<dyn Stream>,
    /// What the client's clock counts from.
    began: Instant,
    outgoing: BytesMut,
    /// What came last, for the client to take.
    pub(super) incoming: BytesMut,
}

/// What happened.
pub(super) enum Step {
    /// Something was written.
    Wrote,
    /// Something came.
    Read,
    /// Time has passed.
    Due,
}

const READ_BYTES: usize = 1_024;
/// A client that never wants to be woken is looked at now and then.
const SELDOM: Duration = Duration::from_secs(3_600);

impl Wire {
    pub(super) fn new(stream: Box<dyn Stream>) -> Self {
        Self { stream, began: Instant::now(), outgoing: BytesMut::new(), incoming: BytesMut::new() }
    }

    pub(super) fn now(&self) -> Mono {
        Mono::from_start(self.began.elapsed())
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.outgoing.extend_from_slice(bytes);
    }

    /// Writes what waits, else reads what comes or lets time pass; nothing is lost if it is not waited for to its end.
    pub(super) async fn step(&mut self, due: Option<Mono>) -> Result<Step, Ended> {
        if !self.outgoing.is_empty() {
            self.write_some().await?;
            return Ok(Step::Wrote);
        }
        let due = due.map_or_else(|| Instant::now() + SELDOM, |due| self.began + due.since_start());
        self.incoming.clear();
        self.incoming.reserve(READ_BYTES);
        tokio::select! {
            read = self.stream.read_buf(&mut self.incoming) => match read? {
                0 => Err(Ended("closed".to_owned())),
                _ => Ok(Step::Read),
            },
            () = sleep_until(due) => Ok(Step::Due),
        }
    }

    pub(super) async fn flush(&mut self) -> io::Result<()> {
        while !self.outgoing.is_empty() {
            self.write_some().await?;
        }
        self.stream.flush().await
    }

    async fn write_some(&mut self) -> io::Result<()> {
        match self.stream.write(&self.outgoing).await? {
            0 => Err(io::ErrorKind::WriteZero.into()),
            count => {
                self.outgoing.advance(count);
                Ok(())
            }
        }
    }
}
