use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use sangam_testkit::{Program, WAIT_MAX, free_tcp_port, wait_until};
use tempfile::TempDir;

/// A message broker of somebody else, with a port and a directory of its own. It can be stopped and comes back where it was.
#[derive(Debug)]
pub struct MessageBroker {
    kind: Kind,
    addr: SocketAddr,
    home: TempDir,
    program: Option<Program>,
    /// Where Erlang machines find each other: one of our own, so that none is left behind.
    names: Option<(Program, u16)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Mosquitto,
    RabbitMq,
}

/// RabbitMQ is an Erlang machine that compiles as it starts.
const START_MAX: Duration = Duration::from_secs(120);

const LOGIN_FILE: &str = "login";

/// What our tests log in with.
pub const BROKER_LOGIN: (&str, &str) = ("acs", "acs-password");

impl MessageBroker {
    /// Debian's Mosquitto, which wants a login.
    ///
    /// # Errors
    /// It is not installed or does not start.
    pub fn mosquitto() -> Result<Self> {
        let broker = Self::prepare(Kind::Mosquitto)?;
        let home = broker.home.path();
        let passwords = home.join("passwords");
        let made = Command::new("mosquitto_passwd")
            .args(["-b", "-c"])
            .arg(&passwords)
            .args([BROKER_LOGIN.0, BROKER_LOGIN.1])
            .status()
            .context("cannot run mosquitto_passwd: `cargo xtask setup` installs what the tests need")?;
        ensure!(made.success(), "mosquitto_passwd: {made}");
        let config = format!(
            "listener {} 127.0.0.1\nallow_anonymous false\npassword_file {}\nlog_dest stdout\nuser root\n",
            broker.addr.port(),
            passwords.display()
        );
        fs::write(home.join("mosquitto.conf"), config)?;
        broker.started()
    }

    /// Debian's RabbitMQ with its STOMP plugin, which wants a login.
    ///
    /// # Errors
    /// It is not installed or does not start.
    pub fn rabbitmq() -> Result<Self> {
        let mut broker = Self::prepare(Kind::RabbitMq)?;
        let port = free_tcp_port()?;
        let mut epmd = Command::new("epmd");
        epmd.args(["-address", "127.0.0.1", "-port", &port.to_string()]);
        broker.names = Some((Program::start(&mut epmd)?, port));
        let home = broker.home.path();
        // AMQP has to listen somewhere; nobody comes there.
        let config = format!(
            "listeners.tcp.1 = 127.0.0.1:{}\nstomp.listeners.tcp.1 = 127.0.0.1:{}\ndefault_user = {}\n\
             default_pass = {}\nlog.console = true\nlog.file = false\nvm_memory_high_watermark.relative = 0.2\n\
             disk_free_limit.absolute = 50MB\n",
            free_tcp_port()?,
            broker.addr.port(),
            BROKER_LOGIN.0,
            BROKER_LOGIN.1
        );
        fs::write(home.join("rabbitmq.conf"), config)?;
        fs::write(home.join("enabled_plugins"), "[rabbitmq_stomp].")?;
        broker.started()
    }

    fn prepare(kind: Kind) -> Result<Self> {
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, free_tcp_port()?));
        let home = tempfile::tempdir()?;
        let login = home.path().join(LOGIN_FILE);
        fs::write(&login, format!("{}:{}\n", BROKER_LOGIN.0, BROKER_LOGIN.1))?;
        fs::set_permissions(&login, fs::Permissions::from_mode(0o600))?;
        Ok(Self { kind, addr, home, program: None, names: None })
    }

    /// A file with what our server logs in with.
    #[must_use]
    pub fn login_file(&self) -> String {
        self.home.path().join(LOGIN_FILE).display().to_string()
    }

    fn started(mut self) -> Result<Self> {
        self.start()?;
        Ok(self)
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Starts it where it was, and waits until it listens.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(&mut self) -> Result<()> {
        let mut command = match self.kind {
            Kind::Mosquitto => mosquitto(self.home.path()),
            Kind::RabbitMq => {
                let names = self.names.as_ref().map(|(_, port)| *port).context("there is no epmd")?;
                rabbitmq(self.home.path(), self.addr.port(), names)?
            }
        };
        let program = self.program.insert(Program::start(&mut command)?);
        wait_until("the broker to listen", START_MAX, || {
            ensure!(program.is_running()?, "it ended and said:\n{}", program.output());
            Ok(TcpStream::connect(self.addr).is_ok().then_some(()))
        })
        .with_context(|| format!("the broker said:\n{}", program.output()))
    }

    /// Stops it; its port is free afterwards.
    ///
    /// # Errors
    /// It does not end.
    pub fn stop(&mut self) -> Result<()> {
        let Some(mut program) = self.program.take() else { return Ok(()) };
        program.signal(sangam_testkit::Signal::TERM)?;
        program.wait(Duration::from_secs(60))?;
        let addr = self.addr;
        wait_until("the broker to be gone", WAIT_MAX, || Ok(TcpStream::connect(addr).is_err().then_some(())))
    }
}

fn mosquitto(home: &Path) -> Command {
    let path = ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"].into_iter().find(|it| Path::new(it).exists());
    let mut command = Command::new(path.unwrap_or("mosquitto"));
    command.arg("-c").arg(home.join("mosquitto.conf"));
    command
}

/// The server itself and not Debian's wrapper, which would run it as another user. All its ports are its own.
fn rabbitmq(home: &Path, port: u16, names: u16) -> Result<Command> {
    let mut command = Command::new("/usr/lib/rabbitmq/bin/rabbitmq-server");
    command
        .env("HOME", home)
        .env("ERL_EPMD_PORT", names.to_string())
        .env("ERL_EPMD_ADDRESS", "127.0.0.1")
        .env("RABBITMQ_DIST_PORT", free_tcp_port()?.to_string())
        .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-kernel inet_dist_use_interface {127,0,0,1}")
        .env("RABBITMQ_NODENAME", format!("sangam-{port}@localhost"))
        .env("RABBITMQ_CONFIG_FILE", home.join("rabbitmq.conf"))
        .env("RABBITMQ_ENABLED_PLUGINS_FILE", home.join("enabled_plugins"))
        .env("RABBITMQ_MNESIA_BASE", home.join("mnesia"))
        .env("RABBITMQ_LOG_BASE", home.join("log"))
        .env("RABBITMQ_LOGS", "-")
        .env("RABBITMQ_PID_FILE", home.join("pid"))
        .env("RABBITMQ_GENERATED_CONFIG_DIR", home.join("generated"))
        .env("RABBITMQ_CONF_ENV_FILE", home.join("none"))
        .env("RABBITMQ_ADVANCED_CONFIG_FILE", home.join("none"));
    Ok(command)
}
