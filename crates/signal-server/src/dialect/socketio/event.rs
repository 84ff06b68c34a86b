use sangam_signal_proto::SignalKind;

/// What a client may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Join,
    Leave,
    /// `webrtc-offer`, `webrtc-answer`, `webrtc-ice-candidate`
    Signal(SignalKind),
    /// `webrtc-signaling`, whose `type` says which.
    AnySignal,
    /// `verse-changed`, `change-verse`
    Verse,
    /// `reading-queue-update`, `update-queue`
    Queue,
    GetQueue,
    StartReading,
    FinishReading,
    /// `skip-reading`, `skip-turn`
    Skip,
    ReadingStatus,
    NextVerse,
    StartTimer,
    PauseTimer,
    ResumeTimer,
    TimerUpdate,
    /// `session-ended`, `end-session`
    End,
    /// `kick-participant`: ours.
    Kick,
    /// `lock-session`: ours.
    Lock,
    Subscribe,
    Unsubscribe,
    /// One of the parser's four.
    Parser,
    Test,
}

/// Every event that a client may send, and the `message` of the `error` that answers it if it is faulty: the original's
/// words where it knows the event.
const EVENTS: [(&str, Event, &str); 32] = [
    ("join-session", Event::Join, "Failed to join session"),
    ("leave-session", Event::Leave, "Failed to leave session"),
    ("webrtc-offer", Event::Signal(SignalKind::Offer), "Failed to handle WebRTC offer"),
    ("webrtc-answer", Event::Signal(SignalKind::Answer), "Failed to handle WebRTC answer"),
    ("webrtc-ice-candidate", Event::Signal(SignalKind::Candidate), "Failed to handle ICE candidate"),
    ("webrtc-signaling", Event::AnySignal, "Failed to handle WebRTC signaling"),
    ("verse-changed", Event::Verse, "Failed to handle verse change"),
    ("change-verse", Event::Verse, "Failed to handle verse change"),
    ("reading-queue-update", Event::Queue, "Failed to handle reading queue update"),
    ("update-queue", Event::Queue, "Failed to handle reading queue update"),
    ("get-queue", Event::GetQueue, "Failed to get reading queue"),
    ("start-reading", Event::StartReading, "Failed to start reading"),
    ("finish-reading", Event::FinishReading, "Failed to finish reading"),
    ("skip-reading", Event::Skip, "Failed to skip reading"),
    ("skip-turn", Event::Skip, "Failed to skip turn"),
    ("update-reading-status", Event::ReadingStatus, "Failed to update reading status"),
    ("request-next-verse", Event::NextVerse, "Failed to request next verse"),
    ("start-session-timer", Event::StartTimer, "Failed to start session timer"),
    ("pause-session-timer", Event::PauseTimer, "Failed to pause session timer"),
    ("resume-session-timer", Event::ResumeTimer, "Failed to resume session timer"),
    ("session-timer-update", Event::TimerUpdate, "Failed to handle session timer update"),
    ("session-ended", Event::End, "Failed to handle session end"),
    ("end-session", Event::End, "Failed to handle session end"),
    ("kick-participant", Event::Kick, "Failed to kick participant"),
    ("lock-session", Event::Lock, "Failed to lock session"),
    ("subscribe-parser-monitor", Event::Subscribe, "Failed to subscribe to parser monitor"),
    ("unsubscribe-parser-monitor", Event::Unsubscribe, "Failed to unsubscribe from parser monitor"),
    ("parser-status-update", Event::Parser, "Failed to handle parser event"),
    ("parser-log", Event::Parser, "Failed to handle parser event"),
    ("parser-progress-update", Event::Parser, "Failed to handle parser event"),
    ("parser-stats-update", Event::Parser, "Failed to handle parser event"),
    ("test-message", Event::Test, "Failed to handle test message"),
];

impl Event {
    /// The event of that name, the name as text of ours, and what the sender of a faulty one is told.
    pub(super) fn named(name: &str) -> Option<(Self, &'static str, &'static str)> {
        EVENTS.iter().find(|(it, ..)| *it == name).map(|(name, event, failure)| (*event, *name, *failure))
    }

    /// The `webrtc-…` event for a signal.
    pub(super) fn of_signal(kind: SignalKind) -> &'static str {
        match kind {
            SignalKind::Offer => "webrtc-offer",
            SignalKind::Answer => "webrtc-answer",
            SignalKind::Candidate => "webrtc-ice-candidate",
        }
    }
}

/// The word for a signal in member `type`.
pub(super) fn type_word(kind: SignalKind) -> &'static str {
    match kind {
        SignalKind::Offer => "offer",
        SignalKind::Answer => "answer",
        SignalKind::Candidate => "ice-candidate",
    }
}

/// The signal for a word in member `type`.
pub(super) fn signal_kind(word: &str) -> Option<SignalKind> {
    [SignalKind::Offer, SignalKind::Answer, SignalKind::Candidate].into_iter().find(|kind| type_word(*kind) == word)
}
