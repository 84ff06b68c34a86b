use sangam_signal_proto::SignalKind;
use serde::{Deserialize, Serialize};

use super::event::Event;

/// Which names a client hears. What is told to many sockets is encoded once for each of these.
///
/// Learned from what the socket sends, never set:
///
/// - The hooks say `participantName` when they join, the documented class never does. So a socket that joins without a name
///   hears the documented names alone, as from the original, and one that joins with a name hears the hooks' names.
/// - The newest and the older hooks differ only in signaling, and the newcomer, who waits for an offer, has not shown yet
///   which it is. It hears a signal under both names until it sends one: no client has handlers for both (the sockets on
///   which the hooks read have none), so none handles an offer twice.
/// - A name that only one of them sends settles it, at any time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Ear {
    /// Under which names it hears signals.
    pub signals: SignalNames,
    /// Under which names it hears of queue and reading.
    pub session: SessionNames,
}

/// Under which names a client hears signals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignalNames {
    /// `webrtc-offer`, `webrtc-answer`, `webrtc-ice-candidate`: the documented class, the older hooks.
    #[default]
    ByKind,
    /// `webrtc-signaling`: the newest hooks.
    Common,
    /// Both: hooks that have not sent a signal yet.
    Both,
}

/// Under which names a client hears of queue and reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionNames {
    /// `reading-queue-update`, `update-reading-status`
    #[default]
    Documented,
    /// `queue-updated`, `reading-started`, `reading-finished`, and names of participants.
    Hooks,
}

impl Ear {
    /// Takes the event for what it says about its sender. `is_named`: it joins under a name for the others to see.
    pub(super) fn learn(&mut self, name: &str, event: Event, is_named: bool) {
        match (name, event) {
            (_, Event::AnySignal) => *self = Self { signals: SignalNames::Common, session: SessionNames::Hooks },
            (_, Event::Signal(SignalKind::Offer | SignalKind::Answer | SignalKind::Candidate)) => {
                self.signals = SignalNames::ByKind;
            }
            (_, Event::Join) if is_named => self.learn_hooks(),
            ("change-verse" | "update-queue" | "get-queue" | "end-session" | "skip-turn", _)
            | (_, Event::StartReading | Event::FinishReading) => self.learn_hooks(),
            ("verse-changed" | "reading-queue-update", _) | (_, Event::ReadingStatus | Event::NextVerse) => {
                self.session = SessionNames::Documented;
                if self.signals == SignalNames::Both {
                    self.signals = SignalNames::ByKind;
                }
            }
            _ => {}
        }
    }

    fn learn_hooks(&mut self) {
        if self.session == SessionNames::Documented {
            *self = Self { signals: SignalNames::Both, session: SessionNames::Hooks };
        }
    }
}
