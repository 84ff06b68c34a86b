use std::collections::BTreeMap;

use sangam_types::Mono;

use crate::address::FiveTuple;
use crate::api::RequestId;
use crate::message::TransactionId;
use crate::stats::Limited;

/// Requests waiting for the key of their user. Only a client that holds a nonce gets here, so a forged source address
/// never does.
#[derive(Debug, Default)]
pub(crate) struct PendingRequests {
    waiting: BTreeMap<RequestId, PendingRequest>,
    next: u64,
}

#[derive(Debug)]
pub(crate) struct PendingRequest {
    pub(crate) from: FiveTuple,
    pub(crate) transaction: TransactionId,
    pub(crate) bytes: Vec<u8>,
    pub(crate) deadline: Mono,
}

/// What became of a request that asked to wait.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Enqueued {
    /// It waits under this id.
    New(RequestId),
    /// It is a retransmission of one that waits already.
    Again,
    /// There is no room for it.
    Refused(Limited),
}

impl PendingRequests {
    /// Keys of allocations, which name the questions for relay sockets, never have this bit.
    const ID_BIT: u64 = 1 << 63;

    pub(crate) fn enqueue(&mut self, request: PendingRequest, max: usize, bytes_max: usize) -> Enqueued {
        if request.bytes.len() > bytes_max {
            return Enqueued::Refused(Limited::PendingRequestBytes);
        }
        let is_same = |held: &PendingRequest| held.transaction == request.transaction && held.from == request.from;
        if self.waiting.values().any(is_same) {
            return Enqueued::Again;
        }
        if self.waiting.len() >= max {
            return Enqueued::Refused(Limited::PendingRequests);
        }
        let id = RequestId(Self::ID_BIT | self.next);
        self.next += 1;
        self.waiting.insert(id, request);
        Enqueued::New(id)
    }

    pub(crate) fn take(&mut self, id: RequestId) -> Option<PendingRequest> {
        self.waiting.remove(&id)
    }

    /// Takes all requests of one client, and gives their names and deadlines.
    pub(crate) fn forget(&mut self, client: &FiveTuple) -> Vec<(RequestId, Mono)> {
        let its = self.waiting.extract_if(.., |_, request| request.from == *client);
        its.map(|(id, request)| (id, request.deadline)).collect()
    }
}
