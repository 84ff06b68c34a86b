use crate::coded::coded;

/// What is to be done, in words that CWMP and USP share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TaskKind {
    /// GetParameterValues, Get.
    GetValues,
    /// SetParameterValues, Set.
    SetValues,
    /// GetParameterNames, GetInstances, GetSupportedDM.
    GetNames,
    /// GetParameterAttributes.
    GetAttributes,
    /// SetParameterAttributes.
    SetAttributes,
    /// AddObject, Add.
    AddObject,
    /// DeleteObject, Delete.
    DeleteObject,
    /// Reboot, `Device.Reboot()`.
    Reboot,
    /// FactoryReset, `Device.FactoryReset()`.
    FactoryReset,
    /// Download, `FirmwareImage.{i}.Download()`.
    Download,
    /// Upload.
    Upload,
    /// ScheduleInform.
    ScheduleInform,
    /// ScheduleDownload.
    ScheduleDownload,
    /// CancelTransfer.
    CancelTransfer,
    /// ChangeDUState, `InstallDU()` and its kin.
    ChangeDuState,
    /// A test that the device runs and tells the end of (TR-143; `IPPing()` and its kin).
    Diagnostics,
    /// Any other command of USP.
    Operate,
    /// Names and values of a part of the data model, read again.
    Refresh,
    /// GetRPCMethods, GetSupportedProtocol.
    GetMethods,
    /// A subscription made or changed (USP).
    Subscribe,
    /// A subscription taken away (USP).
    Unsubscribe,
    /// GetQueuedTransfers, GetAllQueuedTransfers.
    GetTransfers,
}

coded!(TaskKind);

impl TaskKind {
    /// All, in order of codes.
    pub const ALL: [Self; 22] = [
        Self::GetValues,
        Self::SetValues,
        Self::GetNames,
        Self::GetAttributes,
        Self::SetAttributes,
        Self::AddObject,
        Self::DeleteObject,
        Self::Reboot,
        Self::FactoryReset,
        Self::Download,
        Self::Upload,
        Self::ScheduleInform,
        Self::ScheduleDownload,
        Self::CancelTransfer,
        Self::ChangeDuState,
        Self::Diagnostics,
        Self::Operate,
        Self::Refresh,
        Self::GetMethods,
        Self::Subscribe,
        Self::Unsubscribe,
        Self::GetTransfers,
    ];

    /// As the API writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::GetValues => "get_values",
            Self::SetValues => "set_values",
            Self::GetNames => "get_names",
            Self::GetAttributes => "get_attributes",
            Self::SetAttributes => "set_attributes",
            Self::AddObject => "add_object",
            Self::DeleteObject => "delete_object",
            Self::Reboot => "reboot",
            Self::FactoryReset => "factory_reset",
            Self::Download => "download",
            Self::Upload => "upload",
            Self::ScheduleInform => "schedule_inform",
            Self::ScheduleDownload => "schedule_download",
            Self::CancelTransfer => "cancel_transfer",
            Self::ChangeDuState => "change_du_state",
            Self::Diagnostics => "diagnostics",
            Self::Operate => "operate",
            Self::Refresh => "refresh",
            Self::GetMethods => "get_methods",
            Self::Subscribe => "subscribe",
            Self::Unsubscribe => "unsubscribe",
            Self::GetTransfers => "get_transfers",
        }
    }

    /// Of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether a device that runs it twice is as if it had run it once. A set is: it says what shall be, not what shall change.
    #[must_use]
    pub fn is_safe_to_repeat(self) -> bool {
        match self {
            Self::GetValues
            | Self::SetValues
            | Self::GetNames
            | Self::GetAttributes
            | Self::SetAttributes
            | Self::Refresh
            | Self::GetMethods
            | Self::GetTransfers => true,
            Self::AddObject
            | Self::DeleteObject
            | Self::Reboot
            | Self::FactoryReset
            | Self::Download
            | Self::Upload
            | Self::ScheduleInform
            | Self::ScheduleDownload
            | Self::CancelTransfer
            | Self::ChangeDuState
            | Self::Diagnostics
            | Self::Operate
            | Self::Subscribe
            | Self::Unsubscribe => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_lead_back() {
        for (code, kind) in (0..).zip(TaskKind::ALL) {
            assert_eq!((kind.code(), TaskKind::of_code(code)), (code, Some(kind)));
            assert_eq!(TaskKind::parse(kind.name()), Some(kind));
        }
        assert_eq!(TaskKind::of_code(22), None);
    }
}
