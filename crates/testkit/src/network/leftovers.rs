use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, ensure};

use super::namespace::remove;

/// Namespaces of ours are called `sangam-<process>-<its start>-<network>-<host>`.
const OURS: &str = "sangam-";

/// The process that made a namespace: its id alone may be somebody else's by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Owner {
    pid: u32,
    /// Clock ticks after the system's start.
    start: u64,
}

/// What the names of another network's namespaces begin with, once what others left behind is removed.
///
/// # Errors
/// Not root, or `ip` is missing: the message says what to do.
pub(super) fn prefix_of_new_network() -> Result<String> {
    static NETWORKS: AtomicU32 = AtomicU32::new(0);
    ensure!(
        rustix::process::geteuid().is_root(),
        "this builds a network of namespaces, which only root may: run it as root, or leave it out with \
         `cargo xtask test --fast`"
    );
    remove_leftovers()?;
    Ok(format!("{}-{}", prefix_of_this_process()?, NETWORKS.fetch_add(1, Ordering::Relaxed)))
}

fn prefix_of_this_process() -> Result<String> {
    let pid = std::process::id();
    let start = start_of(pid).context("/proc does not tell when this process was started")?;
    Ok(format!("{OURS}{pid}-{start}"))
}

/// Removes namespaces whose process is gone without having done so.
fn remove_leftovers() -> Result<()> {
    let Ok(entries) = fs::read_dir("/run/netns") else { return Ok(()) };
    for entry in entries {
        let name = entry?.file_name();
        let Some(name) = name.to_str() else { continue };
        if owner_of(name).is_some_and(|owner| start_of(owner.pid) != Some(owner.start)) {
            // Another test may be about the same: whoever comes second finds nothing.
            remove(name).ok();
        }
    }
    Ok(())
}

fn owner_of(name: &str) -> Option<Owner> {
    let mut words = name.strip_prefix(OURS)?.split('-');
    Some(Owner { pid: words.next()?.parse().ok()?, start: words.next()?.parse().ok()? })
}

/// When a process was started; none if it does not run.
fn start_of(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in brackets, and may hold anything; the 22nd is the start.
    let (_, after_name) = stat.rsplit_once(") ")?;
    after_name.split(' ').nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_tells_the_process_that_made_it_and_others_are_nobodys() {
        let name = format!("{}-0-relay", prefix_of_this_process().unwrap());
        let owner = owner_of(&name).unwrap();
        assert_eq!(owner.pid, std::process::id());
        assert_eq!(start_of(owner.pid), Some(owner.start));
        for stranger in ["lab", "sangam-", "sangam-relay", "sangam-12-x-0-relay"] {
            assert_eq!(owner_of(stranger), None, "{stranger}");
        }
        assert_eq!(start_of(u32::MAX), None);
    }
}
