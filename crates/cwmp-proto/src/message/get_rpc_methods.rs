use crate::wire::structure;

/// Which methods does the other side know? Both sides may ask (TR-069 Amendment 6 Annex A.3.1.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GetRpcMethods;

/// The names of all methods, vendors' own (`X_…`) included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GetRpcMethodsResponse {
    /// At most 64 characters each.
    pub methods: Vec<String>,
}

structure!(GetRpcMethods {});
structure!(GetRpcMethodsResponse { "MethodList" => methods, });
