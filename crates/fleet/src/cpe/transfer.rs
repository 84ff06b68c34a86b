use sangam_cwmp_proto::message::{AnyQueuedTransfer, TransferComplete, TransferState};
use sangam_cwmp_proto::{DateTime, FaultCode, FaultStruct, Secret, Url};
use sangam_types::{Mono, Wall};

use super::date::date;

/// A file that comes or goes in time.
#[derive(Clone, Debug)]
pub(super) struct Transfer {
    pub(super) command_key: String,
    pub(super) is_download: bool,
    /// The method that asked for it.
    pub(super) method: &'static str,
    pub(super) file_type: String,
    pub(super) url: Url,
    pub(super) username: String,
    pub(super) password: Secret,
    pub(super) size: u64,
    pub(super) target: String,
    pub(super) stage: TransferStage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TransferStage {
    /// Begins then.
    Waiting(Mono),
    Running(Wall),
    /// The ACS is not told yet, or has not answered.
    Ended {
        began: Wall,
        ended: Wall,
        fault: Option<FaultCode>,
    },
}

impl Transfer {
    /// What the ACS is told, once it has ended.
    pub(super) fn complete(&self) -> Option<TransferComplete> {
        let TransferStage::Ended { began, ended, fault } = self.stage else { return None };
        Some(TransferComplete {
            command_key: self.command_key.clone(),
            fault: fault.map(|code| FaultStruct { code, text: code.text().to_owned() }),
            start_time: fault.map_or_else(|| date(began), |_| DateTime::unknown()),
            complete_time: fault.map_or_else(|| date(ended), |_| DateTime::unknown()),
        })
    }

    pub(super) fn queued(&self) -> AnyQueuedTransfer {
        AnyQueuedTransfer {
            command_key: self.command_key.clone(),
            state: match self.stage {
                TransferStage::Waiting(_) => TransferState::NotStarted,
                TransferStage::Running(_) => TransferState::InProgress,
                TransferStage::Ended { .. } => TransferState::Completed,
            },
            is_download: self.is_download,
            file_type: self.file_type.clone(),
            file_size: self.size,
            target_file_name: self.target.clone(),
        }
    }
}
