use std::collections::BTreeMap;

use sangam_types::Mono;

use super::onboarding::OnboardingStep;
use crate::message::MsgType;

/// Who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Driver,
    Onboarding(OnboardingStep),
}

/// Requests that are not answered yet, by message id.
#[derive(Debug)]
pub(super) struct Pending {
    max: usize,
    asked: BTreeMap<String, Asked>,
}

#[derive(Debug)]
pub(super) struct Asked {
    pub(super) msg_type: MsgType,
    pub(super) purpose: Purpose,
    due: Mono,
}

impl Pending {
    pub(super) fn new(max: usize) -> Self {
        Self { max, asked: BTreeMap::new() }
    }

    pub(super) fn is_full(&self) -> bool {
        self.asked.len() >= self.max
    }

    pub(super) fn insert(&mut self, msg_id: String, msg_type: MsgType, due: Mono, purpose: Purpose) {
        self.asked.insert(msg_id, Asked { msg_type, purpose, due });
    }

    pub(super) fn take(&mut self, msg_id: &str) -> Option<Asked> {
        self.asked.remove(msg_id)
    }

    pub(super) fn take_any(&mut self) -> Option<(String, Purpose)> {
        self.asked.pop_first().map(|(msg_id, asked)| (msg_id, asked.purpose))
    }

    /// One whose time has run out. There are at most `max` to look at.
    pub(super) fn take_due(&mut self, now: Mono) -> Option<(String, Purpose)> {
        let due = self.asked.iter().find(|(_, asked)| asked.due <= now).map(|(msg_id, _)| msg_id.clone())?;
        self.asked.remove(&due).map(|asked| (due, asked.purpose))
    }

    pub(super) fn deadline(&self) -> Option<Mono> {
        self.asked.values().map(|asked| asked.due).min()
    }
}
