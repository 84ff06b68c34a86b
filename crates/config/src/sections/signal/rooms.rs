//! `[signal.rooms]`: what holds in rooms, whatever wire brings a participant there.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sections::Check;
use crate::values::{ByteSize, HumanDuration};

/// Rooms, whatever wire brings a participant there.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rooms {
    /// Rooms with somebody in them; who would begin another is refused.
    #[schemars(extend("x-reload" = "restart"))]
    pub rooms_max: usize,
    /// Participants of one room.
    #[schemars(extend("x-reload" = "restart"))]
    pub participants_max: usize,
    /// Sockets of one participant.
    #[schemars(extend("x-reload" = "restart"))]
    pub sockets_per_participant_max: usize,
    /// How long somebody whose connection was lost may come back before the others are told that they left.
    #[schemars(extend("x-reload" = "restart"))]
    pub presence_grace: HumanDuration,
    /// How long a description for a receiver that takes no candidates by themselves waits for them to end.
    #[schemars(extend("x-reload" = "restart"))]
    pub whole_timeout: HumanDuration,
    /// How long a signal waits for somebody who is away.
    #[schemars(extend("x-reload" = "restart"))]
    pub mail_time: HumanDuration,
    /// Signals that wait for one participant.
    #[schemars(extend("x-reload" = "restart"))]
    pub mail_len_max: usize,
    /// Bytes that wait for one participant.
    #[schemars(extend("x-reload" = "restart"))]
    pub mail_bytes_max: ByteSize,
    /// Signals of one sender that wait, for whomever.
    #[schemars(extend("x-reload" = "restart"))]
    pub sender_mail_len_max: usize,
    /// Bytes of one sender that wait, for whomever.
    #[schemars(extend("x-reload" = "restart"))]
    pub sender_mail_bytes_max: ByteSize,
    /// Bytes that wait in all.
    #[schemars(extend("x-reload" = "restart"))]
    pub mail_total_bytes_max: ByteSize,
    /// The largest verse or queue that is kept for who joins late; a larger one is refused.
    #[schemars(extend("x-reload" = "restart"))]
    pub kept_bytes_max: ByteSize,
    /// Bytes of verses and queues in all.
    #[schemars(extend("x-reload" = "restart"))]
    pub kept_total_bytes_max: ByteSize,
    /// How often a running timer is told to its room; `0s`: only when it changes.
    #[schemars(extend("x-reload" = "restart"))]
    pub timer_tick: HumanDuration,
    /// Whether a session ends when its timer has run out.
    #[schemars(extend("x-reload" = "restart"))]
    pub end_on_expiry: bool,
}

impl Default for Rooms {
    fn default() -> Self {
        Self {
            rooms_max: 65_536,
            participants_max: 8_192,
            sockets_per_participant_max: 8,
            presence_grace: HumanDuration::from_secs(12),
            whole_timeout: HumanDuration::from_secs(3),
            mail_time: HumanDuration::from_secs(5),
            mail_len_max: 1_024,
            mail_bytes_max: ByteSize::from_kib(1_024),
            sender_mail_len_max: 4_096,
            sender_mail_bytes_max: ByteSize::from_kib(1_024),
            mail_total_bytes_max: ByteSize::from_kib(64 * 1_024),
            kept_bytes_max: ByteSize::from_kib(64),
            kept_total_bytes_max: ByteSize::from_kib(64 * 1_024),
            timer_tick: HumanDuration::from_secs(5),
            end_on_expiry: false,
        }
    }
}

impl Rooms {
    pub(crate) fn validate(&self, check: &mut Check) {
        let (none, minute) = (HumanDuration::default(), HumanDuration::from_secs(60));
        check.within("rooms_max", self.rooms_max, 1, 10_000_000);
        check.within("participants_max", self.participants_max, 1, 1_000_000);
        check.within("sockets_per_participant_max", self.sockets_per_participant_max, 1, 1_024);
        check.within("presence_grace", self.presence_grace, none, HumanDuration::from_secs(600));
        check.within("whole_timeout", self.whole_timeout, none, minute);
        check.within("mail_time", self.mail_time, none, minute);
        check.within("mail_len_max", self.mail_len_max, 1, 1_000_000);
        check.within("sender_mail_len_max", self.sender_mail_len_max, 1, 1_000_000);
        check.within("timer_tick", self.timer_tick, none, HumanDuration::from_secs(3_600));
        let (least, most) = (ByteSize::from_kib(1), ByteSize::from_kib(1_024 * 1_024));
        for (key, value) in [
            ("mail_bytes_max", self.mail_bytes_max),
            ("sender_mail_bytes_max", self.sender_mail_bytes_max),
            ("mail_total_bytes_max", self.mail_total_bytes_max),
            ("kept_bytes_max", self.kept_bytes_max),
            ("kept_total_bytes_max", self.kept_total_bytes_max),
        ] {
            check.within(key, value, least, most);
        }
    }
}
