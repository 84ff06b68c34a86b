use std::sync::{Mutex, MutexGuard, PoisonError};

use sangam_storage::StoreError;

/// How the store was when it was last used.
#[derive(Debug, Default)]
pub(crate) struct Health {
    trouble: Mutex<Option<Trouble>>,
}

/// Why nothing can be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// For operators: what, why, what to do.
    pub(crate) reason: String,
    /// It is opened anew and does nothing else.
    pub(crate) reopening: bool,
}

impl Health {
    pub(crate) fn trouble(&self) -> Option<Trouble> {
        self.lock().clone()
    }

    pub(super) fn good(&self) {
        *self.lock() = None;
    }

    pub(super) fn bad(&self, error: &StoreError, reopening: bool) {
        *self.lock() = Some(Trouble { reason: with_sources(error), reopening });
    }

    fn lock(&self) -> MutexGuard<'_, Option<Trouble>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One word for counters.
pub(super) fn word(error: &StoreError) -> &'static str {
    match error {
        StoreError::Full { .. } => "full",
        StoreError::Uncertain { .. } => "uncertain",
        StoreError::Overtaken { .. } => "overtaken",
        StoreError::Damaged { .. } => "damaged",
        _ => "unusable",
    }
}

/// A failure with everything that led to it.
pub(crate) fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
