use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use sangam_bench_common::process::resident_bytes;
use sangam_testkit::{Program, WAIT_MAX, free_tcp_port, http};

use crate::repository::Repository;

/// A server started for a measurement.
pub(super) struct Running {
    program: Program,
    /// Of its main HTTP.
    pub(super) addr: SocketAddr,
    /// From just before the process was made until `/ready` answered 200.
    pub(super) ready_after: Duration,
    _home: tempfile::TempDir,
}

impl Running {
    /// Starts `binary serve` with an empty data directory and free ports, and asks `/ready` every half millisecond.
    pub(super) fn start(repository: &Repository, binary: &std::path::Path) -> Result<Self> {
        let home = tempfile::tempdir().context("cannot make a directory for data")?;
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, free_tcp_port()?));
        let mut command: Command = repository.command(binary);
        command.args(["serve", "--data-dir"]).arg(home.path().join("data"));
        for setting in [
            &format!("http.listen={addr}"),
            "signal.listen=127.0.0.1:0",
            "signal.socketio.listen=127.0.0.1:0",
            "devices.listen=127.0.0.1:0",
            "relay.listen=127.0.0.1:0",
        ] {
            command.args(["--set", setting]);
        }
        let began = Instant::now();
        let program = Program::start(&mut command)?;
        while !http::get(addr, "/ready").is_ok_and(|answer| answer.status == 200) {
            if began.elapsed() > WAIT_MAX {
                bail!("{} was not ready within {WAIT_MAX:?}; it said:\n{}", binary.display(), program.output());
            }
            thread::sleep(Duration::from_micros(500));
        }
        Ok(Self { program, addr, ready_after: began.elapsed(), _home: home })
    }

    pub(super) fn pid(&self) -> u32 {
        self.program.pid()
    }

    /// Resident memory after some time without a client.
    pub(super) fn idle_bytes(&self, idle: Duration) -> Result<u64> {
        thread::sleep(idle);
        resident_bytes(self.program.pid()).context("the server ended while idle")
    }
}
