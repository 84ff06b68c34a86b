//! Clients over TCP and TLS: from their streams to the packet path and back.

use std::io::{self, Read as _};
use std::mem;

use sangam_turn_proto::{FiveTuple, FramingError, Input, next_frame};

use super::RelayThread;
use super::packets::Parcel;
use crate::connections::{Closed, ConnectionId};
use crate::counters::Counter;
use crate::stream_listener::Arrival;

/// Connections taken in one wake. More wait for the next.
const ARRIVALS_MAX: usize = 64;

/// Reads from one connection in one wake: it is one client's, and others wait.
const READS_MAX: usize = 4;

/// Bytes taken by one read, besides the beginning of a message that an earlier one brought: more than TLS ever has ready
/// at once, so that nothing stays behind of which the poller does not know.
pub(super) const READ_BYTES: usize = 64 << 10;

impl RelayThread {
    /// Takes in the connections that wait; `false` if some still do.
    pub(super) fn take_arrivals(&mut self) -> bool {
        let mut arrivals = Vec::new();
        let has_all = self.face().arrivals.collect(self.incarnation.owner, ARRIVALS_MAX, &mut arrivals);
        for Arrival { stream, five_tuple } in arrivals {
            if !self.clients.admit(&five_tuple) {
                // Dropped, which closes it.
                self.refuse_client(&five_tuple, Counter::RefusedConnections);
                continue;
            }
            // The end of the earlier one was on its way to us.
            if let Some(earlier) = self.connections.of(&five_tuple) {
                self.close_connection(earlier, Closed::Replaced);
            }
            let idle = self.options.connection_idle;
            match self.connections.adopt(&self.poller, stream, five_tuple, self.now.mono, idle) {
                // The handshake may have read ahead, which the poller does not know.
                Ok(id) => self.serve_connection(id),
                Err(error) => {
                    self.counters.count(Closed::Broken.counter());
                    tracing::debug!(client = %five_tuple.client.0, %error, "a connection could not be watched");
                }
            }
        }
        has_all
    }

    /// Reads what has come, and writes what waits.
    pub(super) fn serve_connection(&mut self, id: ConnectionId) {
        let mut buffer = mem::take(&mut self.stream_buffer);
        let mut outcome = Ok(true);
        for _ in 0..READS_MAX {
            outcome = self.read_connection(id, &mut buffer);
            if outcome != Ok(true) {
                break;
            }
        }
        self.stream_buffer = buffer;
        match outcome {
            Ok(_) => self.write_connection(id),
            Err(reason) => self.close_connection(id, reason),
        }
    }

    /// One read, and the whole messages in it; `false` if there was nothing to read.
    fn read_connection(&mut self, id: ConnectionId, buffer: &mut [u8]) -> Result<bool, Closed> {
        let Some(connection) = self.connections.get_mut(id) else { return Ok(false) };
        let begun = connection.begun.len();
        buffer[..begun].copy_from_slice(&connection.begun);
        let end = match connection.stream.read(&mut buffer[begun..]) {
            Ok(0) => return Err(Closed::ByClient),
            Ok(read) => begun + read,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(_) => return Err(Closed::Broken),
        };
        connection.begun = Vec::new();
        let from = connection.five_tuple;
        let dealt_with = self.relay_messages(&from, &buffer[..end])?;
        // Closed meanwhile, by what one of its own messages brought about.
        let Some(connection) = self.connections.get_mut(id) else { return Ok(false) };
        if dealt_with > 0 {
            connection.heard = self.now.mono;
        }
        connection.begun.extend_from_slice(&buffer[dealt_with..end]);
        Ok(true)
    }

    /// Deals with the whole messages in `bytes`, and says how many bytes they take up.
    fn relay_messages(&mut self, from: &FiveTuple, bytes: &[u8]) -> Result<usize, Closed> {
        let mut at = 0;
        loop {
            match next_frame(&bytes[at..], self.options.datagram_bytes_max) {
                Ok(Some(frame)) if at + frame.total <= bytes.len() => {
                    self.make_room(1);
                    // There is room, and no frame is longer than a datagram may be.
                    if let Some(index) = self.batch.put(from.client.0, &bytes[at..at + frame.message]) {
                        self.relay_from_client(*from, index);
                    }
                    at += frame.total;
                }
                Ok(_) => return Ok(at),
                Err(FramingError::Garbage) => return Err(Closed::Garbage),
                Err(FramingError::TooLong) => return Err(Closed::TooLong),
            }
        }
    }

    /// Queues a message for a client, to be written at the end of the wake.
    pub(super) fn push_to_stream(&mut self, to: &FiveTuple, parcel: Parcel) {
        let Some(id) = self.connections.of(to) else { return self.push_to_guest(to, parcel) };
        let (bytes, is_answer) = self.stream_bytes(parcel);
        let has_room = |thread: &mut Self| {
            thread.connections.get_mut(id).is_none_or(|connection| connection.queue.has_room_for(bytes.len()))
        };
        // A burst of one wake alone must drop nothing that the socket would have taken.
        if !has_room(self) {
            self.write_connection(id);
        }
        let Some(connection) = self.connections.get_mut(id) else { return };
        let dropped =
            if is_answer { connection.queue.push_answer(bytes) } else { Ok(connection.queue.push_relayed(bytes)) };
        match dropped {
            Ok(dropped) => {
                self.counters.add(Counter::DropStreamQueueFull, dropped);
                self.has_output.push(id);
            }
            // Not here: whoever called is in the midst of this client's messages.
            Err(_) => self.doomed.push((id, Closed::Unread)),
        }
    }

    /// A message of its own, and whether it answers a request.
    pub(super) fn stream_bytes(&self, parcel: Parcel) -> (Vec<u8>, bool) {
        match parcel {
            Parcel::Received(slice) => (self.batch.bytes(&slice).to_vec(), false),
            Parcel::Owned(bytes) => (bytes, false),
            Parcel::Answer(bytes) => (bytes, true),
        }
    }

    /// Writes what this wake has queued, and closes what it has doomed.
    pub(super) fn flush_streams(&mut self) {
        while !self.has_output.is_empty() || !self.doomed.is_empty() {
            if !self.has_output.is_empty() {
                // Before the answer is on its way: whoever has heard of an allocation finds it counted.
                self.incarnation.figures.show_allocations(self.core.stats().allocations_live);
            }
            // Writing may doom, and closing may make the core answer others.
            for id in mem::take(&mut self.has_output) {
                self.write_connection(id);
            }
            for (id, reason) in mem::take(&mut self.doomed) {
                self.close_connection(id, reason);
            }
        }
    }

    /// Writes as much as the socket takes, and watches for room if something is left.
    fn write_connection(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(id).filter(|_| !self.incarnation.is_superseded()) else {
            return;
        };
        let (queue, stream) = (&mut connection.queue, &mut connection.stream);
        if queue.is_empty() && !stream.holds_output() && !connection.waits_for_room {
            return;
        }
        let written = if queue.is_empty() {
            stream.write_vectored(&[]).map(drop)
        } else {
            queue.write_to(|parts| stream.write_vectored(parts))
        };
        if written.is_err_and(|error| error.kind() != io::ErrorKind::WouldBlock) {
            self.doomed.push((id, Closed::Broken));
            return;
        }
        let waits_for_room = !queue.is_empty() || stream.holds_output();
        if waits_for_room != connection.waits_for_room
            && self.poller.watch_output(&connection.stream, id.0, waits_for_room).is_ok()
        {
            connection.waits_for_room = waits_for_room;
        }
    }

    /// Closes a connection, which ends its allocation unless its client can move it.
    pub(super) fn close_connection(&mut self, id: ConnectionId, reason: Closed) {
        let Some(mut connection) = self.connections.remove(&self.poller, id) else { return };
        self.counters.count(reason.counter());
        if tracing::enabled!(tracing::Level::DEBUG) && self.log.may_write(self.now.mono) {
            tracing::debug!(client = %connection.five_tuple.client.0, reason = reason.as_str(), "connection closed");
        }
        connection.stream.say_goodbye();
        self.core.handle_input(self.now, Input::ConnectionClosed(connection.five_tuple));
        self.tell_keeper_of_end(connection.five_tuple);
        self.drain();
    }

    /// Closes connections that have no allocation and have been silent for too long.
    pub(super) fn close_idle(&mut self) {
        let (now, idle) = (self.now.mono, self.options.connection_idle);
        while let Some(id) = self.connections.pop_check(now) {
            let Some(connection) = self.connections.get_mut(id) else { continue };
            let ends = connection.heard + idle;
            let client = connection.five_tuple;
            if self.core.has_allocation(&client) || self.moved.keeper(&client).is_some() {
                self.connections.check_again(id, now + idle);
            } else if ends > now {
                self.connections.check_again(id, ends);
            } else {
                self.close_connection(id, Closed::Idle);
            }
        }
    }
}
