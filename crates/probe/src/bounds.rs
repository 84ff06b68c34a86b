use std::time::Duration;

use crate::trust::Trust;

/// What every probe is given.
#[derive(Clone, Copy)]
pub struct Bounds<'a> {
    /// Longest wait for any one answer.
    pub timeout: Duration,
    /// Whose certificates are believed.
    pub trust: &'a Trust,
    /// Told what is being done, for whoever watches.
    pub progress: &'a (dyn Fn(&str) + Sync),
}
