use std::net::{Ipv4Addr, TcpListener, UdpSocket};

use anyhow::Result;

/// A UDP port on loopback that was free a moment ago: for programs that cannot take port 0 and say what they got.
///
/// # Errors
/// The system has no port left.
pub fn free_udp_port() -> Result<u16> {
    Ok(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// As [`free_udp_port`], for TCP.
///
/// # Errors
/// The system has no port left.
pub fn free_tcp_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
