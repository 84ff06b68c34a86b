//! `[node]`: what `sangam node` is and whom it looks for.

pub mod discovery;
pub mod gossip;
pub mod http;
pub mod links;
pub mod mdns;

use std::net::IpAddr;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::{discovery::NodeDiscovery, gossip::Gossip, http::NodeHttp, links::Links, mdns::Mdns};
use crate::sections::{Check, ice::IceServer, tls::TlsMode};
use crate::values::{HumanDuration, ListenAddr, Secret};

/// A node of a mesh: what `sangam node` is and whom it looks for.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Node {
    /// Where the node's HTTP API listens. All addresses by default: other nodes have to reach it. What shows or changes more than
    /// they need is for this machine and for who shows a token.
    #[schemars(extend("x-reload" = "restart"))]
    pub listen: Vec<ListenAddr>,
    /// Whether it speaks TLS: `off`, `on`, or `auto` (the first byte decides). Not set: `auto` if there is a certificate, else
    /// `off`. Nodes of Synapse-NG speak plain HTTP.
    #[schemars(extend("x-reload" = "restart"))]
    pub tls: Option<TlsMode>,
    /// Where other nodes reach the HTTP API: `http://host:port`. Not set: found out, as far as can be.
    #[schemars(extend("x-reload" = "restart"))]
    pub url: Option<String>,
    /// The file of the node's Ed25519 key (PKCS #8 PEM), which is its id. Not set: `node.key.pem` in the data directory, or
    /// `ed25519_private_key.pem` there, a Synapse-NG node's. Made with mode 0600 if it is not there.
    #[schemars(extend("x-reload" = "restart"))]
    pub key_file: Option<PathBuf>,
    /// What the node is called at signaling servers. Not set: its id.
    #[schemars(extend("x-reload" = "restart"))]
    pub agent_id: Option<String>,
    /// Channels it takes part in; `global` always.
    #[schemars(extend("x-reload" = "restart"))]
    pub channels: Vec<String>,
    /// Rendezvous servers: `http://host:port`, with `/r/<room>` behind it for a room.
    #[schemars(extend("x-reload" = "restart"))]
    pub rendezvous: Vec<String>,
    /// Tokens for them, in their order; one token is for all of them.
    #[schemars(extend("x-reload" = "restart"))]
    pub rendezvous_tokens: Vec<Secret>,
    /// A file with these tokens, one a line.
    #[schemars(extend("x-reload" = "restart"))]
    pub rendezvous_tokens_file: Option<PathBuf>,
    /// Nodes that are greeted at the start and kept in mind: `http://host:port`.
    #[schemars(extend("x-reload" = "restart"))]
    pub bootstrap: Vec<String>,
    /// JSON signaling servers: `ws://host:port` or `wss://host:port`.
    #[schemars(extend("x-reload" = "restart"))]
    pub signaling: Vec<String>,
    /// Tokens for them, in their order; one token is for all of them.
    #[schemars(extend("x-reload" = "restart"))]
    pub signaling_tokens: Vec<Secret>,
    /// A file with these tokens, one a line.
    #[schemars(extend("x-reload" = "restart"))]
    pub signaling_tokens_file: Option<PathBuf>,
    /// STUN and TURN servers; all of them are used. Those that a signaling server of ours hands out come on top.
    #[schemars(extend("x-reload" = "restart"))]
    pub ice_servers: Vec<IceServer>,
    /// A file with such servers as a JSON array.
    #[schemars(extend("x-reload" = "restart"))]
    pub ice_servers_file: Option<PathBuf>,
    /// `all`: the best path there is. `relay`: only relays are told and used, so that peers do not learn this host's addresses.
    #[schemars(extend("x-reload" = "restart"))]
    pub relay_policy: RelayPolicy,
    /// How long a description that must hold all candidates waits for STUN and TURN servers. What comes later is sent by itself to
    /// peers that take it so.
    #[schemars(extend("x-reload" = "restart"))]
    pub gather_timeout: HumanDuration,
    /// IF.swarm's option. Relays are gathered from the start and in parallel with everything else, so that nothing falls back; kept as
    /// a bound: no description waits longer than this for a relay.
    #[schemars(extend("x-reload" = "restart"))]
    pub turn_fallback_timeout: HumanDuration,
    /// Whether messages of agents are taken only with a signature.
    #[schemars(extend("x-reload" = "restart"))]
    pub require_signature: bool,
    /// Ids of peers that may have a link. Empty: everybody.
    #[schemars(extend("x-reload" = "restart"))]
    pub allow: Vec<String>,
    /// Whether a peer must prove its id with its key. Only nodes of ours can.
    #[schemars(extend("x-reload" = "restart"))]
    pub proof_required: bool,
    /// Local addresses that links use. Empty: every usable one.
    #[schemars(extend("x-reload" = "restart"))]
    pub addresses: Vec<IpAddr>,
    /// Interfaces whose name begins so are not used.
    #[schemars(extend("x-reload" = "restart"))]
    pub ignored_interfaces: Vec<String>,
    /// Whether links use loopback too: for several nodes on a machine without a network.
    #[schemars(extend("x-reload" = "restart"))]
    pub allow_loopback: bool,
    /// Whether links use IPv6.
    #[schemars(extend("x-reload" = "restart"))]
    pub ipv6: bool,
    /// The lowest UDP port of links. 0: the system chooses.
    #[schemars(extend("x-reload" = "restart"))]
    pub min_port: u16,
    /// The highest UDP port of links. 0: the system chooses.
    #[schemars(extend("x-reload" = "restart"))]
    pub max_port: u16,
    /// Authorities (PEM) that servers' certificates may come from, besides the system's.
    #[schemars(extend("x-reload" = "restart"))]
    pub ca_file: Option<PathBuf>,
    /// Finding each other on the local network.
    pub mdns: Mdns,
    /// How much of what others tell is asked for and kept while peers are looked for.
    pub discovery: NodeDiscovery,
    /// How many links there are, and how long anything takes.
    pub links: Links,
    /// How far messages of topics go.
    pub gossip: Gossip,
    /// Bounds of the node's HTTP API.
    pub http: NodeHttp,
}

/// Which paths links may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum RelayPolicy {
    /// The best there is.
    #[default]
    All,
    /// Relays alone.
    Relay,
}

impl Default for Node {
    fn default() -> Self {
        Self {
            listen: vec![ListenAddr::everywhere(8000)],
            tls: None,
            url: None,
            key_file: None,
            agent_id: None,
            channels: Vec::new(),
            rendezvous: Vec::new(),
            rendezvous_tokens: Vec::new(),
            rendezvous_tokens_file: None,
            bootstrap: Vec::new(),
            signaling: Vec::new(),
            signaling_tokens: Vec::new(),
            signaling_tokens_file: None,
            ice_servers: Vec::new(),
            ice_servers_file: None,
            relay_policy: RelayPolicy::All,
            gather_timeout: HumanDuration::from_secs(1),
            turn_fallback_timeout: HumanDuration::from_secs(5),
            require_signature: true,
            allow: Vec::new(),
            proof_required: false,
            addresses: Vec::new(),
            ignored_interfaces: ["docker", "br-", "veth", "virbr", "cni", "flannel"].map(str::to_owned).to_vec(),
            allow_loopback: false,
            ipv6: true,
            min_port: 0,
            max_port: 0,
            ca_file: None,
            mdns: Mdns::default(),
            discovery: NodeDiscovery::default(),
            links: Links::default(),
            gossip: Gossip::default(),
            http: NodeHttp::default(),
        }
    }
}

/// Servers of one kind at most: they are numbered by one byte.
const SERVERS_MAX: usize = 256;
/// The longest id, bytes.
const ID_BYTES_MAX: usize = 128;

impl Node {
    pub(crate) fn validate(&self, check: &mut Check) {
        let url = self.url.as_deref().unwrap_or("http://host");
        check.require(is_url(url, &["http", "https"]), "url", not_http(url));
        for (key, urls) in [("rendezvous", &self.rendezvous), ("bootstrap", &self.bootstrap)] {
            for url in urls.iter().filter(|url| !is_url(url, &["http", "https"])) {
                check.require(false, key, not_http(url));
            }
        }
        for url in self.signaling.iter().filter(|url| !is_url(url, &["ws", "wss", "http", "https"])) {
            check.require(false, "signaling", format!("`{url}` is no signaling URL; write \"ws://host:port\""));
        }
        for (key, servers) in
            [("rendezvous", &self.rendezvous), ("bootstrap", &self.bootstrap), ("signaling", &self.signaling)]
        {
            let cause = format!("there are more than {SERVERS_MAX}; name fewer");
            check.require(servers.len() <= SERVERS_MAX, key, cause);
        }
        for (key, tokens, servers) in [
            ("rendezvous_tokens", self.rendezvous_tokens.len(), self.rendezvous.len()),
            ("signaling_tokens", self.signaling_tokens.len(), self.signaling.len()),
        ] {
            let fine = tokens <= 1 || tokens == servers;
            check.require(fine, key, "write one token for all servers, or one for each in their order");
        }
        self.check_names(check);
        self.check_paths(check);
        for (index, server) in self.ice_servers.iter().enumerate() {
            if let Some(cause) = server.wrong() {
                check.require(false, "ice_servers", format!("entry {}: {cause}", index + 1));
            }
        }
    }

    fn check_names(&self, check: &mut Check) {
        let is_id = |id: &str| (1..=ID_BYTES_MAX).contains(&id.len()) && !id.chars().any(char::is_control);
        let cause = "an id has 1 to 128 bytes without control characters; write one";
        check.require(self.agent_id.as_deref().is_none_or(is_id), "agent_id", cause);
        check.require(self.allow.iter().all(|id| is_id(id)), "allow", cause);
        let fine = self.channels.iter().all(|channel| is_id(channel));
        check.require(fine, "channels", "a channel has a name of 1 to 128 bytes without control characters");
        check.require(self.channels.len() <= 63, "channels", "there are more than 63; name fewer");
    }

    fn check_paths(&self, check: &mut Check) {
        check.require(!self.listen.is_empty(), "listen", "the list is empty; write at least one address");
        let (least, most) = (HumanDuration::from_millis(100), HumanDuration::from_secs(60));
        check.within("gather_timeout", self.gather_timeout, least, most);
        check.within("turn_fallback_timeout", self.turn_fallback_timeout, least, most);
        let chosen = self.min_port == 0 && self.max_port == 0;
        let fine = chosen || (self.min_port >= 1_024 && self.min_port <= self.max_port);
        check.require(fine, "min_port", "write 1024 to `node.max_port`, or 0 for both: then the system chooses");
        let relayed = self.relay_policy == RelayPolicy::All
            || !self.signaling.is_empty()
            || self.ice_servers.iter().any(IceServer::is_relay);
        let cause = "no link can come about: there is no TURN server; set `node.ice_servers`, or a signaling server that hands out some";
        check.require(relayed, "relay_policy", cause);
    }
}

fn is_url(url: &str, schemes: &[&str]) -> bool {
    let rest = url.split_once("://").filter(|(scheme, _)| schemes.contains(scheme)).map(|(_, rest)| rest);
    let is_host = |rest: &str| !rest.is_empty() && !rest.starts_with('/');
    rest.is_some_and(|rest| is_host(rest) && !rest.contains(|it: char| it.is_whitespace() || it.is_control()))
}

fn not_http(url: &str) -> String {
    format!("`{url}` is not an http: or https: URL; write \"http://host:port\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(node: &Node) -> Vec<&'static str> {
        let mut check = Check::default();
        node.validate(&mut check);
        check.wrong.into_iter().map(|(key, _)| key).collect()
    }

    #[test]
    fn urls_have_the_schemes_that_are_spoken_there() {
        assert_eq!(wrong(&Node::default()), [""; 0]);
        let list = |url: &str| vec![url.to_owned()];
        assert_eq!(wrong(&Node { rendezvous: list("ws://a"), ..Node::default() }), ["rendezvous"]);
        assert_eq!(wrong(&Node { bootstrap: list("a:8000"), ..Node::default() }), ["bootstrap"]);
        assert_eq!(wrong(&Node { signaling: list("ftp://a"), ..Node::default() }), ["signaling"]);
        assert_eq!(wrong(&Node { signaling: list("wss://a:8443/x"), ..Node::default() }), [""; 0]);
        assert_eq!(wrong(&Node { url: Some("http:///x".to_owned()), ..Node::default() }), ["url"]);
    }

    #[test]
    fn there_is_one_token_for_all_or_one_for_each() {
        let tokens = |count| vec![Secret::new("t"); count];
        let signaling = vec!["ws://a".to_owned(), "ws://b".to_owned(), "ws://c".to_owned()];
        for (count, expected) in [(0, true), (1, true), (2, false), (3, true), (4, false)] {
            let node = Node { signaling: signaling.clone(), signaling_tokens: tokens(count), ..Node::default() };
            assert_eq!(wrong(&node).is_empty(), expected, "{count}");
        }
    }

    #[test]
    fn relays_alone_need_a_relay() {
        let alone = Node { relay_policy: RelayPolicy::Relay, ..Node::default() };
        assert_eq!(wrong(&alone), ["relay_policy"]);
        let stun = serde_json::from_str(r#"{"urls":"stun:a"}"#).unwrap();
        assert_eq!(wrong(&Node { ice_servers: vec![stun], ..alone.clone() }), ["relay_policy"]);
        let turn = serde_json::from_str(r#"{"urls":"turn:a","username":"u","credential":"c"}"#).unwrap();
        assert_eq!(wrong(&Node { ice_servers: vec![turn], ..alone.clone() }), [""; 0]);
        assert_eq!(wrong(&Node { signaling: vec!["ws://a".to_owned()], ..alone }), [""; 0]);
    }

    #[test]
    fn ports_are_a_range_or_the_systems() {
        for (min_port, max_port, fine) in
            [(0, 0, true), (50_000, 50_010, true), (0, 50_000, false), (80, 90, false), (50_000, 0, false)]
        {
            assert_eq!(
                wrong(&Node { min_port, max_port, ..Node::default() }).is_empty(),
                fine,
                "{min_port}-{max_port}"
            );
        }
    }
}
