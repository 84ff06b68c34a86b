//! `sangam probe stun / turn / signal / socketio / sync / cwmp / health / mdns / nat / usp`.

pub(crate) mod given;
mod progress;
mod show;

use anyhow::{Context as _, bail, ensure};
use sangam_probe::ProbeError;
use sangam_probe::{
    Bounds, Credentials, CwmpAsked, Exchange, Load, Mark, Relay, Report, ServerUri, Service, SocketIo, SyncAsked,
    Transport, Trust, UspAsked, cwmp, fetch_ice_servers, health, mdns, nat, signal, socketio, stun, sync, turn, usp,
};
use secrecy::ExposeSecret as _;
use serde_json::Value;

use self::given::Given;
use self::progress::Progress;
use crate::Verdict;
use crate::cli::probe::{
    CommonArgs, CwmpArgs, HealthArgs, NatArgs, ProbeArgs, ProbeCommand, SignalArgs, SocketIoArgs, StunArgs, SyncArgs,
    TransportChoice, TurnArgs, UspArgs,
};
use crate::clock::wall_now;

pub(crate) fn run(args: &ProbeArgs) -> anyhow::Result<Verdict> {
    let common = match &args.command {
        ProbeCommand::Stun(args) => &args.common,
        ProbeCommand::Turn(args) => &args.common,
        ProbeCommand::Signal(args) => &args.common,
        ProbeCommand::SocketIo(args) => &args.common,
        ProbeCommand::Sync(args) => &args.common,
        ProbeCommand::Cwmp(args) => &args.common,
        ProbeCommand::Health(args) => &args.common,
        ProbeCommand::Mdns(args) => &args.common,
        ProbeCommand::Nat(args) => &args.common,
        ProbeCommand::Usp(args) => &args.common,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
    let trust = Trust::load(common.ca_file.as_deref())?;
    let progress = Progress::new(common.json);
    let bounds = Bounds { timeout: common.timeout, trust: &trust, progress: &|doing| progress.show(doing) };
    let report = runtime.block_on(async {
        match &args.command {
            ProbeCommand::Stun(args) => probe_stun(args, bounds).await,
            ProbeCommand::Turn(args) => probe_turn(args, bounds).await,
            ProbeCommand::Signal(args) => probe_signal(args, bounds).await,
            ProbeCommand::SocketIo(args) => probe_socketio(args, bounds).await,
            ProbeCommand::Sync(args) => probe_sync(args, bounds).await,
            ProbeCommand::Cwmp(args) => probe_cwmp(args, bounds).await,
            ProbeCommand::Health(args) => probe_health(args, bounds).await,
            ProbeCommand::Mdns(args) => Ok(mdns(&args.kind, bounds).await),
            ProbeCommand::Nat(args) => probe_nat(args, bounds).await,
            ProbeCommand::Usp(args) => probe_usp(args, bounds).await,
        }
    });
    progress.clear();
    // A look-up of a name cannot be taken back and must not hold the end up.
    runtime.shutdown_background();
    print(&report?, common)
}

fn print(report: &Report, common: &CommonArgs) -> anyhow::Result<Verdict> {
    let is_fine = match report.mark() {
        Mark::Fine => true,
        Mark::Warning => !common.strict,
        Mark::Failed => false,
    };
    let shown = if common.json { show::json(report, is_fine)?.to_string() } else { show::table(report, is_fine) };
    println!("{shown}");
    Ok(if is_fine { Verdict::Fine } else { Verdict::No })
}

async fn probe_stun(args: &StunArgs, bounds: Bounds<'_>) -> anyhow::Result<Report> {
    let uri = ServerUri::parse(&args.target, Service::Stun)?;
    let transport = match (args.tcp, args.tls) {
        (true, _) => Transport::Tcp,
        (_, true) => Transport::Tls,
        (false, false) => uri.transport.unwrap_or(Transport::Udp),
    };
    Ok(stun(&args.target, &uri, transport, args.requests, bounds).await?)
}

async fn probe_turn(args: &TurnArgs, bounds: Bounds<'_>) -> anyhow::Result<Report> {
    let load = Load { messages: args.messages, size: args.size };
    let (target, relays) = match (&args.ice_servers, &args.target) {
        (Some(url), _) => (url, fetched(args, url, bounds).await?),
        (None, Some(target)) => (target, vec![named(args, target)?]),
        (None, None) => bail!("nothing to probe: name a server, or give `--ice-servers URL`"),
    };
    Ok(turn(target, &relays, load, bounds).await?)
}

/// Every TURN server of an ICE configuration, each over what its URI says and `--transport` lets through.
async fn fetched(args: &TurnArgs, url: &str, bounds: Bounds<'_>) -> anyhow::Result<Vec<Relay>> {
    let token = Given::TOKEN.read(args.token_file.as_deref())?;
    let mut relays = Vec::new();
    for server in fetch_ice_servers(url, token.as_ref(), bounds).await? {
        for uri in server.uris {
            let transport = uri.transport.unwrap_or(Transport::Udp);
            if args.transport.is_none_or(|choice| choice.transports().contains(&transport)) {
                relays.push(Relay { uri, transports: vec![transport], credentials: server.credentials.clone() });
            }
        }
    }
    if relays.is_empty() {
        bail!("{url} names no TURN server over that transport: try `--transport all`");
    }
    Ok(relays)
}

/// The server of the command line.
fn named(args: &TurnArgs, target: &str) -> anyhow::Result<Relay> {
    let uri = ServerUri::parse(target, Service::Turn)?;
    let transports = match args.transport {
        Some(choice) => choice.transports().to_vec(),
        None => vec![uri.transport.unwrap_or(Transport::Udp)],
    };
    Ok(Relay { uri, transports, credentials: credentials(args)? })
}

fn credentials(args: &TurnArgs) -> anyhow::Result<Credentials> {
    if let Some(user) = &args.user {
        let password = Given::PASSWORD.read(args.password_file.as_deref())?;
        let password = password.context(NO_PASSWORD)?;
        return Ok(Credentials::new(user, password));
    }
    let secret = Given::SECRET.read(args.secret_file.as_deref())?.ok_or_else(|| ProbeError::Credentials {
        why: "give `--user` with `--password-file`, or `--secret-file`, or `--ice-servers URL`".to_owned(),
    })?;
    Ok(Credentials::mint(&secret, wall_now())?)
}

async fn probe_signal(args: &SignalArgs, bounds: Bounds<'_>) -> anyhow::Result<Report> {
    let token = Given::TOKEN.read(args.token_file.as_deref())?;
    Ok(signal(&args.url, token.as_ref(), bounds).await?)
}

async fn probe_socketio(args: &SocketIoArgs, bounds: Bounds<'_>) -> anyhow::Result<Report> {
    let exchange =
        |name: &String| Exchange { name: name.clone(), arguments: args.data.clone(), expected: args.expect.clone() };
    let asked = SocketIo {
        namespace: args.namespace.clone(),
        auth: connect_auth(args)?,
        token: Given::TOKEN.read(args.token_file.as_deref())?,
        wait_ping: args.wait_ping,
        event: args.event.as_ref().map(exchange),
        room: args.room,
    };
    Ok(socketio(&args.url, &asked, bounds).await?)
}

/// What CONNECT is sent.
fn connect_auth(args: &SocketIoArgs) -> anyhow::Result<Option<Value>> {
    let auth = match &args.auth {
        Some(auth) => Some(auth.clone()),
        None => match Given::AUTH.read_whole(args.auth_file.as_deref())? {
            // What it says is not told: it may be a secret.
            Some(text) => Some(serde_json::from_str(text.expose_secret()).ok().context(NO_AUTH)?),
            None => None,
        },
    };
    ensure!(auth.as_ref().is_none_or(Value::is_object), NO_AUTH);
    Ok(auth)
}

const NO_AUTH: &str = "what CONNECT is to be sent is no JSON object: write for example {\"token\":\"…\"}";

async fn probe_sync(args: &SyncArgs, bounds: Bounds<'_>) -> anyhow::Result<Report> {
    let asked = SyncAsked {
        token: Given::TOKEN.read(args.token_file.as_deref())?,
        db: args.db.clone(),
        device: args.device.clone(),
        write: args.write,
    };
    Ok(sync(&args.url, &asked, bounds).await?)
}

async fn probe_cwmp(args: &CwmpArgs, bounds: Bounds<'_>) -> anyhow::Result<Report> {
    let login = match &args.user {
        Some(user) => {
            let password = Given::PASSWORD.read(args.password_file.as_deref())?;
            let password =
                password.context("no password: give `--password-file FILE`, or set SANGAM_PROBE_PASSWORD")?;
            Some((user.clone(), password))
        }
        None => None,
    };
    let asked = CwmpAsked {
        oui: args.oui.clone(),
        product_class: args.product_class.clone(),
        serial_number: args.serial.clone(),
        login,
    };
    Ok(cwmp(&args.url, &asked, bounds).await?)
}

async fn probe_health(args: &HealthArgs, bounds: Bounds<'_>) -> anyhow::Result<Report> {
    let token = Given::TOKEN.read(args.token_file.as_deref())?;
    Ok(health(&args.url, token.as_ref(), bounds).await?)
}

async fn probe_nat(args: &NatArgs, bounds: Bounds<'_>) -> anyhow::Result<Report> {
    let named = |target: &String| Ok((target.clone(), ServerUri::parse(target, Service::Stun)?));
    let targets = args.targets.iter().map(named).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(nat(&targets, bounds).await?)
}

async fn probe_usp(args: &UspArgs, bounds: Bounds<'_>) -> anyhow::Result<Report> {
    let login = match &args.user {
        Some(user) => {
            let password = Given::PASSWORD.read(args.password_file.as_deref())?;
            Some((user.clone(), password.context(NO_PASSWORD)?))
        }
        None => None,
    };
    let asked = UspAsked { endpoint: args.endpoint.clone(), controller: args.controller.clone(), login };
    Ok(usp(&args.url, &asked, bounds).await?)
}

const NO_PASSWORD: &str = "no password: give `--password-file FILE`, or set SANGAM_PROBE_PASSWORD";

impl TransportChoice {
    fn transports(self) -> &'static [Transport] {
        match self {
            Self::Udp => &[Transport::Udp],
            Self::Tcp => &[Transport::Tcp],
            Self::Tls => &[Transport::Tls],
            Self::All => &[Transport::Udp, Transport::Tcp, Transport::Tls],
        }
    }
}
