use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use sangam_types::Mono;
use sangam_usp_proto::UspLimits;
use sangam_usp_proto::message::{Content, Message, Notification, Request};
use sangam_usp_proto::record::{Record, RecordType};

use super::{Context, Device, Parting, Todo};
use crate::usp::quirks::Quirk;

/// Records on their way to the connection.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    waiting: VecDeque<(Mono, Bytes)>,
    /// The next record is the Connect Record.
    is_first: bool,
    drops_first: bool,
}

/// How long a record is held back at most.
const LATE: Duration = Duration::from_secs(3);
/// How often an agent looks whether values have changed.
const POLLING: Duration = Duration::from_secs(5);

impl Outgoing {
    pub(super) fn handle_open(&mut self, drops_first: bool) {
        self.waiting.clear();
        self.is_first = true;
        self.drops_first = drops_first;
    }

    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn due(&self) -> Option<Mono> {
        self.waiting.iter().map(|(at, _)| *at).min()
    }
}

impl Device {
    /// The agent sends a record: it leaves as this device spells it, perhaps later, twice, or never.
    pub(super) fn send(&mut self, cx: &mut Context<'_>, record: Bytes) {
        let now = cx.now.mono;
        if !self.is_open {
            return;
        }
        let record = if self.quirks.has(Quirk::OldVersion) { of_version(&record, "1.3") } else { record };
        if std::mem::replace(&mut self.outgoing.is_first, false) {
            if !self.outgoing.drops_first {
                self.outgoing.waiting.push_back((now, record));
            }
            return;
        }
        let share = self.world.faults;
        if self.is_faulty(share) {
            match self.dice.below(3) {
                0 => {
                    cx.tally.faults.duplicated += 1;
                    self.outgoing.waiting.push_back((now, record.clone()));
                }
                1 => {
                    cx.tally.faults.late += 1;
                    let at = now + self.dice.within(LATE);
                    return self.outgoing.waiting.push_back((at, record));
                }
                _ => {
                    cx.tally.faults.dropped += 1;
                    self.outgoing.clear();
                    self.is_open = false;
                    return self.todo.push_back(Todo::Close(Parting::Dropped));
                }
            }
        }
        let is_polled = self.quirks.has(Quirk::PolledChanges) && is_value_change(&record);
        let at = if is_polled { now + self.dice.within(POLLING) } else { now };
        self.outgoing.waiting.push_back((at, record));
    }

    /// Lets go of what is due.
    pub(super) fn flush(&mut self, cx: &mut Context<'_>) {
        let now = cx.now.mono;
        let mut kept = VecDeque::new();
        for (at, record) in std::mem::take(&mut self.outgoing.waiting) {
            if at > now {
                kept.push_back((at, record));
                continue;
            }
            cx.tally.records_sent += 1;
            cx.tally.sent_bytes += record.len() as u64;
            self.todo.push_back(Todo::Transmit(record));
        }
        self.outgoing.waiting = kept;
    }
}

fn of_version(record: &Bytes, version: &str) -> Bytes {
    let Ok(mut read) = Record::decode_bounded(record, &UspLimits::default()) else { return record.clone() };
    version.clone_into(&mut read.version);
    read.to_bytes()
}

fn is_value_change(record: &Bytes) -> bool {
    let limits = UspLimits::default();
    let Ok(record) = Record::decode_bounded(record, &limits) else { return false };
    let Some(RecordType::NoSessionContext(it)) = record.record_type else { return false };
    let Ok(decoded) = Message::decode(&it.payload, &limits) else { return false };
    matches!(decoded.message.content, Content::Request(Request::Notify(it))
        if matches!(it.notification, Some(Notification::ValueChange(_))))
}
