use crate::wire::structure;

/// Restarts the CPE once the session has ended (TR-069 Amendment 6 Annex A.3.2.9).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reboot {
    /// Comes back with the event `M Reboot`. At most 32 characters.
    pub command_key: String,
}

/// The CPE will restart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RebootResponse;

structure!(Reboot { "CommandKey" => command_key, });
structure!(RebootResponse {});
