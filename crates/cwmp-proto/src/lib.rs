//! TR-069, the CPE WAN Management Protocol: its messages, what they look like on the wire, and the sessions they make.
//!
//! - [`decode()`] reads an envelope within [`SoapLimits`]; [`encode()`] writes one. Both know every message of both
//!   directions, so an ACS and a simulated CPE share them.
//! - [`peek_events`] finds the events of an Inform without parsing it: admission under overload asks before it pays.
//! - [`session`] is the ACS's end of a session, what it asks in which order, and the tests a CPE runs.
//! - [`connection_request`] asks a CPE for a session.
//!
//! Nothing here knows an HTTP library, a socket, a store or a clock.
//!
//! Sources: TR-069 Issue 1 Amendment 6 (CWMP 1.4) and the schemas `cwmp-1-0.xsd` to `cwmp-1-4.xsd`, which give the order of
//! elements; SOAP 1.1. What is tolerated beyond them is listed in `docs/protocols/cwmp-soap.md`, and what tells
//! something of a device is counted in [`Departures`].

pub mod connection_request;
pub mod message;
pub mod session;

mod date_time;
mod decode;
mod departures;
mod device_id;
mod encode;
mod encoding;
mod envelope;
mod event;
mod fault;
mod header;
mod limits;
mod namespace;
mod peek;
mod reader;
mod secret;
mod soap_error;
mod url;
mod value;
mod wire;
mod writer;
mod xml_char;

pub use date_time::DateTime;
pub use decode::{decode, decode_noting};
pub use departures::Departures;
pub use device_id::{DeviceId, DeviceIdOffence};
pub use encode::encode;
pub use envelope::{Body, Envelope};
pub use event::{EventCode, EventStruct};
pub use fault::{CwmpFault, Fault, FaultCode, FaultStruct, SetParameterValuesFault, SoapFaultCode};
pub use header::{Header, Version};
pub use limits::SoapLimits;
pub use message::Message;
pub use namespace::Namespace;
pub use peek::{Events, peek_events};
pub use secret::Secret;
pub use soap_error::{EncodeError, SoapError};
pub use url::Url;
pub use value::{ParameterValue, ValueKind};
