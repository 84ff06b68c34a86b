//! `sangam node`: one definition per flag.

use std::path::PathBuf;

use clap::Args;
use sangam_config::{Loaded, Problems, Setting};

use super::ConfigArgs;

#[derive(Debug, Args)]
pub(crate) struct NodeArgs {
    #[command(flatten)]
    pub(crate) sources: ConfigArgs,
    /// Where the node's HTTP API listens; 0.0.0.0:8000, so that other nodes reach it
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<String>,
    /// Where other nodes reach it: http://host:port; found out if not set
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// A rendezvous server; may be repeated
    #[arg(long, value_name = "URL")]
    rendezvous: Vec<String>,
    /// A node to greet at the start; may be repeated
    #[arg(long, value_name = "URL")]
    bootstrap: Vec<String>,
    /// A JSON signaling server, ws://host:port or wss://host:port; may be repeated
    #[arg(long, value_name = "URL")]
    signaling: Vec<String>,
    /// A channel to take part in, beside `global`; may be repeated
    #[arg(long, value_name = "NAME")]
    channel: Vec<String>,
    /// The file of the node's key; made if it is not there
    #[arg(long, value_name = "FILE")]
    id_file: Option<PathBuf>,
    /// What the node is called at signaling servers, instead of its id
    #[arg(long, value_name = "NAME")]
    agent_id: Option<String>,
    /// A file with STUN and TURN servers as a JSON array; ICE_SERVERS_JSON has the same
    #[arg(long, value_name = "FILE")]
    ice_servers: Option<PathBuf>,
    /// Tells peers only of relays, and uses nothing else
    #[arg(long)]
    relay_only: bool,
    /// Does not announce itself on the local network, and does not look there
    #[arg(long)]
    no_mdns: bool,
    /// Prints what happens as JSON lines: first that it is ready, then each event
    #[arg(long)]
    pub(crate) json: bool,
}

impl NodeArgs {
    /// Reads every source.
    pub(crate) fn load(&self) -> Result<Loaded, Problems> {
        self.sources.load_with(self.settings())
    }

    fn settings(&self) -> Vec<Setting> {
        let one = |flag: &str, key: &str, value: Option<String>| value.map(|value| Setting::of_flag(flag, key, value));
        // A TOML list of texts is written as JSON's: a comma in a URL stays in it.
        let many = |flag: &str, key: &str, values: &[String]| {
            let list = serde_json::Value::from(values.to_vec()).to_string();
            (!values.is_empty()).then(|| Setting::of_flag(flag, key, list))
        };
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        [
            one("--listen", "node.listen", self.listen.clone()),
            one("--url", "node.url", self.url.clone()),
            many("--rendezvous", "node.rendezvous", &self.rendezvous),
            many("--bootstrap", "node.bootstrap", &self.bootstrap),
            many("--signaling", "node.signaling", &self.signaling),
            many("--channel", "node.channels", &self.channel),
            one("--id-file", "node.key_file", path(&self.id_file)),
            one("--agent-id", "node.agent_id", self.agent_id.clone()),
            one("--ice-servers", "node.ice_servers_file", path(&self.ice_servers)),
            one("--relay-only", "node.relay_policy", self.relay_only.then(|| "relay".to_owned())),
            one("--no-mdns", "node.mdns.enabled", self.no_mdns.then(|| "false".to_owned())),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}
