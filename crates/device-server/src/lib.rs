//! Drives `sangam-device-proto` and `sangam-cwmp-proto`: devices that speak TR-069 are answered, remembered and told what to do.
//!
//! A POST is looked at before it is parsed (`cwmp/endpoint.rs`): under load what matters least is told to come back. A session is
//! found by its cookie (`cwmp/sessions.rs`); what its device says is read once from the store, changed by the rules of the
//! cores and made durable by one thread (`committer.rs`) that writes for all of them together, and only then answered. When a
//! device was seen last, and nothing else, waits in memory for the next write (`seen.rs`). Tasks become requests and answers
//! become what is known of them in `cwmp/work.rs`.
//!
//! A device that a task waits for is called (`calling.rs`), and only where it may be.
//!
//! Clauses and their tests: `docs/protocols/cwmp.md`.

mod admin;
mod aftermath;
mod alarms;
mod calling;
mod certificate;
mod changes;
mod committer;
mod cwmp;
mod diagnostics;
mod figures;
mod files;
mod heads;
mod names;
mod news;
mod numbers;
mod options;
mod ordering;
mod part;
mod population;
mod provisioning;
mod reading;
mod rounds;
mod seen;
mod server;
mod service;
mod task_clock;
mod task_watch;
mod usp;

pub use options::{
    AlarmOptions, CallOptions, Credentials, FileOptions, Keep, Live, NewsOptions, Options, ProfileOptions, XmppOptions,
};
pub use sangam_device_proto::alarm::FloodRules;
pub use sangam_device_proto::enrol::{EnrolRules, Policy};
pub use sangam_device_proto::profile::PursuitRules;
pub use sangam_device_proto::secret::{Login, Secret};
pub use sangam_usp_proto::record::MqttVersion;
pub use sangam_usp_proto::{EndpointId, UspLimits};
pub use server::{Deps, DeviceServer, StartError, Stun};
pub use usp::{BrokerOptions, BrokerTls, BrokerWire, StompOptions, UspOptions};
