use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;

use super::cache::Encoded;
use super::{Frame, MessageId};

/// What waits for one link.
#[derive(Default)]
pub(super) struct Queue {
    /// Small frames that come first.
    control: VecDeque<Frame>,
    control_bytes: usize,
    /// Messages; those of several frames take turns, so that a large one holds nobody up.
    data: VecDeque<Transfer>,
    data_bytes: usize,
    /// Messages of several frames that are on their way: one goes out once at a time, as its transfer has one number.
    large: BTreeSet<MessageId>,
}

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carried {
    /// What nodes need to tell each other for messages to come: ids, hellos, topics.
    Control,
    /// A message of a topic, or a part of one.
    Message,
    /// What is not of topics.
    Other,
}

struct Transfer {
    id: Option<MessageId>,
    encoded: Encoded,
    next: usize,
    binary: bool,
}

impl Queue {
    pub(super) fn push_control(&mut self, frame: Frame) {
        self.control_bytes += frame.bytes.len();
        self.control.push_back(frame);
    }

    pub(super) fn push_data(&mut self, id: Option<MessageId>, encoded: Encoded, binary: bool) {
        if let Some(id) = id.filter(|_| !encoded.is_one_frame())
            && !self.large.insert(id)
        {
            return;
        }
        self.data_bytes += encoded.bytes;
        self.data.push_back(Transfer { id, encoded, next: 0, binary });
    }

    /// The next frame, if it has no more than `room` bytes.
    pub(super) fn pop(&mut self, room: usize) -> Option<(Frame, Carried)> {
        if let Some(frame) = self.control.front() {
            if frame.bytes.len() > room {
                return None;
            }
            self.control_bytes -= frame.bytes.len();
            return Some((self.control.pop_front()?, Carried::Control));
        }
        let transfer = self.data.front_mut()?;
        let bytes: Bytes = transfer.encoded.frames.get(transfer.next)?.clone();
        if bytes.len() > room {
            return None;
        }
        transfer.next += 1;
        let binary = transfer.binary;
        let carried = if transfer.id.is_some() { Carried::Message } else { Carried::Other };
        self.data_bytes -= bytes.len();
        if let Some(transfer) = self.data.pop_front() {
            if transfer.next < transfer.encoded.frames.len() {
                self.data.push_back(transfer);
            } else if let Some(id) = transfer.id {
                self.large.remove(&id);
            }
        }
        Some((Frame { binary, bytes }, carried))
    }

    pub(super) fn has_control(&self) -> bool {
        !self.control.is_empty()
    }

    pub(super) fn control_bytes(&self) -> usize {
        self.control_bytes
    }

    pub(super) fn data_bytes(&self) -> usize {
        self.data_bytes
    }
}
