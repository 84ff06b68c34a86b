//! Nothing that our server acknowledged is lost: killed, without power, on a full disk, by a sync that fails; and devices that
//! push all the while go on by themselves. What each device was told is in its own book, and the log is compared with all of
//! them.
//!
//! Needs root, for disks of its own and to trace the server. `SANGAM_CUTS=200` kills and cuts more often than every run does.

mod account;
mod book;
mod crashes;
mod device;
mod load;
mod order;
mod refusals;
mod replicas;
mod trace;
mod tracer;

use sangam_interop::our_sync_server;
use sangam_testkit::ServerBuilder;
use sangam_testkit::disk::LoopDisk;

/// How often the server is killed, or its power is cut.
fn cuts() -> u64 {
    std::env::var("SANGAM_CUTS").ok().and_then(|cuts| cuts.parse().ok()).unwrap_or(4)
}

/// The server with nothing but sync.
fn server() -> ServerBuilder {
    our_sync_server().set("server.roles", "sync")
}

/// The same with all its data on `disk`, which is small.
fn server_on(disk: &LoopDisk) -> ServerBuilder {
    server().data_dir(disk.path().join("data")).set("data.free_space_min", "4KiB")
}
