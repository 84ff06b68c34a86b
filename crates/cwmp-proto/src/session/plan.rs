//! Requests that follow from what is wanted: a plan gives the next request and takes what came of it, until it has its result.
//! A plan holds no session: it may go on in the next one.
//!
//! - [`ReadValues`]: many values in batches that the CPE can bear.
//! - [`WalkNames`]: what parameters and objects there are, level by level.
//! - [`write_values`]: parameters set together or not at all. It is never split: half a configuration is worse than none.

mod read_values;
mod walk_names;
mod write_values;

pub use read_values::{ReadOptions, ReadValues, Unread};
pub use walk_names::{WalkNames, WalkOptions, Walked};
pub use write_values::{PARAMETER_KEY_CHARS_MAX, WriteOffence, WriteResult, write_result, write_values};
