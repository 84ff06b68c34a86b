use std::fmt;

use crate::SqliteOptions;

/// What a connection keeps in memory beside SQLite's own pages.
pub(crate) trait Cache: fmt::Debug + Send + 'static {
    /// Nothing yet.
    fn empty(options: &SqliteOptions) -> Self;

    /// The transaction that was open is done.
    fn commit(&mut self);

    /// The transaction that was open failed: what was made in it is not there.
    fn roll_back(&mut self);
}

/// Nothing is kept.
impl Cache for () {
    fn empty(_: &SqliteOptions) -> Self {}

    fn commit(&mut self) {}

    fn roll_back(&mut self) {}
}
