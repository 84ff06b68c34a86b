//! `[devices.calls]`: how devices are called when something waits for them.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sections::Check;
use crate::values::{HumanDuration, Secret};

/// Calls of devices (the connection requests of TR-069): each has the device begin a session at once. A device that cannot be
/// called is served when it comes by itself.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Calls {
    /// Calls under way at once.
    #[schemars(extend("x-reload" = "restart"))]
    pub at_once: usize,
    /// Devices whose call waits, is under way, or was made within `devices.calls.interval`; of more, none is called.
    #[schemars(extend("x-reload" = "restart"))]
    pub waiting_max: usize,
    /// How long a connection with a device may take to come about.
    #[schemars(extend("x-reload" = "restart"))]
    pub connect_timeout: HumanDuration,
    /// How long one answer of a device may take.
    #[schemars(extend("x-reload" = "restart"))]
    pub answer_timeout: HumanDuration,
    /// From one call of a device to the next: devices refuse what comes sooner.
    #[schemars(extend("x-reload" = "restart"))]
    pub interval: HumanDuration,
    /// Whether a device is called at whatever address it tells. If not, it is called only at the address that its last session
    /// came from, and after a restart not before it came once. Needed where a NAT has devices come from another address than the
    /// one that they are called at. This host, its link and addresses of cloud metadata are never called unless the device's own
    /// session came from there.
    #[schemars(extend("x-reload" = "restart"))]
    pub any_address: bool,
    /// Devices of which it is remembered where their last session came from.
    #[schemars(extend("x-reload" = "restart"))]
    pub addresses_max: usize,
    /// Names of devices looked up at once: a slow name server holds up so many calls and no more.
    #[schemars(extend("x-reload" = "restart"))]
    pub lookups_max: usize,
    /// Copies of each datagram to a device behind NAT (TR-069 Annex G): some are lost. They leave from the STUN listener of the
    /// relay, if that runs in this process.
    #[schemars(extend("x-reload" = "restart"))]
    pub udp_copies: usize,
    /// From one copy to the next.
    #[schemars(extend("x-reload" = "restart"))]
    pub udp_copy_interval: HumanDuration,
    /// Bindings that devices behind NAT keep open, of which it is remembered where they are.
    #[schemars(extend("x-reload" = "restart"))]
    pub bindings_max: usize,
    /// Requests of operators (`?wait=`) that may wait for a task to end; more are answered at once.
    #[schemars(extend("x-reload" = "restart"))]
    pub waits_max: usize,
    /// How long one of them may wait.
    #[schemars(extend("x-reload" = "restart"))]
    pub wait_max: HumanDuration,
    /// The XMPP server that devices are called through.
    pub xmpp: Xmpp,
}

/// The XMPP server that devices are called through (TR-069 Annex K): the server of devices lets this one in as a component
/// (XEP-0114). Devices have to allow its domain in `ManagementServer.ConnReqAllowedJabberIDs`, unless they allow everybody.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Xmpp {
    /// The host of the XMPP server, a name or an address. Not set: devices are not called by XMPP.
    #[schemars(extend("x-reload" = "restart"))]
    pub host: Option<String>,
    /// Its port for components.
    #[schemars(extend("x-reload" = "restart"))]
    pub port: u16,
    /// The name of the component that is this server: a domain that the XMPP server knows, as `acs.example.net`.
    #[schemars(extend("x-reload" = "restart"))]
    pub domain: String,
    /// What the component shares with the XMPP server. The connection is not encrypted: the XMPP server belongs on this host or into
    /// a network that is trusted.
    #[schemars(extend("x-reload" = "restart"))]
    pub secret: Option<Secret>,
    /// A file with that secret.
    #[schemars(extend("x-reload" = "restart"))]
    pub secret_file: Option<PathBuf>,
    /// How long a connection with the XMPP server may take to come about.
    #[schemars(extend("x-reload" = "restart"))]
    pub connect_timeout: HumanDuration,
    /// How long a device may take to answer.
    #[schemars(extend("x-reload" = "restart"))]
    pub answer_timeout: HumanDuration,
    /// Devices that may be asked at once.
    #[schemars(extend("x-reload" = "restart"))]
    pub pending_max: usize,
    /// After a connection was lost the next is tried after at least this long, and twice as long each time that it fails.
    #[schemars(extend("x-reload" = "restart"))]
    pub retry_min: HumanDuration,
    /// The longest of these pauses.
    #[schemars(extend("x-reload" = "restart"))]
    pub retry_max: HumanDuration,
}

impl Default for Xmpp {
    fn default() -> Self {
        Self {
            host: None,
            port: 5_347,
            domain: String::new(),
            secret: None,
            secret_file: None,
            connect_timeout: HumanDuration::from_secs(3),
            answer_timeout: HumanDuration::from_secs(10),
            pending_max: 1_000,
            retry_min: HumanDuration::from_secs(1),
            retry_max: HumanDuration::from_secs(60),
        }
    }
}

impl Xmpp {
    pub(crate) fn validate(&self, check: &mut Check) {
        let (second, minute) = (HumanDuration::from_secs(1), HumanDuration::from_secs(60));
        check.require(self.port != 0, "port", "port 0 is none; write the XMPP server's port for components");
        check.within("connect_timeout", self.connect_timeout, second, minute);
        check.within("answer_timeout", self.answer_timeout, second, minute);
        check.within("pending_max", self.pending_max, 1, 100_000);
        check.within("retry_min", self.retry_min, second, minute);
        check.within("retry_max", self.retry_max, self.retry_min, HumanDuration::from_secs(3_600));
        let Some(host) = &self.host else { return };
        check.require(!host.is_empty(), "host", "the host is empty; write a name or an address, or take the key away");
        check.require(!self.domain.is_empty(), "domain", "write the name of the component, as `acs.example.net`");
        let has_secret = self.secret.as_ref().is_some_and(|secret| !secret.expose().is_empty());
        check.require(
            has_secret,
            "secret",
            "the XMPP server lets nobody in without a secret; set `devices.calls.xmpp.secret_file`",
        );
    }
}

impl Default for Calls {
    fn default() -> Self {
        Self {
            at_once: 64,
            waiting_max: 10_000,
            connect_timeout: HumanDuration::from_secs(3),
            answer_timeout: HumanDuration::from_secs(5),
            interval: HumanDuration::from_secs(5),
            any_address: false,
            addresses_max: 1_000_000,
            lookups_max: 8,
            udp_copies: 3,
            udp_copy_interval: HumanDuration::from_millis(500),
            bindings_max: 200_000,
            xmpp: Xmpp::default(),
            waits_max: 10_000,
            wait_max: HumanDuration::from_secs(60),
        }
    }
}

impl Calls {
    pub(crate) fn validate(&self, check: &mut Check) {
        let (none, second, minute) =
            (HumanDuration::default(), HumanDuration::from_secs(1), HumanDuration::from_secs(60));
        check.within("at_once", self.at_once, 1, 10_000);
        check.within("waiting_max", self.waiting_max, 1, 1_000_000);
        check.within("connect_timeout", self.connect_timeout, second, minute);
        check.within("answer_timeout", self.answer_timeout, second, minute);
        check.within("interval", self.interval, none, minute);
        check.within("addresses_max", self.addresses_max, 10, 100_000_000);
        check.within("lookups_max", self.lookups_max, 1, 256);
        check.within("udp_copies", self.udp_copies, 1, 10);
        check.within("udp_copy_interval", self.udp_copy_interval, none, HumanDuration::from_secs(10));
        check.within("bindings_max", self.bindings_max, 10, 10_000_000);
        check.within("waits_max", self.waits_max, 0, 1_000_000);
        check.within("wait_max", self.wait_max, none, HumanDuration::from_secs(600));
    }
}
