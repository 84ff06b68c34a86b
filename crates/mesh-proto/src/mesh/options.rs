use std::time::Duration;

use crate::PeerId;

/// How many links there may be, and how long anything takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Links this node seeks for itself while it knows enough peers.
    pub links_wanted: usize,
    /// Links at most; one more is taken only if another goes.
    pub links_max: usize,
    /// Peers dialled by chance at a time: no more before one of them is linked, has failed, or has taken `dial_pace`. A mesh
    /// that starts all at once is so not flooded with its own offers, and its nodes do not end with twice the links wanted.
    pub dials_max: usize,
    /// After so long an attempt no longer holds up the next.
    pub dial_pace: Duration,
    /// Peers remembered at most; the one longest not heard of, without a link, makes room.
    pub peers_max: usize,
    /// How long an offer waits for its answer: a Synapse-NG node polls each two seconds, so this covers several.
    pub answer_timeout: Duration,
    /// How long descriptions, once exchanged, have to become an open data channel. From the moment that a path works it is half
    /// of that at least.
    pub connect_timeout: Duration,
    /// How long a link that fell silent may come back by itself before ICE is restarted.
    pub restart_after: Duration,
    /// How long the ICE restart is given before a new session is offered.
    pub restart_timeout: Duration,
    /// A link that was interrupted for longer is not resumed but begun anew, by whoever has the smaller id: its transport's
    /// timers are further apart by then than a new session takes.
    pub session_silence: Duration,
    /// How long one of us may leave an offer unanswered before it is told again.
    pub resend_after: Duration,
    /// The first pause before trying again; doubled each time, with jitter of half of it.
    pub retry_first: Duration,
    /// The longest pause.
    pub retry_max: Duration,
    /// How long whoever should begin is waited for before the other side does.
    pub patience: Duration,
    /// How long an agent is waited for, that may not survive being dialled.
    pub agent_patience: Duration,
    /// Whether an agent that does not dial is dialled at all.
    pub dial_agents: bool,
    /// How long a whole description waits for candidates that are still being gathered.
    pub gather_timeout: Duration,
    /// A peer that nothing was heard of for this long, and that has no link, is forgotten.
    pub forget_after: Duration,
    /// Candidates kept for a peer whose description has not come yet.
    pub early_candidates_max: usize,
    /// The same, of all peers together.
    pub early_candidates_total_max: usize,
    /// If not empty: nobody else gets a link.
    pub allowed: Vec<PeerId>,
    /// Whether a peer must prove its id with its key (`a=sangam-mesh`): only nodes like ours can.
    pub proof_required: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            links_wanted: 8,
            links_max: 20,
            dials_max: 3,
            dial_pace: Duration::from_secs(2),
            peers_max: 4096,
            answer_timeout: Duration::from_secs(9),
            connect_timeout: Duration::from_secs(10),
            restart_after: Duration::from_secs(1),
            restart_timeout: Duration::from_secs(3),
            session_silence: Duration::from_secs(6),
            resend_after: Duration::from_millis(1500),
            retry_first: Duration::from_millis(500),
            retry_max: Duration::from_secs(5),
            patience: Duration::from_secs(2),
            agent_patience: Duration::from_secs(3),
            dial_agents: true,
            gather_timeout: Duration::from_secs(1),
            forget_after: Duration::from_secs(600),
            early_candidates_max: 64,
            early_candidates_total_max: 1024,
            allowed: Vec::new(),
            proof_required: false,
        }
    }
}
