use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use sangam_testkit::{Program, WAIT_MAX, free_tcp_port, wait_until};
use tempfile::TempDir;

/// Prosody, an XMPP server, for `example.net` with one account and one component.
#[derive(Debug)]
pub struct Prosody {
    program: Option<Program>,
    clients: SocketAddr,
    components: SocketAddr,
    home: TempDir,
}

impl Prosody {
    /// The component that it knows.
    pub const COMPONENT: &str = "acs.example.net";
    /// What that component has to know.
    pub const COMPONENT_SECRET: &str = "component-secret";
    /// The user of its account, at `example.net`.
    pub const USER: &str = "cpe1";
    /// The password of that account.
    pub const PASSWORD: &str = "account-password";

    /// Starts it on free ports, and waits until it listens.
    ///
    /// # Errors
    /// It is not installed or does not start.
    pub fn start() -> Result<Self> {
        let home = tempfile::tempdir()?;
        let accounts = home.path().join("data/example%2enet/accounts");
        fs::create_dir_all(&accounts)?;
        let account = format!("return {{ [\"password\"] = \"{}\" }};\n", Self::PASSWORD);
        fs::write(accounts.join(format!("{}.dat", Self::USER)), account)?;
        let port = || Ok::<_, anyhow::Error>(SocketAddr::from((Ipv4Addr::LOCALHOST, free_tcp_port()?)));
        let mut prosody = Self { program: None, clients: port()?, components: port()?, home };
        fs::write(prosody.home.path().join("prosody.cfg.lua"), prosody.settings(prosody.home.path()))?;
        prosody.start_again()?;
        Ok(prosody)
    }

    /// Ends it; who is connected with it loses that.
    ///
    /// # Errors
    /// It had to be killed.
    pub fn stop(&mut self) -> Result<()> {
        self.program.take().map_or(Ok(()), |program| program.stop().map(drop))
    }

    /// Starts it where it was, after [`Self::stop`].
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_again(&mut self) -> Result<()> {
        let mut command = Command::new("prosody");
        command.arg("--config").arg(self.home.path().join("prosody.cfg.lua")).arg("-F");
        let program = Program::start(&mut command).context("prosody is not installed")?;
        let listens =
            || Ok([self.clients, self.components].iter().all(|at| TcpStream::connect(at).is_ok()).then_some(()));
        wait_until("Prosody to listen", WAIT_MAX, listens)
            .with_context(|| format!("Prosody said:\n{}", program.output()))?;
        self.program = Some(program);
        Ok(())
    }

    /// Where clients connect.
    #[must_use]
    pub fn clients(&self) -> SocketAddr {
        self.clients
    }

    /// Where components connect.
    #[must_use]
    pub fn components(&self) -> SocketAddr {
        self.components
    }

    fn settings(&self, home: &Path) -> String {
        let (home, clients, components) = (home.display(), self.clients.port(), self.components.port());
        let (component, secret) = (Self::COMPONENT, Self::COMPONENT_SECRET);
        format!(
            r#"data_path = "{home}/data"
pidfile = "{home}/prosody.pid"
run_as_root = true
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {clients} }}
component_ports = {{ {components} }}
component_interfaces = {{ "127.0.0.1" }}
c2s_direct_tls_ports = {{}}
s2s_ports = {{}}
s2s_direct_tls_ports = {{}}
http_ports = {{}}
https_ports = {{}}
modules_enabled = {{ "saslauth" }}
modules_disabled = {{ "s2s", "tls", "offline" }}
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
authentication = "internal_plain"
log = {{ info = "*console" }}
VirtualHost "example.net"
Component "{component}"
  component_secret = "{secret}"
"#
        )
    }
}
