//! What tests of several crates share: programs started and stopped, the binary under test, ports, waiting, networks
//! behind NAT, disks whose power can be cut, the addresses a relay must not reach, what the heap is asked for, and what every
//! journal, every store of sync or of devices and every server of sync must do.
//!
//! Everything started here is stopped by its own process id when the value is dropped, whether the test passed or
//! not. Nothing sleeps blindly: [`wait_until`] asks until a deadline, and says what it waited for.
//!
//! Children stay in the process group of the test, so that a runner that gives a test up takes them along.

mod binary;
pub mod device_store;
pub mod disk;
pub mod faulty_disk;
pub mod faulty_writer;
pub mod heap;
pub mod http;
pub mod journal;
pub mod network;
pub mod peers;
mod ports;
mod program;
mod server;
pub mod sync_model;
pub mod sync_store;
mod waiting;

pub use binary::{profile_dir, sangam_binary};
pub use ports::{free_tcp_port, free_udp_port};
pub use program::{Ended, Program};
pub use rustix::process::Signal;
pub use server::{Killed, Server, ServerBuilder};
pub use waiting::{WAIT_MAX, wait_until};
