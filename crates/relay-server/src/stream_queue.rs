use std::collections::VecDeque;
use std::io::{self, IoSlice};

/// What waits to be written to one client's stream, at most so many bytes. When it is full, the oldest relayed datagram
/// goes: late media is worth less than new. Answers to requests stay, and so does a message half of which is on its
/// way, for without its end the stream could not be read any more.
#[derive(Debug)]
pub(crate) struct StreamQueue {
    waiting: VecDeque<Waiting>,
    /// Bytes that are not written yet.
    bytes: usize,
    /// Of the first message.
    written: usize,
    bytes_max: usize,
}

#[derive(Debug)]
struct Waiting {
    bytes: Vec<u8>,
    is_relayed: bool,
}

/// A client that asks and does not read the answers: there is no room for another although nothing relayed waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unread;

/// Messages handed to the system in one call.
const PARTS_MAX: usize = 64;

impl StreamQueue {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { waiting: VecDeque::new(), bytes: 0, written: 0, bytes_max }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(crate) fn has_room_for(&self, len: usize) -> bool {
        self.bytes + len <= self.bytes_max
    }

    /// Queues a relayed datagram, and says how many were dropped for it, itself included.
    pub(crate) fn push_relayed(&mut self, bytes: Vec<u8>) -> u64 {
        let mut dropped = 0;
        while !self.has_room_for(bytes.len()) {
            dropped += 1;
            if !self.drop_oldest() {
                return dropped;
            }
        }
        self.push(bytes, true);
        dropped
    }

    /// Queues an answer to a request, and says how many relayed datagrams were dropped for it.
    pub(crate) fn push_answer(&mut self, bytes: Vec<u8>) -> Result<u64, Unread> {
        let mut dropped = 0;
        while !self.has_room_for(bytes.len()) {
            if !self.drop_oldest() {
                return Err(Unread);
            }
            dropped += 1;
        }
        self.push(bytes, false);
        Ok(dropped)
    }

    fn push(&mut self, bytes: Vec<u8>, is_relayed: bool) {
        self.bytes += bytes.len();
        self.waiting.push_back(Waiting { bytes, is_relayed });
    }

    /// Drops the oldest relayed datagram of which nothing is written yet.
    fn drop_oldest(&mut self) -> bool {
        let begun = usize::from(self.written > 0);
        let oldest = self.waiting.iter().skip(begun).position(|waiting| waiting.is_relayed);
        let dropped = oldest.and_then(|at| self.waiting.remove(begun + at));
        self.bytes -= dropped.as_ref().map_or(0, |dropped| dropped.bytes.len());
        dropped.is_some()
    }

    /// Writes as much as `sink` takes.
    pub(crate) fn write_to(&mut self, mut write: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>) -> io::Result<()> {
        while !self.is_empty() {
            let mut parts = [IoSlice::new(&[]); PARTS_MAX];
            let mut count = 0;
            for (part, waiting) in parts.iter_mut().zip(&self.waiting) {
                let skip = if count == 0 { self.written } else { 0 };
                *part = IoSlice::new(&waiting.bytes[skip..]);
                count += 1;
            }
            match write(&parts[..count])? {
                0 => return Err(io::ErrorKind::WouldBlock.into()),
                taken => self.advance(taken),
            }
        }
        Ok(())
    }

    fn advance(&mut self, taken: usize) {
        self.bytes -= taken;
        self.written += taken;
        while let Some(first) = self.waiting.front()
            && self.written >= first.bytes.len()
        {
            self.written -= first.bytes.len();
            self.waiting.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn queue(bytes_max: usize, messages: &[&[u8]]) -> StreamQueue {
        let mut queue = StreamQueue::new(bytes_max);
        for message in messages {
            assert_eq!(queue.push_relayed(message.to_vec()), 0);
        }
        queue
    }

    fn written(queue: &mut StreamQueue, mut room: usize) -> Vec<u8> {
        let mut sink = Vec::new();
        let result = queue.write_to(|parts| {
            let before = sink.len();
            for part in parts {
                let taken = part.len().min(room);
                room -= taken;
                sink.write_all(&part[..taken])?;
            }
            Ok(sink.len() - before)
        });
        assert_eq!(result.is_ok(), queue.is_empty());
        sink
    }

    #[test]
    fn the_oldest_datagram_makes_room_for_the_newest() {
        let mut queue = queue(6, &[b"aa", b"bb", b"cc"]);
        assert_eq!(queue.push_relayed(b"ddd".to_vec()), 2);
        assert_eq!(written(&mut queue, 99), b"ccddd");
    }

    #[test]
    fn answers_are_not_dropped_for_datagrams_nor_for_answers() {
        let mut queue = queue(6, &[b"aa"]);
        assert_eq!(queue.push_answer(b"1111".to_vec()), Ok(0));
        assert_eq!(queue.push_answer(b"22".to_vec()), Ok(1));
        assert_eq!(queue.push_relayed(b"b".to_vec()), 1, "itself");
        assert_eq!(queue.push_answer(b"3".to_vec()), Err(Unread));
        assert_eq!(written(&mut queue, 99), b"111122");
    }

    #[test]
    fn a_message_that_is_half_written_is_completed_before_anything_is_dropped() {
        let mut queue = queue(6, &[b"aaa", b"bbb"]);
        assert_eq!(written(&mut queue, 1), b"a");
        assert_eq!(queue.push_relayed(b"cccc".to_vec()), 1, "the second, for the first is on its way");
        assert_eq!(written(&mut queue, 4), b"aacc");
        assert_eq!(written(&mut queue, 99), b"cc");
        assert_eq!((queue.bytes, queue.written), (0, 0));
    }

    #[test]
    fn more_messages_than_one_call_takes_are_written_in_order() {
        let all: Vec<Vec<u8>> = (0..200_u8).map(|number| vec![number; 3]).collect();
        let mut queue = queue(600, &all.iter().map(Vec::as_slice).collect::<Vec<_>>());
        assert_eq!(written(&mut queue, 1_000), all.concat());
    }
}
