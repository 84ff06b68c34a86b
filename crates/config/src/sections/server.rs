//! `[server]`: the process as a whole.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::sections::Check;
use crate::values::HumanDuration;

/// The process as a whole.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// What this process does: `relay` (STUN and TURN), `signal` (signaling and ICE servers), `sync`
    /// (databases of offline-first clients), `devices` (management of devices by TR-069). The main HTTP listener is always there.
    #[schemars(extend("x-reload" = "restart"))]
    pub roles: Vec<Role>,
    /// Opens the server to the local network: listeners that are not set bind to all addresses, and clients without a
    /// token are served. Refused on a machine that has a public address.
    #[schemars(extend("x-reload" = "restart"))]
    pub lan: bool,
    /// Threads for HTTP and signaling, 1 to 64; the relay has its own (`relay.threads`).
    #[schemars(extend("x-reload" = "restart"))]
    pub worker_threads: usize,
    /// How often the configuration file, certificates and secret files are looked at for changes; `0s` never. SIGHUP
    /// reloads at once.
    #[schemars(extend("x-reload" = "restart"))]
    pub watch_interval: HumanDuration,
}

impl Default for Server {
    fn default() -> Self {
        Self { roles: Role::ALL.to_vec(), lan: false, worker_threads: 2, watch_interval: HumanDuration::from_secs(5) }
    }
}

impl Server {
    pub(crate) fn validate(&self, check: &mut Check) {
        check.require(
            !self.roles.is_empty(),
            "roles",
            "the list is empty; name at least one of relay, signal, sync, devices",
        );
        check.within("worker_threads", self.worker_threads, 1, 64);
    }

    /// Whether this process plays `role`.
    #[must_use]
    pub fn plays(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}

/// A part that a process can play.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// STUN and TURN.
    Relay,
    /// Signaling and `/ice-servers`.
    Signal,
    /// Sync.
    Sync,
    /// Management of devices.
    Devices,
}

impl Role {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Relay, Self::Signal, Self::Sync, Self::Devices];

    /// As written in `server.roles`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Relay => "relay",
            Self::Signal => "signal",
            Self::Sync => "sync",
            Self::Devices => "devices",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Role {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Role {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if let Some(role) = Self::ALL.into_iter().find(|role| role.as_str() == text) {
            return Ok(role);
        }
        Err(de::Error::custom(format_args!("`{text}` is no role; the roles are relay, signal, sync and devices")))
    }
}

impl JsonSchema for Role {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Role".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": Self::ALL.map(Self::as_str) })
    }
}
