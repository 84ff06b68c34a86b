use secrecy::SecretString;
use serde::Deserialize;

use crate::bounds::Bounds;
use crate::credentials::Credentials;
use crate::error::ProbeError;
use crate::http::{Url, get};
use crate::uri::{ServerUri, Service};

/// TURN servers of an ICE configuration, with what it gives for them.
#[derive(Clone, Debug)]
pub struct IceServer {
    /// Where they are. `turns:` over UDP is left out.
    pub uris: Vec<ServerUri>,
    /// For each of them.
    pub credentials: Credentials,
}

/// Every form that clients are given: an RTCConfiguration, a bare list, or the TURN REST draft's object.
#[derive(Deserialize)]
#[serde(untagged)]
enum Document {
    Configuration {
        #[serde(rename = "iceServers")]
        ice_servers: Vec<Entry>,
    },
    List(Vec<Entry>),
    Single(Entry),
}

#[derive(Deserialize)]
struct Entry {
    #[serde(alias = "uris", alias = "url")]
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

/// Fetches an ICE configuration and takes its TURN servers.
///
/// # Errors
/// No answer, a refusal, or nothing in it to probe.
pub async fn fetch_ice_servers(
    url: &str,
    token: Option<&SecretString>,
    bounds: Bounds<'_>,
) -> Result<Vec<IceServer>, ProbeError> {
    let failed = |why: String| ProbeError::Credentials { why: format!("{url}: {why}") };
    (bounds.progress)("fetching credentials");
    let parsed = Url::parse(url, ["http", "https"], "HTTP", "https://rtc.example.org/ice-servers")?;
    let answer = get(&parsed, token, bounds).await?;
    let answer = answer.map_err(|fault| failed(format!("{fault}: {}", fault.web_explanation().1)))?;
    match answer.status {
        200 => {}
        401 | 403 => return Err(failed(format!("{}: give a token with `--token-file`", answer.status))),
        status => return Err(failed(format!("it answered {status}: check the URL"))),
    }
    let servers =
        parse(&answer.body).ok_or_else(|| failed("the answer is no ICE configuration: check the URL".to_owned()))?;
    if servers.is_empty() {
        return Err(failed(
            "the answer names no TURN server with credentials: check that a relay is configured".to_owned(),
        ));
    }
    Ok(servers)
}

fn parse(body: &[u8]) -> Option<Vec<IceServer>> {
    let entries = match serde_json::from_slice(body).ok()? {
        Document::Configuration { ice_servers } | Document::List(ice_servers) => ice_servers,
        Document::Single(entry) => vec![entry],
    };
    Some(entries.into_iter().filter_map(server).collect())
}

fn server(entry: Entry) -> Option<IceServer> {
    let urls = match entry.urls {
        Urls::One(url) => vec![url],
        Urls::Many(urls) => urls,
    };
    let uris: Vec<ServerUri> = urls.iter().filter_map(|url| ServerUri::parse(url, Service::Turn).ok()).collect();
    let credentials = Credentials::new(entry.username?, entry.credential?);
    (!uris.is_empty()).then_some(IceServer { uris, credentials })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expected: &[(&str, usize)]) {
        let servers = parse(body.as_bytes()).unwrap();
        let found: Vec<_> =
            servers.iter().map(|server| (server.credentials.username.as_str(), server.uris.len())).collect();
        assert_eq!(found, expected, "{body}");
    }

    #[test]
    fn turn_servers_are_taken_from_every_form() {
        let turn = r#"{"urls":["turn:a","turns:a?transport=tcp"],"username":"1:a","credential":"x"}"#;
        check(&format!(r#"{{"iceServers":[{{"urls":"stun:a"}},{turn}],"ttl":3600}}"#), &[("1:a", 2)]);
        check(&format!("[{turn},{turn}]"), &[("1:a", 2), ("1:a", 2)]);
        check(r#"{"username":"1:b","password":"x","ttl":86400,"uris":["turn:a:3478?transport=udp"]}"#, &[("1:b", 1)]);
        check(r#"[{"urls":"turn:a"}]"#, &[]);
        assert!(parse(b"<html>").is_none());
    }
}
