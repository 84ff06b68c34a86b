use std::time::Duration;

use sangam_cwmp_proto::message::{
    CancelTransferResponse, Download, DownloadResponse, GetAllQueuedTransfersResponse, GetQueuedTransfersResponse,
    QueuedTransfer, ScheduleDownload, ScheduleDownloadResponse, Status, Upload, UploadResponse,
};
use sangam_cwmp_proto::{FaultCode, Message};

use super::super::device::{Context, Device};
use super::super::transfer::{Transfer, TransferStage};
use super::answers::Answered;

/// Transfers that a device keeps.
const TRANSFERS_MAX: usize = 8;

impl Device {
    pub(super) fn download(&mut self, cx: &Context<'_>, request: &Download) -> Answered {
        let starts = cx.now.mono + Duration::from_secs(u64::from(request.delay_secs));
        self.queue(Transfer {
            command_key: request.command_key.clone(),
            is_download: true,
            method: "Download",
            file_type: request.file_type.clone(),
            url: request.url.clone(),
            username: request.username.clone(),
            password: request.password.clone(),
            size: request.file_size,
            target: request.target_file_name.clone(),
            stage: TransferStage::Waiting(starts),
        })?;
        Ok(DownloadResponse { status: Status::Later, ..DownloadResponse::default() }.into())
    }

    pub(super) fn upload(&mut self, cx: &Context<'_>, request: &Upload) -> Answered {
        let starts = cx.now.mono + Duration::from_secs(u64::from(request.delay_secs));
        self.queue(Transfer {
            command_key: request.command_key.clone(),
            is_download: false,
            method: "Upload",
            file_type: request.file_type.clone(),
            url: request.url.clone(),
            username: request.username.clone(),
            password: request.password.clone(),
            size: 0,
            target: String::new(),
            stage: TransferStage::Waiting(starts),
        })?;
        Ok(UploadResponse { status: Status::Later, ..UploadResponse::default() }.into())
    }

    pub(super) fn schedule_download(&mut self, cx: &Context<'_>, request: &ScheduleDownload) -> Answered {
        let window = request.windows.first().ok_or(FaultCode::InvalidArguments)?;
        if window.end_secs <= window.start_secs {
            return Err(FaultCode::InvalidArguments);
        }
        let starts = cx.now.mono + Duration::from_secs(u64::from(window.start_secs));
        self.queue(Transfer {
            command_key: request.command_key.clone(),
            is_download: true,
            method: "ScheduleDownload",
            file_type: request.file_type.clone(),
            url: request.url.clone(),
            username: request.username.clone(),
            password: request.password.clone(),
            size: request.file_size,
            target: request.target_file_name.clone(),
            stage: TransferStage::Waiting(starts),
        })?;
        Ok(ScheduleDownloadResponse.into())
    }

    fn queue(&mut self, transfer: Transfer) -> Result<(), FaultCode> {
        if self.transfers.len() >= TRANSFERS_MAX {
            return Err(FaultCode::ResourcesExceeded);
        }
        if transfer.command_key.chars().count() > 32 || !has_type(&transfer) {
            return Err(FaultCode::InvalidArguments);
        }
        self.transfers.push(transfer);
        Ok(())
    }

    pub(super) fn cancel_transfer(&mut self, command_key: &str) -> Answered {
        let of_key = |it: &Transfer| it.command_key == command_key;
        if self.transfers.iter().any(|it| of_key(it) && !matches!(it.stage, TransferStage::Waiting(_))) {
            return Err(FaultCode::CancelNotPermitted);
        }
        self.transfers.retain(|it| !of_key(it));
        Ok(CancelTransferResponse.into())
    }

    pub(super) fn all_queued_transfers(&self) -> Message {
        let transfers = self.transfers.iter().map(Transfer::queued).collect();
        GetAllQueuedTransfersResponse { transfers }.into()
    }

    pub(super) fn queued_transfers(&self) -> Message {
        let transfers = self.transfers.iter().map(Transfer::queued);
        let transfers = transfers.map(|it| QueuedTransfer { command_key: it.command_key, state: it.state }).collect();
        GetQueuedTransfersResponse { transfers }.into()
    }
}

/// Annex A tables 30 and 42: a digit and a word, or `X ` and a vendor's own.
fn has_type(transfer: &Transfer) -> bool {
    let known: &[&str] = if transfer.is_download {
        &["1 ", "2 ", "3 ", "4 ", "5 ", "6 ", "X "]
    } else {
        &["1 ", "2 ", "3 ", "4 ", "X "]
    };
    known.iter().any(|start| transfer.file_type.starts_with(start))
}
