use std::collections::VecDeque;

use sangam_cwmp_proto::message::{DuStateChangeComplete, GetRpcMethods, OpResult};
use sangam_cwmp_proto::{EventCode, EventStruct, Message};

use super::super::device::{Context, Device};
use super::super::quirks::Quirk;
use super::super::transfer::Transfer;

impl Device {
    /// What a device has to say itself, once its Inform was taken.
    pub(super) fn own_requests(&self, cx: &Context<'_>, told: &[EventStruct]) -> VecDeque<Message> {
        let mut own = VecDeque::new();
        for complete in self.transfers.iter().filter_map(Transfer::complete) {
            own.push_back(Message::from(complete.clone()));
            if self.quirks.has(Quirk::RepeatsTransfers) {
                own.push_back(complete.into());
            }
        }
        own.extend(self.unit_changes.iter().map(|(command_key, operations)| {
            let results = operations.iter().map(|operation| self.unit_result(cx, operation));
            DuStateChangeComplete { results: results.collect(), command_key: command_key.clone() }.into()
        }));
        own.extend(self.notice.as_deref().cloned());
        // Some ask a new ACS what it can.
        if told.iter().any(|event| event.code == EventCode::Bootstrap) && self.facts.number % 8 == 3 {
            own.push_back(GetRpcMethods.into());
        }
        own
    }

    fn unit_result(&self, cx: &Context<'_>, operation: &sangam_cwmp_proto::message::Operation) -> OpResult {
        use sangam_cwmp_proto::message::Operation;
        let now = super::super::date::date(cx.now.wall);
        let (uuid, current_state) = match operation {
            Operation::Install { uuid, .. } | Operation::Update { uuid, .. } => (uuid, "Installed"),
            Operation::Uninstall { uuid, .. } => (uuid, "Uninstalled"),
        };
        OpResult {
            uuid: uuid.clone(),
            deployment_unit_ref: format!("{}DeploymentUnit.1", cx.world.model(self.facts.number).root),
            version: "1.0".to_owned(),
            current_state: current_state.to_owned(),
            resolved: true,
            start_time: now.clone(),
            complete_time: now,
            ..OpResult::default()
        }
    }

    /// The ACS has answered it, so that it need not be said again.
    pub(super) fn note_answered(&mut self, cx: &mut Context<'_>, message: &Message) {
        match message {
            Message::TransferComplete(it) => {
                let is_it = |transfer: &Transfer| transfer.complete().is_some_and(|complete| complete == *it);
                if let Some(at) = self.transfers.iter().position(is_it) {
                    cx.tally.transfers_acknowledged += 1;
                    self.transfers.remove(at);
                }
            }
            Message::DuStateChangeComplete(it) => {
                self.unit_changes.retain(|(command_key, _)| *command_key != it.command_key);
            }
            other => {
                self.notice.take_if(|notice| **notice == *other);
            }
        }
    }
}
