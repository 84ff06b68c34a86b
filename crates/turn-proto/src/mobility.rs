//! What RFC 8016 adds to an allocation.

use crate::address::FiveTuple;
use crate::error_code::ErrorCode;
use crate::message::TransactionId;

/// The moves of an allocation whose client has a ticket.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mobility {
    /// Of the ticket that is good.
    pub(crate) number: u32,
    /// The path before the last move, for as long as the new one was not used.
    pub(crate) former: Option<FormerPath>,
    /// The request that brought the last move, so that its retransmission gets the same answer.
    pub(crate) moved_by: Option<MovedBy>,
}

/// RFC 8016 §3.2.2: where the client was, and perhaps still is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FormerPath {
    pub(crate) five_tuple: FiveTuple,
    /// Of the ticket that was good there: good again if the client has not heard of the next.
    pub(crate) number: u32,
}

impl Mobility {
    pub(crate) fn is_moved_by(&self, transaction: TransactionId) -> bool {
        self.moved_by.is_some_and(|moved| moved.transaction == transaction)
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct MovedBy {
    pub(crate) transaction: TransactionId,
    pub(crate) lifetime_secs: u32,
}

/// Why a Refresh request with a ticket did not move its allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MoveRefusal {
    /// Empty, cut, changed, or sealed with another secret.
    Forged,
    /// It comes from where the client is already.
    NotMoved,
    /// It comes from where another allocation is.
    FiveTupleTaken,
    /// Its allocation has ended, or it was used before.
    Spent,
    /// The allocation is another user's.
    OtherUser,
    /// The server that keeps the allocation is behind.
    Busy,
    /// The server that keeps the allocation has ended.
    Gone,
}

impl MoveRefusal {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Forged, Self::NotMoved, Self::FiveTupleTaken, Self::Spent, Self::OtherUser, Self::Busy, Self::Gone];

    /// Its name, for a label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Forged => "forged",
            Self::NotMoved => "not_moved",
            Self::FiveTupleTaken => "five_tuple_taken",
            Self::Spent => "spent",
            Self::OtherUser => "other_user",
            Self::Busy => "busy",
            Self::Gone => "gone",
        }
    }

    /// RFC 8016 §3.2.2
    pub(crate) const fn code(self) -> ErrorCode {
        match self {
            Self::Forged | Self::NotMoved => ErrorCode::BadRequest,
            Self::FiveTupleTaken | Self::Spent | Self::Gone => ErrorCode::AllocationMismatch,
            Self::OtherUser => ErrorCode::WrongCredentials,
            Self::Busy => ErrorCode::InsufficientCapacity,
        }
    }

    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::Forged => "a mobility ticket that was not given here",
            Self::NotMoved => "a mobility ticket from where its client is already",
            Self::FiveTupleTaken => "a mobility ticket from where another allocation is",
            Self::Spent => "a mobility ticket that was used, or of an allocation that has ended",
            Self::OtherUser => "a mobility ticket of another user's allocation",
            Self::Busy => "the thread that keeps the allocation is behind",
            Self::Gone => "the thread that kept the allocation has ended",
        }
    }
}
