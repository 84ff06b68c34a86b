use serde::Serialize;

/// How good a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// As it should be.
    Fine,
    /// It works, and somebody should look at it.
    Warning,
    /// The answer is no.
    Failed,
}

/// One thing found out about a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How good it is.
    pub mark: Mark,
    /// What was looked at, in a word or two: `allocation`, `udp echo`.
    pub subject: String,
    /// What was found.
    pub said: String,
    /// Why it is so, if it is not fine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

impl Finding {
    /// All is well.
    #[must_use]
    pub fn fine(subject: impl Into<String>, said: impl Into<String>) -> Self {
        Self { mark: Mark::Fine, subject: subject.into(), said: said.into(), cause: None, mend: None }
    }

    /// It works, but.
    #[must_use]
    pub fn warning(subject: impl Into<String>, said: impl Into<String>) -> Self {
        Self { mark: Mark::Warning, ..Self::fine(subject, said) }
    }

    /// The answer is no.
    #[must_use]
    pub fn failed(subject: impl Into<String>, said: impl Into<String>) -> Self {
        Self { mark: Mark::Failed, ..Self::fine(subject, said) }
    }

    /// Adds why, and what to do.
    #[must_use]
    pub fn because(mut self, cause: impl Into<String>, mend: impl Into<String>) -> Self {
        self.cause = Some(cause.into());
        self.mend = Some(mend.into());
        self
    }
}
