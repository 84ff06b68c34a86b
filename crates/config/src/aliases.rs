//! The environment variables of the five deployment guides.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use toml::Value;

use crate::config::Config;
use crate::layers::Layers;
use crate::load::Notice;
use crate::origin::Origin;
use crate::problem::Problem;
use crate::secret_files::servers_of_json;
use crate::sections::server::Role;

/// What a variable of a guide means to us.
enum Meaning {
    /// The same as this key.
    Key(&'static str),
    /// A list of one: its commas belong to it.
    Secret(&'static str),
    /// The one secret that sync tokens are signed with.
    SyncKey,
    /// `true` or `false`, in any case, as other programs write it.
    Switch(&'static str),
    /// The origin of this URL may open WebSockets.
    AllowedOrigin,
    /// A port on which alone this listens.
    Port(&'static str),
    /// The same, on all addresses.
    PortEverywhere(&'static str),
    /// The same as each of these keys.
    Keys([&'static str; 2]),
    /// Off if it says so; anything else says nothing, as with the original.
    Disable(&'static str),
    /// A JSON array of foreign servers: those that a server hands out, and those that a node uses.
    IceServers,
    /// Cannot be honoured: what is missing.
    NotYet(&'static str),
}

/// The file that it names holds a secret alone, as `JWT_SECRET` would.
pub(crate) const JWT_SECRET_FILE: &str = "JWT_SECRET_FILE";

/// The entry of `auth.sync_keys` that a secret without a name becomes.
pub(crate) fn sync_key(secret: &str) -> Value {
    Value::String(format!("jwt-secret:{secret}"))
}

/// `HOST` and `PORT` are not here: their meaning depends on the roles.
const ALIASES: [(&str, Meaning); 36] = [
    ("SANGAM_DATA_DIR", Meaning::Key("data.dir")),
    ("LOG_LEVEL", Meaning::Key("log.level")),
    ("EXTERNAL_IP", Meaning::Key("relay.external_ip")),
    ("TURN_AUTH_SECRET", Meaning::Secret("relay.secrets")),
    ("TURN_AUTH_SECRET_FILE", Meaning::Key("relay.secrets_file")),
    ("TLS_CERT_PATH", Meaning::Key("tls.certificate_file")),
    ("TLS_KEY_PATH", Meaning::Key("tls.key_file")),
    ("NEXT_PUBLIC_APP_URL", Meaning::AllowedOrigin),
    ("ICE_SERVERS_JSON", Meaning::IceServers),
    ("ICE_SERVERS_JSON_FILE", Meaning::Keys(["ice.servers_file", "node.ice_servers_file"])),
    ("REDIS_URL", Meaning::NotYet(SHARED)),
    ("DATABASE_URL", Meaning::NotYet(SHARED)),
    ("WITNESS_LOGGER_URL", Meaning::NotYet("there is no audit trail yet; the log is all there is")),
    ("SOCKET_PORT", Meaning::Port("signal.socketio.listen")),
    ("JWT_SECRET", Meaning::SyncKey),
    (JWT_SECRET_FILE, Meaning::Key("auth.sync_keys_file")),
    ("DB_PATH", Meaning::Key("sync.path")),
    ("MAX_PULL_LIMIT", Meaning::Key("sync.pull_limit_max")),
    ("MAX_PUSH_BATCH_SIZE", Meaning::Key("sync.push_ops_max")),
    // The guide's name wins over that of its code.
    ("CORS_ALLOWED_ORIGINS", Meaning::Key("sync.cors.origins")),
    ("CORS_ORIGINS", Meaning::Key("sync.cors.origins")),
    ("ENABLE_CORS", Meaning::Switch("sync.cors.enabled")),
    ("RATE_LIMIT_RPS", Meaning::Key("sync.rate.requests_per_sec")),
    ("RATE_LIMIT_BURST", Meaning::Key("sync.rate.burst")),
    ("SSE_ENABLED", Meaning::Switch("sync.sse.enabled")),
    ("SSE_MAX_CONNECTIONS", Meaning::Key("sync.sse.connections_max")),
    ("RENDEZVOUS_URL", Meaning::Key("node.rendezvous")),
    ("BOOTSTRAP_NODES", Meaning::Key("node.bootstrap")),
    ("OWN_URL", Meaning::Key("node.url")),
    ("NODE_PORT", Meaning::PortEverywhere("node.listen")),
    ("SUBSCRIBED_CHANNELS", Meaning::Key("node.channels")),
    ("DISABLE_MDNS", Meaning::Disable("node.mdns.enabled")),
    (
        "TURN_EXTERNAL_IP",
        Meaning::NotYet("its guide's own server never read it; set `relay.external_ip` or EXTERNAL_IP"),
    ),
    ("TURN_REALM", Meaning::NotYet("its guide's own server never read it; set `relay.realm`")),
    ("TLS_CERT_FILE", Meaning::Key("tls.certificate_file")),
    ("TLS_KEY_FILE", Meaning::Key("tls.key_file")),
];

const SHARED: &str = "instances cannot share state yet; this one runs alone";

/// Sets what the guides' variables say, and reports those that cannot be honoured.
pub(crate) fn apply(variables: &BTreeMap<String, String>, layers: &mut Layers, notices: &mut Vec<Notice>) {
    for (variable, meaning) in &ALIASES {
        let Some(text) = variables.get(*variable).filter(|text| !text.trim().is_empty()) else { continue };
        let origin = Origin::Environment { variable: (*variable).to_owned() };
        match meaning {
            Meaning::Key(key) => layers.set_text(key, text, origin),
            Meaning::Secret(key) => {
                layers.set_value(key, Value::Array(vec![Value::String(text.trim().to_owned())]), origin);
            }
            Meaning::SyncKey => {
                layers.set_value("auth.sync_keys", Value::Array(vec![sync_key(text.trim())]), origin);
            }
            Meaning::Switch(key) => layers.set_text(key, &text.to_ascii_lowercase(), origin),
            Meaning::AllowedOrigin => {
                layers.set_value("http.origins", Value::Array(vec![Value::String(origin_of(text))]), origin);
            }
            Meaning::Port(key) => set_port(layers, key, Ipv4Addr::LOCALHOST, text, origin),
            Meaning::PortEverywhere(key) => set_port(layers, key, Ipv4Addr::UNSPECIFIED, text, origin),
            Meaning::Keys(keys) => keys.iter().for_each(|key| layers.set_text(key, text, origin.clone())),
            Meaning::Disable(key) => {
                if ["true", "1", "yes", "on"].contains(&text.trim().to_ascii_lowercase().as_str()) {
                    layers.set_text(key, "false", origin);
                }
            }
            Meaning::IceServers => match servers_of_json(text) {
                Ok(servers) => {
                    layers.set_value("ice.servers", servers.clone(), origin.clone());
                    layers.set_value("node.ice_servers", servers, origin);
                }
                Err(cause) => layers.problems.push(Problem::BadValue { origin, key: "ice.servers".to_owned(), cause }),
            },
            Meaning::NotYet(why) => notices.push(Notice::new(format!("{variable} is set but not honoured: {why}"))),
        }
    }
}

fn set_port(layers: &mut Layers, key: &str, ip: Ipv4Addr, text: &str, origin: Origin) {
    match text.trim().parse::<u16>() {
        Ok(port) => layers.set_text(key, &SocketAddr::from((ip, port)).to_string(), origin),
        Err(_) => {
            let cause = "it is not a port; write a number up to 65535".to_owned();
            layers.problems.push(Problem::BadValue { origin, key: key.to_owned(), cause });
        }
    }
}

/// Sets the primary listener of the single role that runs, or else the main one, from `HOST` and `PORT`.
pub(crate) fn apply_host_and_port(
    variables: &BTreeMap<String, String>,
    layers: &mut Layers,
    notices: &mut Vec<Notice>,
) {
    let variable = |name: &str| variables.get(name).map(|text| text.trim()).filter(|text| !text.is_empty());
    let (host, port) = (variable("HOST"), variable("PORT"));
    let Some(named) = port.map(|_| "PORT").or(host.map(|_| "HOST")) else { return };
    let origin = Origin::Environment { variable: named.to_owned() };
    let config = layers.config();
    let (key, default) = primary_listener(&config);
    if layers.origin(key).rank() >= origin.rank() {
        return;
    }
    let ip = match host.map(host_ip) {
        None => default.ip(),
        Some(Some(ip)) => ip,
        Some(None) => {
            // Some shells export the machine's name as HOST.
            notices.push(Notice::new(format!(
                "HOST is set but not honoured: it is not an IP address; set it to one, or set `{key}`"
            )));
            default.ip()
        }
    };
    let port = match port.map(str::parse::<u16>) {
        None => default.port(),
        Some(Ok(port)) => port,
        Some(Err(_)) => {
            let cause = "it is not a port; write a number up to 65535".to_owned();
            layers.problems.push(Problem::BadValue { origin, key: key.to_owned(), cause });
            return;
        }
    };
    if host.and_then(host_ip).is_some() || variable("PORT").is_some() {
        layers.set_text(key, &SocketAddr::new(ip, port).to_string(), origin);
    }
}

fn primary_listener(config: &Config) -> (&'static str, SocketAddr) {
    let (key, listen) = match config.server.roles[..] {
        [Role::Relay] => ("relay.listen", &config.relay.listen),
        [Role::Signal] => ("signal.listen", &config.signal.listen),
        [Role::Devices] => ("devices.listen", &config.devices.listen),
        _ => ("http.listen", &config.http.listen),
    };
    let first = listen.first().map(|addr| addr.get());
    (key, first.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 0))))
}

fn host_ip(host: &str) -> Option<IpAddr> {
    if host == "localhost" { Some(Ipv4Addr::LOCALHOST.into()) } else { host.parse().ok() }
}

/// Scheme and host of a URL: what browsers send as Origin.
fn origin_of(url: &str) -> String {
    let url = url.trim();
    let host_at = url.find("://").map_or(0, |at| at + 3);
    let end = url[host_at..].find(['/', '?', '#']).map_or(url.len(), |at| host_at + at);
    url[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_of_a_url_is_scheme_and_host() {
        for (url, origin) in [
            ("http://localhost:3000", "http://localhost:3000"),
            ("https://app.example.org/", "https://app.example.org"),
            ("https://app.example.org/a?b#c", "https://app.example.org"),
        ] {
            assert_eq!(origin_of(url), origin);
        }
    }
}
