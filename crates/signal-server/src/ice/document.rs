use sangam_auth::turn::MintError;
use sangam_types::Wall;
use serde::Serialize;

use crate::ice::Via;
use crate::ice::host::IceHost;
use crate::options::{IceOptions, IceServer, RelayEndpoint};

/// What `/ice-servers` answers: an `RTCConfiguration` with two members more.
#[derive(Debug, Serialize)]
pub(crate) struct Document {
    #[serde(rename = "iceServers")]
    ice_servers: Vec<IceServer>,
    /// Seconds from now.
    ttl: u64,
    /// Seconds since the Unix epoch.
    expires_at: u64,
    /// Which of them is our own relay.
    #[serde(skip)]
    own: Option<usize>,
}

/// What coturn's REST API answers (draft-uberti-behave-turn-rest-00 §2.2).
#[derive(Serialize)]
struct RestAnswer<'a> {
    username: &'a str,
    password: &'a str,
    /// Seconds from now.
    ttl: u64,
    uris: &'a [String],
}

/// Why there is nothing to answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DocumentError {
    /// No relay of ours and no server of others.
    #[error("no relay runs here and `ice.servers` names none")]
    NoServers,
    /// No credential for that name.
    #[error(transparent)]
    Mint(#[from] MintError),
}

impl Document {
    pub(crate) fn mint(options: &IceOptions, via: &Via, name: &str, now: Wall) -> Result<Self, DocumentError> {
        let mut ice_servers = Vec::new();
        let expires = now + options.ttl;
        if let Some(relay) = &options.relay {
            let host = IceHost::choose(options, via);
            push_own(&mut ice_servers, relay, &host, name, expires)?;
        }
        let own = ice_servers.iter().position(|server| server.username.is_some());
        ice_servers.extend_from_slice(&options.foreign);
        if ice_servers.is_empty() {
            return Err(DocumentError::NoServers);
        }
        Ok(Self { ice_servers, ttl: options.ttl.as_secs(), expires_at: expires.unix_secs(), own })
    }

    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("strings and numbers are JSON")
    }

    /// The same for our own relay alone, as coturn's REST API has it; none if no relay of ours takes credentials.
    pub(crate) fn to_rest_json(&self) -> Option<String> {
        let IceServer { urls, username, credential } = self.ice_servers.get(self.own?)?;
        let (username, password) = (username.as_deref()?, credential.as_deref()?);
        let answer = RestAnswer { username, password, ttl: self.ttl, uris: urls };
        Some(serde_json::to_string(&answer).expect("strings and numbers are JSON"))
    }

    /// The members of [`Self::to_json`] without its braces, to stand among others.
    pub(crate) fn members(&self) -> String {
        let json = self.to_json();
        json.strip_prefix('{').and_then(|it| it.strip_suffix('}')).map(str::to_owned).unwrap_or(json)
    }
}

/// UDP first: it is the fastest that works; then TCP and TLS for networks that let nothing else out.
fn push_own(
    servers: &mut Vec<IceServer>,
    relay: &RelayEndpoint,
    host: &IceHost,
    name: &str,
    expires: Wall,
) -> Result<(), MintError> {
    if let Some(port) = relay.udp_port {
        servers.push(IceServer { urls: vec![format!("stun:{host}:{port}")], username: None, credential: None });
    }
    let turn = [
        relay.udp_port.map(|port| format!("turn:{host}:{port}?transport=udp")),
        relay.tcp_port.map(|port| format!("turn:{host}:{port}?transport=tcp")),
        relay.tls_port.map(|port| format!("turns:{host}:{port}?transport=tcp")),
    ];
    let urls: Vec<String> = turn.into_iter().flatten().collect();
    if let Some(secrets) = &relay.secrets
        && !urls.is_empty()
    {
        let credential = secrets.mint(name, expires)?;
        servers.push(IceServer { urls, username: Some(credential.username), credential: Some(credential.password) });
    }
    Ok(())
}
