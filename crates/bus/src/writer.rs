use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::frame::Change;
use crate::queue::{Batch, Flushed, Queue};
use crate::segment::Segment;

/// The one thread that writes: takes all that waits, appends it in one write, syncs now and then, and makes a new file when
/// the old one is mostly of the past.
pub(crate) struct Writer {
    queue: Arc<Queue>,
    segment: Segment,
    /// Written and not synced.
    is_dirty: bool,
    /// The file lacks what memory has: it has to be written anew.
    is_behind: bool,
    synced: Instant,
    tried: Option<Instant>,
}

/// How much of memory is copied at once while callers wait: some hundred microseconds.
const CHUNK_BYTES: usize = 256 << 10;

impl Writer {
    pub(crate) fn new(queue: Arc<Queue>, segment: Segment, is_behind: bool) -> Self {
        Self { queue, segment, is_dirty: false, is_behind, synced: Instant::now(), tried: None }
    }

    /// Until the queue is closed and empty.
    pub(crate) fn run(mut self) {
        loop {
            let Batch { frames, flushes, is_last } = self.queue.next(self.deadline());
            self.write(&frames);
            if self.is_behind && (self.may_try() || is_last || !flushes.is_empty())
                || self.is_mostly_past() && self.may_try()
            {
                self.rewrite();
            }
            if !flushes.is_empty() || is_last || self.sync_is_due() {
                let outcome = self.sync();
                answer(flushes, &outcome);
            }
            self.show();
            if is_last {
                return;
            }
        }
    }

    /// When the writer has to look up though nothing comes.
    fn deadline(&self) -> Option<Instant> {
        // Never zero: what fails is not tried again without a pause.
        let interval = self.queue.options.sync_interval.max(Duration::from_millis(1));
        match (self.is_dirty, self.is_behind) {
            (_, true) => Some(self.tried.unwrap_or(self.synced) + interval),
            (true, false) => Some(self.synced + interval),
            (false, false) => None,
        }
    }

    fn write(&mut self, frames: &[u8]) {
        // What is behind is written from memory, which has these frames too.
        if frames.is_empty() || self.is_behind {
            return;
        }
        match self.segment.append(frames) {
            Ok(()) => {
                self.is_dirty = true;
                self.queue.state().stats.writes += 1;
            }
            Err(error) => self.failed("written", &error),
        }
    }

    fn sync_is_due(&self) -> bool {
        self.is_dirty && self.synced.elapsed() >= self.queue.options.sync_interval
    }

    /// Puts on the disk what was written. An error, too, if the file lacks something.
    fn sync(&mut self) -> io::Result<()> {
        if self.is_behind {
            return Err(io::Error::other("the last write failed; it is tried again"));
        }
        self.synced = Instant::now();
        if !self.is_dirty {
            return Ok(());
        }
        self.segment.sync().inspect_err(|error| self.failed("synced", error))?;
        self.is_dirty = false;
        self.queue.state().stats.syncs += 1;
        Ok(())
    }

    /// One try in each interval, so that a full disk is not asked without end.
    fn may_try(&self) -> bool {
        self.tried.is_none_or(|tried| tried.elapsed() >= self.queue.options.sync_interval)
    }

    fn is_mostly_past(&self) -> bool {
        let live = self.queue.state().table.bytes() as u64;
        self.segment.bytes() > self.queue.options.compact_bytes_min.max(live.saturating_mul(2))
    }

    fn rewrite(&mut self) {
        self.tried = Some(Instant::now());
        match self.compact() {
            Ok(()) => {
                (self.is_behind, self.is_dirty) = (false, false);
                self.queue.state().stats.compactions += 1;
            }
            Err(error) => self.failed("compacted", &error),
        }
    }

    /// Writes what lives into a new file, in steps. What changes meanwhile goes into the old file as ever and is copied from
    /// there: read in order, the later change wins.
    fn compact(&mut self) -> io::Result<()> {
        let mut successor = self.segment.successor()?;
        let since = self.segment.bytes();
        let mut place = None;
        loop {
            let mut chunk = Vec::new();
            let (salt, state) = (self.queue.salt, self.queue.state());
            place = state.table.walk(place.as_ref(), |area, key, value, expires| {
                salt.encode(Change::Put { area, key, value, expires }, &mut chunk);
                chunk.len() < CHUNK_BYTES
            });
            drop(state);
            successor.append(&chunk)?;
            self.write_meanwhile()?;
            if place.is_none() {
                return self.segment.give_way(successor, since);
            }
        }
    }

    /// Appends what came while the new file is written, even when the old one lacks something before it.
    fn write_meanwhile(&mut self) -> io::Result<()> {
        let frames = self.queue.take_frames();
        if !frames.is_empty() {
            self.segment.append(&frames)?;
            self.is_dirty = true;
        }
        Ok(())
    }

    fn failed(&mut self, verb: &'static str, error: &io::Error) {
        if !self.is_behind {
            tracing::warn!(%error, "the journal could not be {verb}; it is tried again from memory");
        }
        self.is_behind = true;
        self.queue.state().stats.write_errors += 1;
    }

    fn show(&self) {
        self.queue.state().stats.file_bytes = self.segment.bytes();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.end();
    }
}

fn answer(flushes: Vec<Flushed>, outcome: &io::Result<()>) {
    for flushed in flushes {
        let answer = match outcome {
            Ok(()) => Ok(()),
            Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
        };
        // Who asked may have gone.
        flushed.send(answer).ok();
    }
}
