use crate::wire::{repeated, structure};
use crate::{DateTime, FaultStruct};

/// What a ChangeDUState asked for is done (TR-069 Amendment 6 Annex A.4.2.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DuStateChangeComplete {
    /// One for each operation, in their order.
    pub results: Vec<OpResult>,
    /// That of the request; at most 32 characters.
    pub command_key: String,
}

/// The ACS has taken note of a [`DuStateChangeComplete`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DuStateChangeCompleteResponse;

/// Deployment units changed without the ACS (TR-069 Amendment 6 Annex A.4.2.4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AutonomousDuStateChangeComplete {
    /// What happened.
    pub results: Vec<AutonomousOpResult>,
}

/// The ACS has taken note of an [`AutonomousDuStateChangeComplete`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AutonomousDuStateChangeCompleteResponse;

/// What became of an operation on a deployment unit (`OpResultStruct`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpResult {
    /// Of the deployment unit.
    pub uuid: String,
    /// The path of its object.
    pub deployment_unit_ref: String,
    /// At most 32 characters.
    pub version: String,
    /// `Installed`, `Uninstalled` or `Failed`.
    pub current_state: String,
    /// Whether all that it depends on is there.
    pub resolved: bool,
    /// Paths of execution units, between commas.
    pub execution_unit_refs: String,
    /// When the operation began.
    pub start_time: DateTime,
    /// When it ended.
    pub complete_time: DateTime,
    /// `None`: it went well.
    pub fault: Option<FaultStruct>,
}

/// The same for an operation that the ACS did not ask for (`AutonOpResultStruct`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AutonomousOpResult {
    /// What became of it.
    pub result: OpResult,
    /// `Install`, `Update`, `Uninstall`, or a vendor's own.
    pub operation: String,
}

structure!(OpResult {
    "UUID" => uuid,
    "DeploymentUnitRef" => deployment_unit_ref,
    "Version" => version,
    "CurrentState" => current_state,
    "Resolved" => resolved,
    "ExecutionUnitRefList" => execution_unit_refs,
    "StartTime" => start_time,
    "CompleteTime" => complete_time,
    "Fault" => fault,
});
structure!(AutonomousOpResult {
    "UUID" => result.uuid,
    "DeploymentUnitRef" => result.deployment_unit_ref,
    "Version" => result.version,
    "CurrentState" => result.current_state,
    "Resolved" => result.resolved,
    "ExecutionUnitRefList" => result.execution_unit_refs,
    "StartTime" => result.start_time,
    "CompleteTime" => result.complete_time,
    "Fault" => result.fault,
    "OperationPerformed" => operation,
});
repeated!(OpResult);
repeated!(AutonomousOpResult);

structure!(DuStateChangeComplete { "Results" => results, "CommandKey" => command_key, });
structure!(DuStateChangeCompleteResponse {});
structure!(AutonomousDuStateChangeComplete { "Results" => results, });
structure!(AutonomousDuStateChangeCompleteResponse {});
