use crate::wire::numbered;

/// `Status` of a response: whether what was asked for is done, or accepted and done later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// 0: applied, created, deleted, transferred.
    #[default]
    Done,
    /// 1: committed, not yet applied (after a reboot, say); for a transfer: a TransferComplete follows.
    Later,
}

impl Status {
    /// What a number means. Anything but 0 is not done yet.
    #[must_use]
    pub fn from_number(number: u32) -> Self {
        if number == 0 { Self::Done } else { Self::Later }
    }

    /// Its number.
    #[must_use]
    pub fn number(self) -> u32 {
        match self {
            Self::Done => 0,
            Self::Later => 1,
        }
    }
}

numbered!(Status);
