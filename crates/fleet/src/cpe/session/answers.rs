use sangam_cwmp_proto::message::{
    ChangeDuStateResponse, FactoryResetResponse, GetOptionsResponse, GetRpcMethodsResponse, RebootResponse,
    ScheduleInformResponse, SetVouchersResponse,
};
use sangam_cwmp_proto::{Fault, FaultCode, Message};

use std::time::Duration;

use super::super::device::{Context, Device};

/// A command of the ACS as a fault or as its answer.
pub(super) type Answered = Result<Message, FaultCode>;

/// Waiting commands of a kind that a device takes.
const WAITING_MAX: usize = 8;

const METHODS: [&str; 20] = [
    "GetRPCMethods",
    "SetParameterValues",
    "GetParameterValues",
    "GetParameterNames",
    "SetParameterAttributes",
    "GetParameterAttributes",
    "AddObject",
    "DeleteObject",
    "Reboot",
    "FactoryReset",
    "Download",
    "Upload",
    "ScheduleDownload",
    "ScheduleInform",
    "GetQueuedTransfers",
    "GetAllQueuedTransfers",
    "CancelTransfer",
    "ChangeDUState",
    "SetVouchers",
    "GetOptions",
];

pub(super) fn fault(code: FaultCode) -> Message {
    Fault::new(code).into()
}

impl Device {
    /// Does what the ACS asks, and says so.
    pub(super) fn answer(&mut self, cx: &mut Context<'_>, request: &Message) -> Message {
        let answered = match request {
            Message::GetParameterValues(it) => self.get_values(cx, it),
            Message::SetParameterValues(it) => return self.set_values(cx, it),
            Message::GetParameterNames(it) => self.get_names(cx, it),
            Message::GetParameterAttributes(it) => self.get_attributes(cx, it),
            Message::SetParameterAttributes(it) => self.set_attributes(cx, it),
            Message::AddObject(it) => self.add_object(cx, it),
            Message::DeleteObject(it) => self.delete_object(cx, it),
            Message::Download(it) => self.download(cx, it),
            Message::Upload(it) => self.upload(cx, it),
            Message::ScheduleDownload(it) => self.schedule_download(cx, it),
            Message::CancelTransfer(it) => self.cancel_transfer(&it.command_key),
            Message::GetQueuedTransfers(_) => Ok(self.queued_transfers()),
            Message::GetAllQueuedTransfers(_) => Ok(self.all_queued_transfers()),
            other => self.command(cx, other),
        };
        answered.unwrap_or_else(fault)
    }

    fn command(&mut self, cx: &mut Context<'_>, request: &Message) -> Answered {
        Ok(match request {
            Message::Reboot(it) => {
                self.reboot = Some(it.command_key.as_str().into());
                RebootResponse.into()
            }
            Message::FactoryReset(_) => {
                self.is_to_reset = true;
                FactoryResetResponse.into()
            }
            Message::ScheduleInform(it) => {
                if it.delay_secs == 0 {
                    return Err(FaultCode::InvalidArguments);
                }
                if self.scheduled.len() >= WAITING_MAX {
                    return Err(FaultCode::ResourcesExceeded);
                }
                let at = cx.now.mono + Duration::from_secs(u64::from(it.delay_secs));
                self.scheduled.push((at, it.command_key.as_str().into()));
                self.note_done(cx, "ScheduleInform", &it.command_key, true);
                ScheduleInformResponse.into()
            }
            Message::ChangeDuState(it) => {
                if self.unit_changes.len() >= WAITING_MAX {
                    return Err(FaultCode::ResourcesExceeded);
                }
                self.unit_changes.push((it.command_key.clone(), it.operations.clone()));
                self.note_done(cx, "ChangeDUState", &it.command_key, true);
                ChangeDuStateResponse.into()
            }
            Message::GetRpcMethods(_) => {
                GetRpcMethodsResponse { methods: METHODS.iter().map(|it| (*it).to_owned()).collect() }.into()
            }
            Message::SetVouchers(_) => SetVouchersResponse.into(),
            Message::GetOptions(_) => GetOptionsResponse::default().into(),
            _ => return Err(FaultCode::MethodNotSupported),
        })
    }
}
