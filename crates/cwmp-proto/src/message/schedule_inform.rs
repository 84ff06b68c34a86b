use crate::wire::structure;

/// Has the CPE begin a session later, with the event `3 SCHEDULED` (TR-069 Amendment 6 Annex A.4.1.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScheduleInform {
    /// Seconds from now, 1 or more.
    pub delay_secs: u32,
    /// Comes back with the event `M ScheduleInform`. At most 32 characters.
    pub command_key: String,
}

/// The CPE will.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScheduleInformResponse;

structure!(ScheduleInform { "DelaySeconds" => delay_secs, "CommandKey" => command_key, });
structure!(ScheduleInformResponse {});
