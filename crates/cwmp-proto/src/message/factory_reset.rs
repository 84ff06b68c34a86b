use crate::wire::structure;

/// Sets the CPE back to what it was when it left its factory (TR-069 Amendment 6 Annex A.4.1.6).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FactoryReset;

/// The CPE will do so once the session has ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FactoryResetResponse;

structure!(FactoryReset {});
structure!(FactoryResetResponse {});
