//! Managed devices, whatever wire they speak: what TR-069 and TR-369 share, as rows and rules.
//!
//! Nothing here reads a clock, a socket or a store, and nothing knows SOAP or a USP record. A driver reads rows, asks a rule
//! what becomes of them, and makes the rows that come back durable before it answers the device.
//!
//! - [`identity`]: which device: OUI, product class, serial number, endpoint id.
//! - [`device`]: what is kept of one; [`enrol`]: who becomes one; [`secret`]: what it proves itself with.
//! - [`schema`], [`values`]: names of parameters, interned; their values in pages, with a history.
//! - [`task`]: what is to be done with a device, once; [`profile`]: what it is to be set to.
//! - [`alarm`], [`event`], [`diagnostic`], [`subscription`], [`mod@file`], [`idempotency`]: rows with few rules of their own.
//! - [`admission`]: who is served under overload; [`phase`]: when a device comes by itself.

pub mod admission;
pub mod alarm;
mod coded;
pub mod device;
pub mod diagnostic;
pub mod enrol;
pub mod event;
pub mod file;
mod fingerprint;
pub mod idempotency;
pub mod identity;
mod ids;
pub mod phase;
pub mod profile;
pub mod schema;
pub mod secret;
pub mod subscription;
pub mod task;
mod text;
mod value_kind;
pub mod values;

pub use fingerprint::{Fingerprint, Fingerprinter};
pub use ids::{AlarmId, DeviceId, DiagnosticId, EventId, FileId, ProfileId, SchemaId, TaskId};
pub use text::TextError;
pub use value_kind::ValueKind;
