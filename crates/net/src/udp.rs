//! Batched UDP: listening sockets, relay sockets, and the batches that go in and out.
//!
//! Linux only. A thread takes datagrams with [`RecvBatch::fill`] (one `recvmmsg`), writes headers in front of payloads
//! where they lie, queues slices of them in a [`SendBatch`] and flushes that (one `sendmmsg` for each run of the same
//! socket). Nothing is copied.
//!
//! An error that concerns one datagram costs that datagram and nothing else: neither the socket nor the rest of the
//! batch. Linux reports some of them late, on whichever call comes next; those are taken off the socket and the call is
//! made again.

mod async_socket;
mod bind_error;
mod control_message;
mod listen_group;
mod raw_addr;
mod recv_batch;
mod send_batch;
mod send_queue;
mod socket;
mod steering;

pub use async_socket::AsyncSocket;
pub use bind_error::BindError;
pub use listen_group::{ListenGroup, ListenOptions};
pub use recv_batch::{BATCH_MAX, Datagram, Filled, HEADROOM, RecvBatch, Slice, TAILROOM};
pub use send_batch::{SendBatch, SendFailure};
pub use send_queue::SendQueue;
pub use socket::{Socket, SocketBuffers};

#[cfg(test)]
mod tests;
