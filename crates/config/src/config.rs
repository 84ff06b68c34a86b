use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sections::{
    Check, admin::Admin, auth::Auth, data::Data, devices::Devices, http::Http, ice::Ice, log::Log, node::Node,
    relay::Relay, server::Server, signal::Signal, sync::Sync, telemetry::Telemetry, tls::Tls,
};

/// Everything an operator may set.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "Sangam configuration")]
pub struct Config {
    /// The process as a whole.
    pub server: Server,
    /// The data directory.
    pub data: Data,
    /// The main HTTP listener, and what holds for every TCP listener.
    pub http: Http,
    /// The certificate that every TLS listener shows.
    pub tls: Tls,
    /// Signaling, and JSON over WebSocket.
    pub signal: Signal,
    /// The sync server, at `/v1` of the main HTTP listener.
    pub sync: Sync,
    /// The management of devices: an auto-configuration server for TR-069.
    pub devices: Devices,
    /// The STUN and TURN relay.
    pub relay: Relay,
    /// What `/ice-servers` answers.
    pub ice: Ice,
    /// A node of a mesh, which `sangam node` runs.
    pub node: Node,
    /// Who may see metrics and the administration API.
    pub admin: Admin,
    /// Keys that tokens are signed with.
    pub auth: Auth,
    /// Logs.
    pub log: Log,
    /// What `/metrics` shows.
    pub telemetry: Telemetry,
}

impl Config {
    /// What each section finds wrong with its own values.
    pub(crate) fn validate(&self) -> Vec<Wrong> {
        [
            checked("server", |check| self.server.validate(check)),
            checked("data", |check| self.data.validate(check)),
            checked("http", |check| self.http.validate(check)),
            checked("tls", |check| self.tls.validate(check)),
            checked("signal", |check| self.signal.validate(check)),
            checked("signal.json", |check| self.signal.json.validate(check)),
            checked("signal.socketio", |check| self.signal.socketio.validate(check)),
            checked("signal.rendezvous", |check| self.signal.rendezvous.validate(check)),
            checked("signal.rooms", |check| self.signal.rooms.validate(check)),
            checked("sync", |check| self.sync.validate(check)),
            checked("sync.cors", |check| self.sync.cors.validate(check)),
            checked("sync.rate", |check| self.sync.rate.validate(check)),
            checked("sync.sse", |check| self.sync.sse.validate(check)),
            checked("sync.websocket", |check| self.sync.websocket.validate(check)),
            checked("sync.streams", |check| self.sync.streams.validate(check)),
            checked("sync.keep", |check| self.sync.keep.validate(check)),
            checked("sync.store", |check| self.sync.store.validate(check)),
            checked("devices", |check| self.devices.validate(check)),
            checked("devices.files", |check| self.devices.files.validate(check)),
            checked("devices.calls", |check| self.devices.calls.validate(check)),
            checked("devices.calls.xmpp", |check| self.devices.calls.xmpp.validate(check)),
            checked("devices.sessions", |check| self.devices.sessions.validate(check)),
            checked("devices.usp", |check| self.devices.usp.validate(check)),
            checked("devices.keep", |check| self.devices.keep.validate(check)),
            checked("devices.profiles", |check| self.devices.profiles.validate(check)),
            checked("devices.alarms", |check| self.devices.alarms.validate(check)),
            checked("devices.store", |check| self.devices.store.validate(check)),
            checked("devices.usp.stomp", |check| self.devices.usp.stomp.validate(check)),
            checked("devices.usp.mqtt", |check| self.devices.usp.mqtt.validate(check)),
            checked("devices.usp.brokers", |check| self.devices.usp.brokers.validate(check)),
            checked("devices.usp.stomp_endpoint", |check| self.devices.usp.stomp_endpoint.validate(check)),
            checked("relay", |check| self.relay.validate(check)),
            checked("ice", |check| self.ice.validate(check)),
            checked("node", |check| self.node.validate(check)),
            checked("node.mdns", |check| self.node.mdns.validate(check)),
            checked("node.discovery", |check| self.node.discovery.validate(check)),
            checked("node.links", |check| self.node.links.validate(check)),
            checked("node.gossip", |check| self.node.gossip.validate(check)),
            checked("node.http", |check| self.node.http.validate(check)),
            checked("admin", |check| self.admin.validate(check)),
            checked("auth", |check| self.auth.validate(check)),
            checked("log", |check| self.log.validate(check)),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// A value that fits its key but cannot be used.
pub(crate) struct Wrong {
    /// `section.key`.
    pub(crate) name: String,
    /// What is wrong, and what to write.
    pub(crate) cause: String,
}

fn checked(section: &str, validate: impl FnOnce(&mut Check)) -> Vec<Wrong> {
    let mut check = Check::default();
    validate(&mut check);
    let named = |(key, cause)| Wrong { name: format!("{section}.{key}"), cause };
    check.wrong.into_iter().map(named).collect()
}
