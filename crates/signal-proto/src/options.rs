use std::time::Duration;

use sangam_types::Text;

/// Limits and times of the core. Every bound has its [`crate::DropReason`], [`crate::Refusal`] or
/// [`crate::CloseReason`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Silence after which a socket is pinged.
    pub ping_interval: Duration,
    /// How long a pinged socket may stay silent before it is closed.
    pub ping_timeout: Duration,
    /// How long the holder of an id has to answer the ping that a claim from elsewhere causes.
    pub claim_timeout: Duration,
    /// How long an id stays its owner's after its participant left.
    pub grace: Duration,
    /// Ids remembered for their grace period; past it an id that leaves is free at once.
    pub graces_max: usize,
    /// How long a participant, or one of its sockets, that was lost may return before the others are told that it left.
    pub presence_grace: Duration,
    /// How long a polled participant may neither take mail nor send.
    pub polled_grace: Duration,
    /// Rooms.
    pub rooms_max: usize,
    /// Participants of one room.
    pub participants_max: usize,
    /// Sockets of one participant.
    pub sockets_per_participant_max: usize,
    /// Ids (held or claimed) of one socket, over all rooms.
    pub ids_per_socket_max: usize,
    /// Bytes of the name that a participant is shown under.
    pub name_bytes_max: usize,
    /// Participants that one participant may have signaled to while both are there.
    pub peers_max: usize,
    /// Messages held back for one ordered pair of participants.
    pub held_len_max: usize,
    /// Bytes held back for one ordered pair of participants.
    pub held_bytes_max: usize,
    /// Bytes held back in all: the pairs' bounds multiply, this one does not.
    pub held_total_bytes_max: usize,
    /// How long candidates wait for the description they belong to.
    pub hold_time: Duration,
    /// How long an offer waits for one that may be on its way in the other direction. Zero turns waiting off.
    pub glare_window: Duration,
    /// How long an unanswered offer keeps one in the other direction out.
    pub glare_timeout: Duration,
    /// How long a description for who takes no candidates by themselves waits for the end of its sender's candidates.
    pub whole_timeout: Duration,
    /// How long a message waits for a participant that is absent, or for a further socket of one that has not signaled.
    pub mail_time: Duration,
    /// How long a message waits for a polled participant.
    pub polled_mail_time: Duration,
    /// Messages that wait for one participant.
    pub mail_len_max: usize,
    /// Bytes that wait for one participant.
    pub mail_bytes_max: usize,
    /// Messages of one sender that wait, for whomever.
    pub sender_mail_len_max: usize,
    /// Bytes of one sender that wait, for whomever.
    pub sender_mail_bytes_max: usize,
    /// Bytes that wait in all.
    pub mail_total_bytes_max: usize,
    /// Bytes of one verse or queue that are kept for late joiners.
    pub kept_bytes_max: usize,
    /// Bytes of verses and queues that are kept in all.
    pub kept_total_bytes_max: usize,
    /// How often a running timer is told. Zero: only when it is started, paused, resumed, and when it has run out.
    pub timer_tick: Duration,
    /// A session ends when its timer has run out, for this reason; without one it goes on.
    pub end_on_expiry: Option<Text>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            // Under the 30 s after which common NATs and proxies forget an idle connection.
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            claim_timeout: Duration::from_secs(2),
            grace: Duration::from_secs(10),
            graces_max: 65_536,
            presence_grace: Duration::from_secs(12),
            polled_grace: Duration::from_secs(30),
            rooms_max: 65_536,
            participants_max: 8_192,
            sockets_per_participant_max: 8,
            ids_per_socket_max: 8,
            name_bytes_max: 256,
            peers_max: 1_024,
            held_len_max: 64,
            held_bytes_max: 128 * 1_024,
            held_total_bytes_max: 64 * 1_024 * 1_024,
            hold_time: Duration::from_secs(10),
            glare_window: Duration::from_millis(100),
            glare_timeout: Duration::from_secs(10),
            whole_timeout: Duration::from_secs(3),
            mail_time: Duration::from_secs(5),
            polled_mail_time: Duration::from_secs(30),
            mail_len_max: 1_024,
            mail_bytes_max: 1_024 * 1_024,
            sender_mail_len_max: 4_096,
            sender_mail_bytes_max: 1_024 * 1_024,
            mail_total_bytes_max: 64 * 1_024 * 1_024,
            kept_bytes_max: 64 * 1_024,
            kept_total_bytes_max: 64 * 1_024 * 1_024,
            timer_tick: Duration::from_secs(5),
            end_on_expiry: None,
        }
    }
}
