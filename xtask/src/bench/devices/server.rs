use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use sangam_testkit::{Program, WAIT_MAX, free_tcp_port, http};
use tempfile::TempDir;

use crate::bench::disk;
use crate::bench::place::Core;
use crate::repository::Repository;

/// What devices come with from the factory.
pub(super) const LOGIN: &str = "factory:what all come with";

/// Lines about sessions go nowhere, and no bound of connections is met: all devices come from few addresses.
const SETTINGS: [&str; 4] = [
    "devices.enroll=shared-credential",
    "http.connections_max=20000",
    "http.connections_per_address_max=20000",
    "log.level=warn",
];

/// Our server, on the server's core, with an empty directory on a disk.
pub(super) struct Server {
    program: Program,
    /// Where devices are answered.
    pub(super) devices: SocketAddr,
    _home: TempDir,
}

impl Server {
    /// Starts it and waits until it is ready.
    pub(super) fn start(repository: &Repository, binary: &Path) -> Result<Self> {
        let home = disk::place(&disk::directory(repository)?)?;
        let [http, devices] =
            [free_tcp_port()?, free_tcp_port()?].map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        let mut command = Core::Server.command(repository);
        command.arg(binary).args(["serve", "--roles", "devices", "--data-dir"]).arg(home.path().join("data"));
        // Not on a command line, which everybody sees.
        let credentials = home.path().join("credentials");
        fs::write(&credentials, LOGIN)?;
        command.arg("--set").arg(format!("devices.shared_credentials_file={}", credentials.display()));
        for setting in [&format!("http.listen={http}"), &format!("devices.listen={devices}")] {
            command.args(["--set", setting]);
        }
        for setting in SETTINGS {
            command.args(["--set", setting]);
        }
        let began = Instant::now();
        let program = Program::start(&mut command)?;
        while !http::get(http, "/ready").is_ok_and(|answer| answer.status == 200) {
            if began.elapsed() > WAIT_MAX {
                bail!("the server was not ready within {WAIT_MAX:?}; it said:\n{}", program.output());
            }
            thread::sleep(Duration::from_millis(1));
        }
        Ok(Self { program, devices, _home: home })
    }

    pub(super) fn pid(&self) -> u32 {
        self.program.pid()
    }
}
