//! `sangam credentials turn`: a credential for the relay, also as the block that an old client's configuration wants.

use std::net::IpAddr;

use anyhow::{Context as _, bail, ensure};
use sangam_auth::turn::{LongTermUser, RestOptions};
use sangam_config::Config;
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::Verdict;
use crate::cli::{CredentialsArgs, CredentialsCommand, OldClient, TurnArgs};
use crate::clock::wall_now;
use crate::generated_secrets::GeneratedSecrets;
use crate::host_addresses::Machine;
use crate::options::auth::rest_secrets_of;
use crate::options::signal::external_address;
use crate::output::print;

pub(crate) fn run(args: &CredentialsArgs) -> anyhow::Result<Verdict> {
    match &args.command {
        CredentialsCommand::Turn(args) => turn(args),
    }
}

/// What a client needs to relay.
struct Credential {
    host: String,
    port: u16,
    username: String,
    password: String,
    /// Seconds from now; none if it does not end.
    ttl: Option<u64>,
}

fn turn(args: &TurnArgs) -> anyhow::Result<Verdict> {
    let config = args.sources.load()?.config;
    let host = match &args.host {
        Some(host) => host.clone(),
        None => host_of(&config)?,
    };
    let port = config.relay.listen.first().map_or(0, |addr| addr.get().port());
    ensure!(port != 0, "the system chooses the relay's port at each start; set `relay.listen` to one that stays");
    let (username, password, ttl) = match &args.user {
        Some(name) => {
            let (name, password) = of_user(&config, name)?;
            (name, password, None)
        }
        None => minted(&config, args)?,
    };
    let credential = Credential { host, port, username, password, ttl };
    let text = match (args.for_, args.json) {
        (_, true) => credential.json(),
        (None, false) => credential.plain(),
        (Some(client), false) => credential.block(client),
    };
    print(&format!("{text}\n"))?;
    Ok(Verdict::Fine)
}

/// A time-limited credential with the newest of the relay's secrets.
fn minted(config: &Config, args: &TurnArgs) -> anyhow::Result<(String, String, Option<u64>)> {
    let days_max = RestOptions::default().max_ahead.as_secs() / 86_400;
    ensure!(
        args.ttl <= RestOptions::default().max_ahead,
        "a time-limited credential may last {days_max} days at most; for one that does not end, add a user to `relay.users` and use `--user`"
    );
    let secrets = if config.relay.secrets.is_empty() {
        rest_secrets_of(&[GeneratedSecrets::relay_secret_of(&config.data.dir)?])?
    } else {
        rest_secrets_of(&config.relay.secrets)?
    };
    let minted = secrets.mint(&args.name, wall_now() + args.ttl).context("the credential could not be minted")?;
    Ok((minted.username, minted.password, Some(args.ttl.as_secs())))
}

/// The name and password of a long-term user.
fn of_user(config: &Config, name: &str) -> anyhow::Result<(String, String)> {
    let mut users = config.relay.users.iter().filter_map(|entry| LongTermUser::parse(entry.expose()).ok());
    let user = users.find(|user| user.name() == name);
    let user = user.with_context(|| format!("there is no user `{name}` in `relay.users`"))?;
    let Some(password) = user.password() else {
        bail!("the password of `{name}` is not known here, only its key; give the client the password yourself");
    };
    Ok((user.name().to_owned(), password.expose_secret().to_owned()))
}

/// The host that clients should send to.
fn host_of(config: &Config) -> anyhow::Result<String> {
    if let Some(host) = &config.ice.host {
        return Ok(host.clone());
    }
    let listen = config.relay.listen.first().map(|addr| addr.get().ip()).filter(|ip| !ip.is_unspecified());
    let main = || Machine::read().main_address(true);
    let ip: Option<IpAddr> = external_address(config, None).or(listen).or_else(main);
    Ok(ip.context("the relay's host is not known; name it with `--host` or set `ice.host`")?.to_string())
}

impl Credential {
    fn url(&self, scheme: &str) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        format!("{scheme}:{host}:{}", self.port)
    }

    /// As `/turn` answers.
    fn json(&self) -> String {
        let uris = [format!("{}?transport=udp", self.url("turn"))];
        json!({ "username": self.username, "password": self.password, "ttl": self.ttl, "uris": uris }).to_string()
    }

    fn plain(&self) -> String {
        let lasts = self.ttl.map_or_else(|| "until it is removed".to_owned(), |secs| format!("{secs} s"));
        format!(
            "url       {}?transport=udp\nusername  {}\npassword  {}\nlasts     {lasts}",
            self.url("turn"),
            self.username,
            self.password
        )
    }

    /// What stands in the configuration of one of the guides' clients.
    fn block(&self, client: OldClient) -> String {
        let (stun, turn) = (self.url("stun"), self.url("turn"));
        let (username, password) = (&self.username, &self.password);
        // A JSON text is a literal of JavaScript and of a .env file too.
        let quoted = |text: &str| json!(text).to_string();
        match client {
            OldClient::Synapse => {
                let servers = json!([{ "urls": stun }, { "urls": turn, "username": username, "credential": password }]);
                format!("export ICE_SERVERS_JSON={}", in_shell(&servers.to_string()))
            }
            OldClient::Ifswarm => format!(
                "stunServers: [{}],\nturnServers: [{{\n  urls: {},\n  username: {},\n  credential: {}\n}}],",
                quoted(&stun),
                quoted(&turn),
                quoted(username),
                quoted(password)
            ),
            OldClient::Next => format!(
                "NEXT_PUBLIC_TURN_SERVER={}\nNEXT_PUBLIC_TURN_USERNAME={}\nNEXT_PUBLIC_TURN_CREDENTIAL={}",
                quoted(&turn),
                quoted(username),
                quoted(password)
            ),
            OldClient::Coturn => format!(
                "turnutils_uclient -y -c -u {} -w {} -p {} {}",
                in_shell(username),
                in_shell(password),
                self.port,
                in_shell(&self.host)
            ),
        }
    }
}

/// One word of a shell's command line.
fn in_shell(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credential(host: &str) -> Credential {
        let (username, password) = ("alice".to_owned(), "it's \"quoted\"".to_owned());
        Credential { host: host.to_owned(), port: 3_478, username, password, ttl: None }
    }

    #[test]
    fn each_old_client_gets_the_block_that_its_guide_shows() {
        let credential = credential("turn.example.org");
        for (client, expected) in [
            (
                OldClient::Synapse,
                r#"export ICE_SERVERS_JSON='[{"urls":"stun:turn.example.org:3478"},{"credential":"it'\''s \"quoted\"","urls":"turn:turn.example.org:3478","username":"alice"}]'"#,
            ),
            (
                OldClient::Ifswarm,
                "stunServers: [\"stun:turn.example.org:3478\"],\nturnServers: [{\n  urls: \"turn:turn.example.org:3478\",\n  username: \"alice\",\n  credential: \"it's \\\"quoted\\\"\"\n}],",
            ),
            (
                OldClient::Next,
                "NEXT_PUBLIC_TURN_SERVER=\"turn:turn.example.org:3478\"\nNEXT_PUBLIC_TURN_USERNAME=\"alice\"\nNEXT_PUBLIC_TURN_CREDENTIAL=\"it's \\\"quoted\\\"\"",
            ),
            (
                OldClient::Coturn,
                r#"turnutils_uclient -y -c -u 'alice' -w 'it'\''s "quoted"' -p 3478 'turn.example.org'"#,
            ),
        ] {
            assert_eq!(credential.block(client), expected);
        }
    }

    #[test]
    fn an_ipv6_address_stands_in_brackets() {
        assert_eq!(credential("2001:db8::1").url("turn"), "turn:[2001:db8::1]:3478");
    }
}
