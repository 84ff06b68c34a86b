//! Bodies as what is different in them: patches of set, removed and counted fields.
//!
//! No message carries one yet. They are here so that bytes that the clients' library writes can be read, and applied as it
//! applies them.
//!
//! A field is named by the keys on the way to it, joined by dots; keys that hold a dot cannot be named.

mod apply;
mod patch;
mod value;

pub use apply::NotApplied;
pub use patch::{DeltaPatch, Edit};
pub(crate) use value::Pairs;
pub use value::{Map, Value};
