//! `[node]` for the node.

use std::time::Duration;

use anyhow::Context as _;
use sangam_config::sections::node::{Node, RelayPolicy};
use sangam_config::{Config, Secret};
use sangam_mesh_node::NodeOptions;
use sangam_mesh_node::discovery::{self, MdnsOptions, Server};
use sangam_mesh_node::endpoint::{EndpointOptions, IceServer, ServerUrl};
use sangam_mesh_node::http::HttpOptions;
use sangam_mesh_node::webrtc::LinkOptions;
use sangam_mesh_proto::identity::Identity;
use sangam_mesh_proto::{PeerId, gossip, mesh, state, tally};
use secrecy::SecretString;

/// What a node is started with. `port`: where its HTTP API really listens.
pub(crate) fn node_options(config: &Config, identity: Identity, port: u16) -> anyhow::Result<NodeOptions> {
    let node = &config.node;
    let id = |text: &String| PeerId::new(text).with_context(|| format!("`{text}` is no id"));
    Ok(NodeOptions {
        identity,
        agent_id: node.agent_id.as_ref().map(id).transpose().context("`node.agent_id`")?,
        url: node.url.as_ref().map(|url| url.trim_end_matches('/').to_owned()),
        port,
        channels: node.channels.clone(),
        require_signature: node.require_signature,
        take_servers: true,
        mesh: mesh_options(node, node.allow.iter().map(id).collect::<anyhow::Result<_>>().context("`node.allow`")?),
        gossip: gossip_options(node),
        state: state::Options::default(),
        tally: tally::Options::default(),
        links: link_options(node),
        endpoint: endpoint_options(node).context("`node.ice_servers`")?,
        discovery: discovery_options(node),
        commands_max: COMMANDS_MAX,
        discovered_max: DISCOVERED_MAX,
        events_max: EVENTS_MAX,
    })
}

/// Commands that wait for the node's task: each holds one request of the HTTP API.
const COMMANDS_MAX: usize = 256;
/// A round of discovery sees some hundred peers at once.
const DISCOVERED_MAX: usize = 4_096;
/// About a second of a busy node.
const EVENTS_MAX: usize = 1_024;

fn mesh_options(node: &Node, allowed: Vec<PeerId>) -> mesh::Options {
    let links = &node.links;
    mesh::Options {
        links_wanted: links.wanted,
        links_max: links.max,
        peers_max: links.peers_max,
        answer_timeout: links.answer_timeout.get(),
        connect_timeout: links.connect_timeout.get(),
        restart_timeout: links.restart_timeout.get(),
        retry_first: links.retry_first.get(),
        retry_max: links.retry_max.get(),
        patience: links.patience.get(),
        agent_patience: links.agent_patience.get(),
        dial_agents: links.dial_agents,
        gather_timeout: gather_timeout(node),
        forget_after: links.forget_after.get(),
        allowed,
        proof_required: node.proof_required,
        ..mesh::Options::default()
    }
}

/// IF.swarm's option bounds it.
fn gather_timeout(node: &Node) -> Duration {
    node.gather_timeout.get().min(node.turn_fallback_timeout.get())
}

fn gossip_options(node: &Node) -> gossip::Options {
    let it = &node.gossip;
    gossip::Options {
        fan_out: it.fan_out,
        hops_max: it.hops_max,
        seen_time: it.seen_time.get(),
        seen_max: it.seen_max,
        cache_time: it.cache_time.get(),
        cache_bytes_max: it.cache_bytes_max.as_usize(),
        message_bytes_max: it.message_bytes_max.as_usize(),
        waiting_bytes_max: it.waiting_bytes_max.as_usize(),
        topics_max: it.topics_max,
        ..gossip::Options::default()
    }
}

fn link_options(node: &Node) -> LinkOptions {
    LinkOptions {
        message_bytes_max: node.links.message_bytes_max.as_usize(),
        window_bytes_min: node.links.window_bytes_min.as_usize(),
        window_bytes_max: node.links.window_bytes_max.as_usize(),
        ..LinkOptions::default()
    }
}

fn endpoint_options(node: &Node) -> anyhow::Result<EndpointOptions> {
    Ok(EndpointOptions {
        addresses: node.addresses.clone(),
        ignored_interfaces: node.ignored_interfaces.clone(),
        with_loopback: node.allow_loopback,
        with_ipv6: node.ipv6,
        ports: (node.min_port != 0).then_some(node.min_port..=node.max_port),
        servers: node.ice_servers.iter().map(ice_server).collect::<anyhow::Result<_>>()?,
        relay_only: node.relay_policy == RelayPolicy::Relay,
        gather_timeout: gather_timeout(node),
        ca_file: node.ca_file.clone(),
        ..EndpointOptions::default()
    })
}

fn ice_server(server: &sangam_config::IceServer) -> anyhow::Result<IceServer> {
    Ok(IceServer {
        urls: server.urls.iter().map(|url| ServerUrl::parse(url)).collect::<Result<_, _>>()?,
        username: server.username.clone(),
        credential: server.credential.as_ref().map(secret),
        expires: None,
    })
}

fn discovery_options(node: &Node) -> discovery::Options {
    let it = &node.discovery;
    discovery::Options {
        rendezvous: servers(&node.rendezvous, &node.rendezvous_tokens),
        signaling: servers(&node.signaling, &node.signaling_tokens),
        bootstrap: node.bootstrap.clone(),
        mdns: MdnsOptions {
            enabled: node.mdns.enabled,
            port: node.mdns.port,
            loopback: node.mdns.loopback,
            services_max: node.mdns.services_max,
            names_max: node.mdns.names_max,
            name_queries_max: node.mdns.name_queries_max,
        },
        loopback: node.allow_loopback || node.mdns.loopback,
        ca_file: node.ca_file.clone(),
        peers_max: node.links.peers_max,
        urls_max: it.urls_max,
        visits_max: it.visits_max,
        state_bytes_max: it.state_bytes_max.as_usize(),
        answer_bytes_max: it.answer_bytes_max.as_usize(),
        queue_max: it.queue_max,
        ..discovery::Options::default()
    }
}

/// One token is for all of them; the section has checked that there is none, one, or one for each.
fn servers(urls: &[String], tokens: &[Secret]) -> Vec<Server> {
    let token = |at: usize| if let [only] = tokens { Some(only) } else { tokens.get(at) };
    let server = |(at, url): (usize, &String)| Server { url: url.clone(), token: token(at).map(secret) };
    urls.iter().enumerate().map(server).collect()
}

fn secret(secret: &Secret) -> SecretString {
    SecretString::from(secret.expose().to_owned())
}

/// `[node.http]` for the routes.
pub(crate) fn http_options(node: &Node) -> HttpOptions {
    let it = &node.http;
    HttpOptions {
        body_bytes_max: it.body_bytes_max.as_usize(),
        gossip_bytes_max: it.gossip_bytes_max.as_usize(),
        body_timeout: it.body_timeout.get(),
        bodies_max: it.bodies_max,
        bodies_bytes_max: it.bodies_bytes_max.as_usize(),
        posts_per_sec: it.posts_per_sec,
        posts_burst: it.posts_burst,
        gets_per_sec: it.gets_per_sec,
        gets_burst: it.gets_burst,
        streams_max: it.streams_max,
        streams_per_address_max: it.streams_per_address_max,
        update_interval: it.update_interval.get(),
        // As browsers write them: without a slash at the end.
        origins: it.origins.iter().map(|origin| origin.trim_end_matches('/').to_owned()).collect(),
        version: env!("CARGO_PKG_VERSION"),
        ..HttpOptions::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_of_the_configuration_are_those_of_the_parts() {
        let node = Node::default();
        assert_eq!(mesh_options(&node, Vec::new()), mesh::Options::default());
        assert_eq!(gossip_options(&node), gossip::Options::default());
        assert_eq!(http_options(&node), HttpOptions::default());
        assert_eq!(format!("{:?}", link_options(&node)), format!("{:?}", LinkOptions::default()));
        assert_eq!(format!("{:?}", endpoint_options(&node).unwrap()), format!("{:?}", EndpointOptions::default()));
        assert_eq!(format!("{:?}", discovery_options(&node)), format!("{:?}", discovery::Options::default()));
    }

    #[test]
    fn the_fallback_timeout_of_an_agent_is_a_bound() {
        let node = |fallback| Node {
            gather_timeout: sangam_config::HumanDuration::from_secs(2),
            turn_fallback_timeout: sangam_config::HumanDuration::from_secs(fallback),
            ..Node::default()
        };
        assert_eq!(gather_timeout(&node(1)), Duration::from_secs(1));
        assert_eq!(mesh_options(&node(5), Vec::new()).gather_timeout, Duration::from_secs(2));
    }

    #[test]
    fn one_token_is_for_all_servers_and_more_are_in_their_order() {
        use secrecy::ExposeSecret as _;
        let urls = ["a".to_owned(), "b".to_owned()];
        let tokens = |tokens: &[&str]| -> Vec<Option<String>> {
            let tokens: Vec<Secret> = tokens.iter().map(|token| Secret::new(*token)).collect();
            let of = |server: Server| server.token.map(|token| token.expose_secret().to_owned());
            servers(&urls, &tokens).into_iter().map(of).collect()
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(tokens(&[]), [None, None]);
        assert_eq!(tokens(&["t"]), [some("t"), some("t")]);
        assert_eq!(tokens(&["t", "u"]), [some("t"), some("u")]);
    }
}
