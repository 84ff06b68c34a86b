use std::collections::BTreeMap;

/// Where environment variables are read. Tests hand in a map.
pub trait Environment {
    /// Every variable whose name and value are Unicode, in the order of their names.
    fn variables(&self) -> BTreeMap<String, String>;
}

/// The environment of this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn variables(&self) -> BTreeMap<String, String> {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }
}

impl Environment for BTreeMap<String, String> {
    fn variables(&self) -> BTreeMap<String, String> {
        self.clone()
    }
}
