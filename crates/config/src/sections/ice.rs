//! `[ice]`: what `/ice-servers` answers.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::sections::Check;
use crate::values::{HumanDuration, Secret};

/// What `/ice-servers` answers.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Ice {
    /// The host in the URLs of our own relay: a name or an address. Not set: the external address, the name the client
    /// asked for, or the relay's own address.
    #[schemars(extend("x-reload" = "live"))]
    pub host: Option<String>,
    /// How long a credential is good for.
    #[schemars(extend("x-reload" = "live"))]
    pub ttl: HumanDuration,
    /// Other people's STUN and TURN servers, given to clients after our own, in this order.
    #[schemars(extend("x-reload" = "live"))]
    pub servers: Vec<IceServer>,
    /// A file with such servers as a JSON array.
    #[schemars(extend("x-reload" = "live"))]
    pub servers_file: Option<PathBuf>,
    /// Whether anybody gets credentials, without token or ticket.
    #[schemars(extend("x-reload" = "live"))]
    pub anonymous: bool,
    /// Credentials per minute for one client address (IPv6: one /64) that shows no token.
    #[schemars(extend("x-reload" = "live"))]
    pub anonymous_per_minute: u32,
    /// Client addresses counted for that at once; past it anonymous requests are refused.
    #[schemars(extend("x-reload" = "live"))]
    pub anonymous_addresses_max: usize,
    /// How long the ticket of a registered signaling socket is good for.
    #[schemars(extend("x-reload" = "live"))]
    pub ticket_ttl: HumanDuration,
    /// How often such a ticket may be used: a page that reloads asks twice.
    #[schemars(extend("x-reload" = "live"))]
    pub ticket_uses: u8,
}

impl Default for Ice {
    fn default() -> Self {
        Self {
            host: None,
            ttl: HumanDuration::from_secs(3_600),
            servers: Vec::new(),
            servers_file: None,
            anonymous: false,
            anonymous_per_minute: 10,
            anonymous_addresses_max: 16_384,
            ticket_ttl: HumanDuration::from_secs(60),
            ticket_uses: 3,
        }
    }
}

impl Ice {
    pub(crate) fn validate(&self, check: &mut Check) {
        let host = self.host.as_deref().unwrap_or("host");
        check.require(
            !host.is_empty() && !host.contains(['/', ' ', '?', '@']),
            "host",
            format!("`{host}` is not a host; write a name or an address without scheme or path"),
        );
        check.within("ttl", self.ttl, HumanDuration::from_secs(60), HumanDuration::from_secs(7 * 86_400));
        check.within("anonymous_per_minute", self.anonymous_per_minute, 1, 100_000);
        check.within("anonymous_addresses_max", self.anonymous_addresses_max, 1, 10_000_000);
        check.within("ticket_ttl", self.ticket_ttl, HumanDuration::from_secs(1), HumanDuration::from_secs(3_600));
        check.within("ticket_uses", self.ticket_uses, 1, 100);
        for (index, server) in self.servers.iter().enumerate() {
            if let Some(cause) = server.wrong() {
                check.require(false, "servers", format!("entry {}: {cause}", index + 1));
            }
        }
    }
}

/// One entry of `RTCConfiguration.iceServers`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct IceServer {
    /// `stun:`, `stuns:`, `turn:` or `turns:` URLs; one may stand without a list.
    #[serde(deserialize_with = "one_or_many")]
    pub urls: Vec<String>,
    /// Given together with the credential, or not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Given together with the user name, or not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<Secret>,
}

impl IceServer {
    /// Whether a relay is among its URLs.
    #[must_use]
    pub fn is_relay(&self) -> bool {
        self.urls.iter().any(|url| url.starts_with("turn:") || url.starts_with("turns:"))
    }

    pub(crate) fn wrong(&self) -> Option<String> {
        if self.urls.is_empty() {
            return Some("it has no `urls`; write at least one, such as \"stun:stun.example.org:3478\"".to_owned());
        }
        if let Some(url) = self.urls.iter().find(|url| !is_ice_url(url)) {
            return Some(format!("`{url}` is not a stun:, stuns:, turn: or turns: URL; write \"turn:host:port\""));
        }
        let paired = self.username.is_some() == self.credential.is_some();
        (!paired).then(|| "it has only one of `username` and `credential`; write both or neither".to_owned())
    }
}

/// RFC 7064 §3.1 and RFC 7065 §3.1: no slashes after the scheme.
fn is_ice_url(url: &str) -> bool {
    let host = ["stun:", "stuns:", "turn:", "turns:"].iter().find_map(|scheme| url.strip_prefix(scheme));
    host.is_some_and(|host| !host.is_empty() && !host.starts_with('/') && !host.contains(' '))
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(url) => vec![url],
        OneOrMany::Many(urls) => urls,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: Option<&str>) {
        let server: IceServer = serde_json::from_str(json).unwrap();
        match (server.wrong(), expected) {
            (None, None) => {}
            (Some(cause), Some(part)) => assert!(cause.contains(part), "{json}: {cause}"),
            (cause, expected) => panic!("{json}: {cause:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn foreign_servers_have_ice_urls_and_whole_credentials() {
        check(r#"{"urls":"stun:stun.example.org"}"#, None);
        check(r#"{"urls":["turn:a:3478","turns:a:5349"],"username":"u","credential":"c"}"#, None);
        check(r#"{"urls":[]}"#, Some("no `urls`"));
        check(r#"{"urls":"https://a"}"#, Some("is not a stun:"));
        check(r#"{"urls":"turn://a"}"#, Some("is not a stun:"));
        check(r#"{"urls":"turn:a","username":"u"}"#, Some("only one of"));
    }
}
