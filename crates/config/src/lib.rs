//! What an operator may set: one section per subject, each a plain struct with a doc, a default and a check per key.
//!
//! [`load`] reads the sources in the order flag, environment, file, default and remembers for every key where its
//! value came from. A wrong value never half-loads: the answer is a whole [`Loaded`] or every [`Problem`] found.
//!
//! The structs are the one definition: the schema, the reference page, the template of `sangam init`, the names of
//! environment variables and the search for the nearest key all follow from them through [`Catalogue`].
//!
//! Left out: translating sections into the options of the drivers (the binary does that), and anything that needs a
//! socket.

mod aliases;
mod bind_rules;
mod catalogue;
mod changes;
mod config;
mod environment;
mod file;
mod layers;
mod load;
mod origin;
mod problem;
mod reference;
mod secret_files;
pub mod sections;
mod template;
mod text;
pub mod turnserver_conf;
mod values;

pub use bind_rules::{
    BindFacts, Reach, SecretVerdict, Verdict, Weakness, check_binds, check_node_binds, judge_bind, judge_weak_secret,
    reach,
};
pub use catalogue::{Catalogue, Key, Kind, Reload, Section};
pub use changes::ChangedKey;
pub use config::Config;
pub use environment::{Environment, ProcessEnvironment};
pub use load::{DEFAULT_FILE, Loaded, Notice, Setting, Sources, load, load_text};
pub use origin::Origin;
pub use problem::{Problem, Problems};
pub use reference::reference_page;
pub use sections::{ice::IceServer, server::Role, tls::TlsMode};
pub use template::{GeneratedSecrets, template};
pub use values::{
    AlternateServer, BrokerUrl, ByteSize, ExternalIp, HumanDuration, ListenAddr, Network, Secret, StunServer,
};
