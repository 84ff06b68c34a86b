use std::net::{SocketAddr, SocketAddrV4, UdpSocket};
use std::time::Duration;

use super::*;

#[test]
fn whoever_is_not_root_is_told_what_to_do() {
    if rustix::process::geteuid().is_root() {
        return;
    }
    let error = format!("{:#}", Network::new().unwrap_err());
    assert!(error.contains("run it as root"), "{error}");
}
