//! A listener without file descriptors. Alone in its process: it takes them all.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(unsafe_code, reason = "the limit of open files is set by a system call")]

use std::fs::File;
use std::time::Duration;

use sangam_net::{FrontOptions, LiveRules, TcpFront, Tls};
use tokio::net::TcpStream;
use tokio::time::timeout;

#[tokio::test]
async fn a_listener_without_descriptors_waits_without_spinning_and_recovers() {
    let addr = "127.0.0.1:0".parse().unwrap();
    let front = TcpFront::bind(addr, Tls::Off, FrontOptions::default(), LiveRules::default()).unwrap();
    let client = TcpStream::connect(front.local_addr()).await.unwrap();
    limit_open_files(256);
    let taken: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    assert!(!taken.is_empty());

    // Long enough for thousands of turns of a loop that spins.
    assert!(timeout(Duration::from_millis(300), front.accept()).await.is_err());
    let tries = front.snapshot().accept_exhausted;
    assert!((1..=10).contains(&tries), "{tries} tries");

    drop(taken);
    let arrived = timeout(Duration::from_secs(20), front.accept()).await.unwrap();
    assert_eq!(arrived.peer(), client.local_addr().unwrap());
}

fn limit_open_files(files: u64) {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a valid place for the answer for the whole call.
    assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) }, 0);
    limit.rlim_cur = files.min(limit.rlim_max);
    // SAFETY: `limit` is initialised and only read during the call.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
}
