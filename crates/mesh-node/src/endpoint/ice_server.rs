use std::time::{Duration, SystemTime};

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;

use super::{ServerUrl, UrlError};

/// STUN or TURN servers that share a credential, as `RTCIceServer` has them (W3C WebRTC §4.2.4).
#[derive(Clone, Debug)]
pub struct IceServer {
    /// Where they are.
    pub urls: Vec<ServerUrl>,
    /// Who we are there. TURN servers need one.
    pub username: Option<String>,
    /// The password.
    pub credential: Option<SecretString>,
    /// When the credential ends, if that is known.
    pub expires: Option<SystemTime>,
}

/// What a JSON document of ICE servers holds.
#[derive(Clone, Debug, Default)]
pub struct IceServerList {
    /// The servers whose URLs could be read.
    pub servers: Vec<IceServer>,
    /// Why others could not.
    pub rejected: Vec<UrlError>,
}

/// Why a JSON document has no ICE servers.
#[derive(Debug, thiserror::Error)]
#[error("ICE servers must be a JSON list of {{\"urls\": …, \"username\": …, \"credential\": …}}: {source}")]
pub struct IceServersError {
    #[from]
    source: serde_json::Error,
}

/// A list, or an object with one: both are written by people and servers.
#[derive(Deserialize)]
#[serde(untagged)]
enum Document {
    Configuration {
        #[serde(rename = "iceServers", alias = "ice_servers")]
        ice_servers: Vec<Entry>,
    },
    List(Vec<Entry>),
    Single(Entry),
}

#[derive(Deserialize)]
struct Entry {
    #[serde(alias = "url", alias = "uris")]
    urls: Urls,
    username: Option<String>,
    #[serde(alias = "password")]
    credential: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Urls {
    One(String),
    Many(Vec<String>),
}

impl IceServer {
    /// Reads the JSON text of `ICE_SERVERS_JSON`, of a configuration or of a server's answer.
    ///
    /// # Errors
    /// It is not JSON, or of another form. A URL that cannot be read is in the list's `rejected` instead.
    pub fn list_from_json(text: &str) -> Result<IceServerList, IceServersError> {
        Ok(Self::list(serde_json::from_str(text)?))
    }

    /// As [`list_from_json`](Self::list_from_json), from a value.
    ///
    /// # Errors
    /// The same.
    pub fn list_from_value(value: &Value) -> Result<IceServerList, IceServersError> {
        Ok(Self::list(Document::deserialize(value)?))
    }

    fn list(document: Document) -> IceServerList {
        let entries = match document {
            Document::Configuration { ice_servers } => ice_servers,
            Document::List(entries) => entries,
            Document::Single(entry) => vec![entry],
        };
        let mut list = IceServerList::default();
        for Entry { urls, username, credential } in entries {
            let texts = match urls {
                Urls::One(url) => vec![url],
                Urls::Many(urls) => urls,
            };
            let mut urls = Vec::new();
            for text in texts {
                match ServerUrl::parse(&text) {
                    Ok(url) => urls.push(url),
                    Err(error) => list.rejected.push(error),
                }
            }
            if !urls.is_empty() {
                let credential = credential.map(SecretString::from);
                list.servers.push(Self { urls, username, credential, expires: None });
            }
        }
        list
    }

    /// When the credential ends: as told, else as the name of a time-limited one says (`expiry:name` or `name:expiry`, the
    /// TURN REST convention).
    #[must_use]
    pub fn expiry(&self) -> Option<SystemTime> {
        self.expires.or_else(|| expiry_in(self.username.as_deref()?))
    }
}

/// Smaller numbers in a name are no time of this century.
const TIME_MIN: u64 = 1_000_000_000;

fn expiry_in(username: &str) -> Option<SystemTime> {
    let (before, after) = username.split_once(':').unwrap_or((username, ""));
    let seconds: u64 = before.parse().or_else(|_| after.parse()).ok()?;
    (seconds >= TIME_MIN).then(|| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(text: &str) -> Vec<String> {
        let list = IceServer::list_from_json(text).unwrap();
        assert!(list.rejected.is_empty(), "{:?}", list.rejected);
        list.servers.iter().flat_map(|server| &server.urls).map(ToString::to_string).collect()
    }

    #[test]
    fn every_form_that_clients_are_given_is_read() {
        let stun = "stun:a:3478";
        assert_eq!(urls(r#"[{"urls":"stun:a"}]"#), [stun]);
        assert_eq!(urls(r#"[{"urls":["stun:a","turn:b"]}]"#), [stun, "turn:b:3478?transport=udp"]);
        assert_eq!(urls(r#"{"iceServers":[{"urls":"stun:a"}],"ttl":60}"#), [stun]);
        assert_eq!(urls(r#"{"urls":["stun:a"],"username":"u","credential":"p"}"#), [stun]);
        assert_eq!(urls(r#"{"uris":["turn:b"],"username":"u","password":"p"}"#), ["turn:b:3478?transport=udp"]);
    }

    #[test]
    fn a_bad_url_is_named_and_costs_no_other() {
        let list =
            IceServer::list_from_json(r#"[{"urls":["ftp:x","turn:b"]},{"urls":"turns:c?transport=udp"}]"#).unwrap();
        assert_eq!(list.servers.len(), 1);
        let said: Vec<String> = list.rejected.iter().map(ToString::to_string).collect();
        assert!(said.len() == 2 && said[0].contains("ftp:x") && said[1].contains("turns:c"), "{said:?}");
        assert!(IceServer::list_from_json("<html>").is_err());
    }

    #[test]
    fn the_end_of_a_time_limited_credential_is_known_by_its_name() {
        let expiry = |username: &str| {
            let server =
                IceServer { urls: vec![], username: Some(username.to_owned()), credential: None, expires: None };
            server.expiry().map(|at| at.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs())
        };
        assert_eq!(expiry("1800000000:alice"), Some(1_800_000_000));
        assert_eq!(expiry("alice:1800000000"), Some(1_800_000_000));
        assert_eq!(expiry("1800000000"), Some(1_800_000_000));
        assert_eq!(expiry("alice"), None);
        assert_eq!(expiry("7:alice"), None);
        assert_eq!(expiry("18446744073709551615:alice"), None);
    }
}
