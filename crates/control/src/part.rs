use futures_util::future::BoxFuture;
use serde::Serialize;

/// How a part is, in the order from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PartState {
    /// Does its work.
    Ready,
    /// Does its work in part; the detail says what is missing.
    Degraded,
    /// Is stopping: finishes what it has, takes nothing new.
    Draining,
    /// Does not do its work.
    Failed,
}

impl PartState {
    /// Whether new work may be sent to the part.
    #[must_use]
    pub fn takes_work(self) -> bool {
        matches!(self, Self::Ready | Self::Degraded)
    }
}

/// The outcome of one check of one part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PartReport {
    /// How the part is.
    pub state: PartState,
    /// One sentence: what was checked and what was found. Holds no secret; shown to operators only.
    pub detail: String,
}

/// A part of the server that can be asked how it is.
pub trait Part: Send + Sync {
    /// A short stable name: `relay`, `signal`, `http`, `data_dir`.
    fn name(&self) -> &'static str;

    /// Checks the part now. Must answer within one second; the caller bounds it and takes silence for
    /// [`PartState::Failed`].
    fn check(&self) -> BoxFuture<'_, PartReport>;
}
