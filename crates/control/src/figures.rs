use futures_util::future::BoxFuture;
use serde::Serialize;

/// A part that has figures of itself, read when it is asked.
pub trait Figures: Send + Sync {
    /// What it knows now. What cannot be read is left out.
    fn figures(&self) -> BoxFuture<'_, Vec<Figure>>;
}

/// One figure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// Its name: `devices_total`.
    pub name: &'static str,
    /// What it is.
    pub value: f64,
}

impl Figure {
    /// A figure.
    #[must_use]
    pub const fn new(name: &'static str, value: f64) -> Self {
        Self { name, value }
    }
}
