use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::StoreError;

/// How the store was when it was last used.
#[derive(Debug, Default)]
pub struct Health {
    trouble: Mutex<Option<Trouble>>,
}

/// Why nothing can be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// For operators: what, why, what to do.
    pub reason: String,
    /// It is opened anew and does nothing else.
    pub reopening: bool,
}

impl Health {
    /// Why nothing can be written; `None`: it is well.
    #[must_use]
    pub fn trouble(&self) -> Option<Trouble> {
        self.lock().clone()
    }

    /// Something was written.
    pub fn good(&self) {
        *self.lock() = None;
    }

    /// It failed; `reopening`: nothing but that is done about it now.
    pub fn bad(&self, error: &StoreError, reopening: bool) {
        *self.lock() = Some(Trouble { reason: with_sources(error), reopening });
    }

    fn lock(&self) -> MutexGuard<'_, Option<Trouble>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A failure with everything that led to it.
#[must_use]
pub fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
