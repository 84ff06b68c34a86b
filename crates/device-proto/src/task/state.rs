use super::TaskKind;
use crate::coded::coded;

/// Where a task is in its life.
///
/// ```text
/// queued ──► sent ──► done | failed | unknown
///   ▲         │  └──► awaiting transfer | diagnostics | operation ──► done | failed | unknown
///   └─────────┘ lost, and safe to repeat            unknown ──► done | failed, when the device tells after all
/// queued ──► cancelled | expired
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TaskState {
    /// It waits to be sent.
    Queued,
    /// It is about to leave, or has left.
    Sent,
    /// The device transfers a file and tells when it has (TransferComplete).
    AwaitingTransfer,
    /// The device runs a test and tells when it has (`8 DIAGNOSTICS COMPLETE`); its results are read then.
    AwaitingDiagnostics,
    /// The device runs a command and tells when it has (OperationComplete).
    AwaitingOperation,
    /// The device has done it.
    Done,
    /// The device has not done it and will not.
    Failed,
    /// It may have run, and nobody knows.
    Unknown,
    /// It was taken back before it was sent.
    Cancelled,
    /// Its time was over before it was sent.
    Expired,
}

coded!(TaskState);

impl TaskState {
    /// All, in order of codes: those that are not over come first.
    pub const ALL: [Self; 10] = [
        Self::Queued,
        Self::Sent,
        Self::AwaitingTransfer,
        Self::AwaitingDiagnostics,
        Self::AwaitingOperation,
        Self::Done,
        Self::Failed,
        Self::Unknown,
        Self::Cancelled,
        Self::Expired,
    ];

    /// As the API writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::AwaitingTransfer => "awaiting_transfer",
            Self::AwaitingDiagnostics => "awaiting_diagnostics",
            Self::AwaitingOperation => "awaiting_operation",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }

    /// Of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether nothing is done for it any more. One that is `unknown` is over as well, though its device may still tell.
    #[must_use]
    pub fn is_over(self) -> bool {
        self >= Self::Done
    }

    /// Whether the device has it and tells when it is done.
    #[must_use]
    pub fn is_awaiting(self) -> bool {
        matches!(self, Self::AwaitingTransfer | Self::AwaitingDiagnostics | Self::AwaitingOperation)
    }

    /// Where a task of a kind waits whose device answered that it does it later; `None`: with that answer it is done.
    #[must_use]
    pub fn awaiting(kind: TaskKind) -> Option<Self> {
        match kind {
            TaskKind::Download | TaskKind::Upload | TaskKind::ScheduleDownload => Some(Self::AwaitingTransfer),
            TaskKind::Diagnostics => Some(Self::AwaitingDiagnostics),
            TaskKind::Operate | TaskKind::ChangeDuState => Some(Self::AwaitingOperation),
            TaskKind::GetValues
            | TaskKind::SetValues
            | TaskKind::GetNames
            | TaskKind::GetAttributes
            | TaskKind::SetAttributes
            | TaskKind::AddObject
            | TaskKind::DeleteObject
            | TaskKind::Reboot
            | TaskKind::FactoryReset
            | TaskKind::ScheduleInform
            | TaskKind::CancelTransfer
            | TaskKind::Refresh
            | TaskKind::GetMethods
            | TaskKind::Subscribe
            | TaskKind::Unsubscribe
            | TaskKind::GetTransfers => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_lead_back_and_those_that_are_over_come_last() {
        for (code, state) in (0..).zip(TaskState::ALL) {
            assert_eq!((state.code(), TaskState::of_code(code)), (code, Some(state)));
            assert_eq!(TaskState::parse(state.name()), Some(state));
            assert_eq!(state.is_over(), code >= 5);
        }
    }
}
