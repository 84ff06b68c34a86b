//! How each kind of row lies in its table.

pub(super) mod alarm;
pub(super) mod answered;
pub(super) mod device;
pub(super) mod diagnostic;
pub(super) mod event;
pub(super) mod file;
pub(super) mod profile;
pub(super) mod schema;
pub(super) mod subscription;
pub(super) mod task;
pub(super) mod value;
