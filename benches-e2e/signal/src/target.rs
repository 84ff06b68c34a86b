use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result, ensure};
use clap::Args;

/// The server that is measured.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Target {
    /// Where it takes clients; loopback only
    #[arg(long)]
    pub(crate) server: SocketAddr,
    /// Its process, whose CPU time and memory are read
    #[arg(long)]
    pub(crate) pid: u32,
}

/// Clients stand on so many addresses: each has ports of its own, and no server takes them all for one client.
const SOURCES: usize = 32;
/// The hard limit of descriptors that many systems have, less what a process needs besides.
const DESCRIPTORS: usize = 19_500;

impl Target {
    /// # Errors
    /// It is not on loopback, or one process cannot hold so many connections.
    pub(crate) fn check(&self, clients: usize) -> Result<()> {
        ensure!(self.server.ip().is_loopback(), "the server must stand on loopback");
        let limit = std::fs::read_to_string("/proc/self/limits").context("cannot read /proc/self/limits")?;
        let descriptors = open_files(&limit).unwrap_or(DESCRIPTORS).min(DESCRIPTORS);
        ensure!(clients < descriptors, "{clients} clients need more than the {descriptors} descriptors of one process");
        Ok(())
    }

    /// Where the client of this index stands.
    pub(crate) fn source(&self, index: usize) -> SocketAddr {
        // Below SOURCES: fits.
        let host = u8::try_from(index % SOURCES).unwrap_or(0);
        SocketAddr::from((Ipv4Addr::new(127, 0, 1, 1 + host), 0))
    }
}

/// The soft limit in the text of proc(5) `limits`.
fn open_files(limits: &str) -> Option<usize> {
    limits.lines().find_map(|line| line.strip_prefix("Max open files"))?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_of_descriptors_is_read() {
        let text = "Limit  Soft Limit  Hard Limit  Units\nMax open files            20000   20001   files\n";
        assert_eq!(open_files(text), Some(20_000));
        assert_eq!(open_files(""), None);
    }

    #[test]
    fn only_loopback_is_measured_and_only_what_fits_one_process() {
        let target = |server: &str| Target { server: server.parse().unwrap(), pid: 1 };
        assert!(target("127.0.0.1:1").check(10).is_ok());
        assert!(target("192.0.2.1:1").check(10).is_err());
        assert!(target("127.0.0.1:1").check(1_000_000).is_err());
    }
}
