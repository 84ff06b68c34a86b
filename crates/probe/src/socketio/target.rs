use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde_json::Value;

use crate::error::ProbeError;
use crate::http::{Url, bearer};
use crate::socketio::SocketIo;

/// Where the server is, and as whom it is asked.
pub(super) struct Target {
    url: Url,
    path: String,
    pub(super) namespace: String,
    pub(super) auth: Option<Value>,
    pub(super) headers: HeaderMap,
}

/// Where a server answers if nobody says otherwise.
const PATH: &str = "/socket.io/";

impl Target {
    pub(super) fn new(url: &str, asked: &SocketIo) -> Result<Self, ProbeError> {
        // A client takes both kinds for the same.
        let as_http = url.replacen("ws", "http", usize::from(url.starts_with("ws")));
        let expected = "HTTP or WebSocket";
        let parsed = Url::parse(&as_http, ["http", "https"], expected, "https://rtc.example.org")
            .map_err(|_| ProbeError::Url { url: url.to_owned(), expected, example: "https://rtc.example.org" })?;
        let path = match parsed.uri.path() {
            "/" => PATH.to_owned(),
            path => path.to_owned(),
        };
        let mut headers = HeaderMap::new();
        if let Some(token) = &asked.token {
            headers.insert(AUTHORIZATION, bearer(token)?);
        }
        Ok(Self { url: parsed, path, namespace: asked.namespace.clone(), auth: asked.auth.clone(), headers })
    }

    /// A request's URL; `query` goes behind the path.
    pub(super) fn at(&self, query: &str) -> Result<Url, ProbeError> {
        self.url.with_path(&format!("{}?{query}", self.path))
    }

    /// The same for a WebSocket.
    pub(super) fn websocket(&self, sid: Option<&str>) -> Result<Url, ProbeError> {
        let sid = sid.map(|sid| format!("&sid={sid}")).unwrap_or_default();
        let url = self.at(&format!("EIO=4&transport=websocket{sid}"))?;
        Ok(url.with_scheme(if url.is_secure() { "wss" } else { "ws" }))
    }

    /// What a page that the server itself serves would send as its `Origin`.
    pub(super) fn own_origin(&self) -> String {
        let authority = self.url.uri.authority().map_or("", |authority| authority.as_str());
        let host = authority.rsplit('@').next().unwrap_or(authority);
        format!("{}://{host}", if self.url.is_secure() { "https" } else { "http" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_path_is_taken_unless_the_url_has_one() {
        let at = |url| Target::new(url, &SocketIo::default()).unwrap().at("EIO=4").unwrap().uri.to_string();
        assert_eq!(at("https://a.example"), "https://a.example/socket.io/?EIO=4");
        assert_eq!(at("ws://a.example:3001/live/io/"), "http://a.example:3001/live/io/?EIO=4");
        let target = Target::new("wss://a.example", &SocketIo::default()).unwrap();
        assert_eq!(target.websocket(Some("x")).unwrap().uri.scheme_str(), Some("wss"));
        assert_eq!(target.own_origin(), "https://a.example");
        assert!(Target::new("a.example", &SocketIo::default()).is_err());
    }
}
