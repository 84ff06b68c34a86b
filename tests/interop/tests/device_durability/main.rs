//! Nothing that devices were thanked for is lost, and no task runs twice: killed, and without power, with devices that inform and
//! tasks that are ordered all the while. What each device was told and did is in its own book; what the server says is compared
//! with all of them.
//!
//! Devices are written by hand here, from the standard: they share no code with the server.
//!
//! Needs root, for disks of its own. `SANGAM_CUTS=200` (`cargo xtask device-durability --cuts 200`) kills and cuts more often than
//! every run does.

mod account;
mod book;
mod crashes;
mod device;
mod load;
mod operator;
mod soap;
mod store;

use sangam_testkit::disk::LoopDisk;
use sangam_testkit::{Server, ServerBuilder};

/// How often the server is killed, or its power is cut.
fn cuts() -> u64 {
    std::env::var("SANGAM_CUTS").ok().and_then(|cuts| cuts.parse().ok()).unwrap_or(4)
}

/// The server with nothing but devices, which it takes as they come.
fn server() -> ServerBuilder {
    let builder = Server::builder().set("server.roles", "devices");
    let builder = builder.set("devices.enroll", "open").set("devices.periodic_interval", "0s");
    builder.set("devices.basic_without_tls", "true").set("devices.calls.at_once", "1")
}

/// The same with all its data on `disk`, which is small.
fn server_on(disk: &LoopDisk) -> ServerBuilder {
    server().data_dir(disk.path().join("data")).set("data.free_space_min", "4KiB")
}
