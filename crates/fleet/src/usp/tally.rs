use std::collections::BTreeMap;

use sangam_usp_proto::agent::Served;
use serde::Serialize;

/// What became of the commands of one name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CommandCount {
    /// The controller asked for it, and the agent began.
    pub begun: u64,
    /// It was done.
    pub done: u64,
    /// It failed.
    pub failed: u64,
}

/// What went wrong on purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FaultCount {
    /// Connections that were dropped with what was on its way.
    pub dropped: u64,
    /// Records that were sent twice.
    pub duplicated: u64,
    /// Records that were held back.
    pub late: u64,
    /// What was asked, and refused without a reason.
    pub refused: u64,
}

/// What agents did, counted.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// By kind of request and the error that the whole was answered with, 0 for none.
    pub(super) served: BTreeMap<(&'static str, u32), u64>,
    /// By command, those alone that go on.
    pub(super) commands: BTreeMap<&'static str, CommandCount>,
    /// What happened that a controller may subscribe to, by event.
    pub(super) happened: BTreeMap<&'static str, u64>,
    /// Notifications that the controller took, by subscription.
    pub(super) delivered: BTreeMap<String, u64>,
    /// Notifications that agents gave up.
    pub(super) given_up: u64,
    /// What came and was not taken, by reason.
    pub(super) not_taken: BTreeMap<&'static str, u64>,
    /// Of these, what no controller may send.
    pub(super) broken: u64,
    pub(super) goodbyes: BTreeMap<u32, u64>,
    pub(super) boots: u64,
    pub(super) resets: u64,
    pub(super) changes: u64,
    pub(super) transfers_ended: u64,
    pub(super) transfers_failed: BTreeMap<&'static str, u64>,
    pub(super) faults: FaultCount,
    pub(super) records_sent: u64,
    pub(super) records_received: u64,
    pub(super) sent_bytes: u64,
    pub(super) received_bytes: u64,
}

/// Subscriptions of other names are counted as one.
const NAMES_MAX: usize = 64;

impl Tally {
    pub(super) fn command(&mut self, name: &'static str) -> &mut CommandCount {
        self.commands.entry(name).or_default()
    }

    pub(super) fn delivered(&mut self, subscription_id: &str) {
        let id = if subscription_id.is_empty() { "OnBoardRequest" } else { subscription_id };
        if let Some(count) = self.delivered.get_mut(id) {
            *count += 1;
        } else {
            let id = if self.delivered.len() < NAMES_MAX { id } else { "other" };
            *self.delivered.entry(id.to_owned()).or_default() += 1;
        }
    }

    pub(super) fn served(&mut self, served: Served) {
        for ((kind, error), count) in served {
            let code = error.map_or(0, sangam_usp_proto::ErrorCode::number);
            *self.served.entry((label(kind), code)).or_default() += u64::from(count);
        }
    }
}

fn label(kind: sangam_usp_proto::message::MsgType) -> &'static str {
    use sangam_usp_proto::message::MsgType;
    match kind {
        MsgType::Get => "Get",
        MsgType::GetInstances => "GetInstances",
        MsgType::GetSupportedDm => "GetSupportedDM",
        MsgType::GetSupportedProto => "GetSupportedProtocol",
        MsgType::Set => "Set",
        MsgType::Add => "Add",
        MsgType::Delete => "Delete",
        MsgType::Operate => "Operate",
        MsgType::Notify => "Notify",
        MsgType::Register => "Register",
        MsgType::Deregister => "Deregister",
        MsgType::Error
        | MsgType::GetResp
        | MsgType::SetResp
        | MsgType::OperateResp
        | MsgType::AddResp
        | MsgType::DeleteResp
        | MsgType::GetSupportedDmResp
        | MsgType::GetInstancesResp
        | MsgType::NotifyResp
        | MsgType::GetSupportedProtoResp
        | MsgType::RegisterResp
        | MsgType::DeregisterResp => "other",
    }
}
