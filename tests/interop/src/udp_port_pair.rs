use std::net::{IpAddr, TcpListener, UdpSocket};
use std::ops::Range;

use anyhow::{Context, Result};
use rand::RngExt;

/// Two UDP ports in a row at one address that nobody else takes while this lives, for a program that binds them itself.
///
/// A program that binds with `SO_REUSEPORT`, as coturn's do, may else come to share its port with a server of another
/// test without an error, and loses what the kernel hands to that one. These lie below the ports that the system gives
/// out by itself, and the TCP ports of the same numbers are held, so that no two tests choose the same.
#[derive(Debug)]
pub(crate) struct UdpPortPair {
    first: u16,
    _locks: [TcpListener; 2],
}

/// Below `net.ipv4.ip_local_port_range` as Linux has it from the start.
const NOT_GIVEN_OUT: Range<u16> = 20_000..32_000;
const TRIES_MAX: usize = 200;

impl UdpPortPair {
    /// Holds a pair at this address of this machine.
    pub(crate) fn hold(ip: IpAddr) -> Result<Self> {
        let candidates = std::iter::repeat_with(|| rand::rng().random_range(NOT_GIVEN_OUT));
        let held = candidates.take(TRIES_MAX).find_map(|first| Self::hold_at(ip, first));
        held.with_context(|| format!("no two free UDP ports in a row at {ip} after {TRIES_MAX} tries"))
    }

    fn hold_at(ip: IpAddr, first: u16) -> Option<Self> {
        let locks = [TcpListener::bind((ip, first)).ok()?, TcpListener::bind((ip, first + 1)).ok()?];
        UdpSocket::bind((ip, first)).ok()?;
        UdpSocket::bind((ip, first + 1)).ok()?;
        Some(Self { first, _locks: locks })
    }

    /// The lower one.
    pub(crate) fn first(&self) -> u16 {
        self.first
    }
}
