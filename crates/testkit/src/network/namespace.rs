use std::fs::{self, File};
use std::os::fd::AsFd as _;
use std::panic::resume_unwind;
use std::thread;

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::tool;

/// A network namespace by name (`ip netns`), removed on drop together with the programs that still run in it.
#[derive(Debug)]
pub(super) struct Namespace {
    name: String,
}

impl Namespace {
    pub(super) fn new(name: String) -> Result<Self> {
        tool::run("ip", &["netns", "add", &name], "")?;
        let namespace = Self { name };
        namespace.ip("link set lo up")?;
        Ok(namespace)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn ip(&self, words: &str) -> Result<()> {
        let words: Vec<&str> = ["-n", &self.name].into_iter().chain(words.split(' ')).collect();
        tool::run("ip", &words, "").map(drop)
    }

    /// Puts nftables rules in force.
    pub(super) fn load_rules(&self, rules: &str) -> Result<()> {
        self.inside(|| tool::run("nft", &["-f", "-"], rules).map(drop))
    }

    /// Makes a router of it.
    pub(super) fn forward_packets(&self) -> Result<()> {
        self.inside(|| {
            for setting in ["ipv4/ip_forward", "ipv6/conf/all/forwarding"] {
                let file = format!("/proc/sys/net/{setting}");
                fs::write(&file, "1").with_context(|| format!("cannot write {file}"))?;
            }
            Ok(())
        })
    }

    pub(super) fn inside<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        let path = format!("/run/netns/{}", self.name);
        let door = File::open(&path).with_context(|| format!("cannot open {path}"))?;
        let done = thread::scope(|scope| {
            let entered = scope.spawn(|| {
                move_into_link_name_space(door.as_fd(), Some(LinkNameSpaceType::Network))
                    .with_context(|| format!("cannot enter {path}"))?;
                work()
            });
            entered.join()
        });
        done.unwrap_or_else(|panic| resume_unwind(panic))
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.name) {
            eprintln!("{error:#}");
        }
    }
}

/// Ends what still runs in a namespace of ours, then removes it.
pub(super) fn remove(name: &str) -> Result<()> {
    for pid in tool::run("ip", &["netns", "pids", name], "")?.lines() {
        if let Some(pid) = pid.trim().parse().ok().and_then(Pid::from_raw) {
            // It may have ended by itself meanwhile.
            kill_process(pid, Signal::KILL).ok();
        }
    }
    tool::run("ip", &["netns", "delete", name], "").map(drop)
}
