//! Every message of CWMP, each a struct of its own in a file of its subject; [`Message`] is one of them.

mod autonomous_transfer_complete;
mod cancel_transfer;
mod change_du_state;
mod download;
mod du_state_change;
mod factory_reset;
mod get_rpc_methods;
mod inform;
mod kicked;
mod objects;
mod options;
mod parameter_attributes;
mod parameter_names;
mod parameter_values;
mod queued_transfers;
mod reboot;
mod request_download;
mod schedule_download;
mod schedule_inform;
mod status;
mod transfer_complete;
mod upload;
mod vouchers;

pub use autonomous_transfer_complete::{AutonomousTransferComplete, AutonomousTransferCompleteResponse};
pub use cancel_transfer::{CancelTransfer, CancelTransferResponse};
pub use change_du_state::{ChangeDuState, ChangeDuStateResponse, Operation};
pub use download::{Download, DownloadResponse};
pub use du_state_change::{
    AutonomousDuStateChangeComplete, AutonomousDuStateChangeCompleteResponse, AutonomousOpResult,
    DuStateChangeComplete, DuStateChangeCompleteResponse, OpResult,
};
pub use factory_reset::{FactoryReset, FactoryResetResponse};
pub use get_rpc_methods::{GetRpcMethods, GetRpcMethodsResponse};
pub use inform::{Inform, InformResponse};
pub use kicked::{Kicked, KickedResponse};
pub use objects::{AddObject, AddObjectResponse, DeleteObject, DeleteObjectResponse};
pub use options::{GetOptions, GetOptionsResponse, OptionStruct};
pub use parameter_attributes::{
    GetParameterAttributes, GetParameterAttributesResponse, Notification, ParameterAttribute, SetParameterAttribute,
    SetParameterAttributes, SetParameterAttributesResponse,
};
pub use parameter_names::{GetParameterNames, GetParameterNamesResponse, ParameterInfo};
pub use parameter_values::{
    GetParameterValues, GetParameterValuesResponse, SetParameterValues, SetParameterValuesResponse,
};
pub use queued_transfers::{
    AnyQueuedTransfer, GetAllQueuedTransfers, GetAllQueuedTransfersResponse, GetQueuedTransfers,
    GetQueuedTransfersResponse, QueuedTransfer, TransferState,
};
pub use reboot::{Reboot, RebootResponse};
pub use request_download::{ArgStruct, RequestDownload, RequestDownloadResponse};
pub use schedule_download::{ScheduleDownload, ScheduleDownloadResponse, TimeWindow};
pub use schedule_inform::{ScheduleInform, ScheduleInformResponse};
pub use status::Status;
pub use transfer_complete::{TransferComplete, TransferCompleteResponse};
pub use upload::{Upload, UploadResponse};
pub use vouchers::{SetVouchers, SetVouchersResponse};

use crate::reader::Reader;
use crate::wire::Structure;
use crate::writer::Writer;
use crate::{Fault, SoapError};

macro_rules! messages {
    ($($name:ident = $method:literal,)*) => {
        /// A message of either direction, by the name of its struct.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Message {
            $(#[doc = concat!("`", $method, "`")] $name($name),)*
            /// A SOAP fault, in place of any response.
            Fault(Fault),
        }

        impl Message {
            /// The name of its element: `Inform`, `RebootResponse`, `Fault`.
            #[must_use]
            pub fn method(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => $method,)*
                    Self::Fault(_) => "Fault",
                }
            }

            /// Reads the message with this name. `None` if there is none such.
            pub(crate) fn read(method: &str, reader: &mut Reader<'_>) -> Option<Result<Self, SoapError>> {
                Some(match method {
                    $($method => $name::read(reader).map(Self::$name),)*
                    _ => return None,
                })
            }

            /// Writes what stands in its element; a fault writes itself.
            pub(crate) fn write(&self, writer: &mut Writer<'_>) {
                match self {
                    $(Self::$name(it) => it.write(writer),)*
                    Self::Fault(_) => {}
                }
            }
        }

        $(impl From<$name> for Message {
            fn from(message: $name) -> Self {
                Self::$name(message)
            }
        })*
    };
}

messages! {
    Inform = "Inform",
    InformResponse = "InformResponse",
    TransferComplete = "TransferComplete",
    TransferCompleteResponse = "TransferCompleteResponse",
    AutonomousTransferComplete = "AutonomousTransferComplete",
    AutonomousTransferCompleteResponse = "AutonomousTransferCompleteResponse",
    RequestDownload = "RequestDownload",
    RequestDownloadResponse = "RequestDownloadResponse",
    Kicked = "Kicked",
    KickedResponse = "KickedResponse",
    DuStateChangeComplete = "DUStateChangeComplete",
    DuStateChangeCompleteResponse = "DUStateChangeCompleteResponse",
    AutonomousDuStateChangeComplete = "AutonomousDUStateChangeComplete",
    AutonomousDuStateChangeCompleteResponse = "AutonomousDUStateChangeCompleteResponse",
    GetRpcMethods = "GetRPCMethods",
    GetRpcMethodsResponse = "GetRPCMethodsResponse",
    SetParameterValues = "SetParameterValues",
    SetParameterValuesResponse = "SetParameterValuesResponse",
    GetParameterValues = "GetParameterValues",
    GetParameterValuesResponse = "GetParameterValuesResponse",
    GetParameterNames = "GetParameterNames",
    GetParameterNamesResponse = "GetParameterNamesResponse",
    SetParameterAttributes = "SetParameterAttributes",
    SetParameterAttributesResponse = "SetParameterAttributesResponse",
    GetParameterAttributes = "GetParameterAttributes",
    GetParameterAttributesResponse = "GetParameterAttributesResponse",
    AddObject = "AddObject",
    AddObjectResponse = "AddObjectResponse",
    DeleteObject = "DeleteObject",
    DeleteObjectResponse = "DeleteObjectResponse",
    Reboot = "Reboot",
    RebootResponse = "RebootResponse",
    FactoryReset = "FactoryReset",
    FactoryResetResponse = "FactoryResetResponse",
    Download = "Download",
    DownloadResponse = "DownloadResponse",
    Upload = "Upload",
    UploadResponse = "UploadResponse",
    ScheduleInform = "ScheduleInform",
    ScheduleInformResponse = "ScheduleInformResponse",
    ScheduleDownload = "ScheduleDownload",
    ScheduleDownloadResponse = "ScheduleDownloadResponse",
    GetQueuedTransfers = "GetQueuedTransfers",
    GetQueuedTransfersResponse = "GetQueuedTransfersResponse",
    GetAllQueuedTransfers = "GetAllQueuedTransfers",
    GetAllQueuedTransfersResponse = "GetAllQueuedTransfersResponse",
    CancelTransfer = "CancelTransfer",
    CancelTransferResponse = "CancelTransferResponse",
    ChangeDuState = "ChangeDUState",
    ChangeDuStateResponse = "ChangeDUStateResponse",
    SetVouchers = "SetVouchers",
    SetVouchersResponse = "SetVouchersResponse",
    GetOptions = "GetOptions",
    GetOptionsResponse = "GetOptionsResponse",
}

impl From<Fault> for Message {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Message {
    /// Whether it is a request, which the other side answers with a response or a fault.
    #[must_use]
    pub fn is_request(&self) -> bool {
        !matches!(self, Self::Fault(_)) && !self.method().ends_with("Response")
    }
}
