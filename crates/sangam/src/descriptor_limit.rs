//! Whether this process may open as many file descriptors as its settings let clients take.

use std::collections::BTreeSet;

use sangam_config::{Config, Role};

/// What other things need: listeners, log, data directory, HTTP.
const SPARE: u64 = 256;

/// What to tell an operator whose limit would be met before those of the relay. A relay that only this machine reaches is
/// being tried out, and is not worth the words.
pub(crate) fn complaint(config: &Config) -> Option<String> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let relay = &config.relay;
    let is_reached = relay.listen.iter().any(|addr| !addr.get().ip().is_loopback());
    let wanted = (config.server.plays(Role::Relay) && is_reached).then(|| wanted(config))?;
    judge(soft_limit(&limits)?, wanted)
}

/// Why this process cannot hold so many connections of its own. `None`: it can, or nobody knows.
pub(crate) fn too_low_for(connections: u64) -> Option<String> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    judge_connections(soft_limit(&limits)?, connections)
}

fn judge_connections(limit: u64, connections: u64) -> Option<String> {
    let wanted = connections.saturating_add(SPARE);
    (limit < wanted).then(|| {
        format!(
            "this process may open {limit} files, and {connections} connections need {wanted}: raise the limit (`ulimit -n {wanted}`), or ask for fewer"
        )
    })
}

/// One for each relayed address that finds a port. An allocation may have one of each family.
fn wanted(config: &Config) -> u64 {
    let relay = &config.relay;
    let listen = relay.listen.iter().map(|addr| addr.get().ip()).filter(|_| relay.relay_ip.is_empty());
    let families: BTreeSet<bool> = relay.relay_ip.iter().copied().chain(listen).map(|ip| ip.is_ipv4()).collect();
    let ports = u64::from(relay.max_port.saturating_sub(relay.min_port)) + 1;
    let opened = ports.saturating_mul(relay.relay_ip.len().max(families.len()) as u64);
    opened.min((relay.allocations_max as u64).saturating_mul(families.len() as u64)) + SPARE
}

fn judge(limit: u64, wanted: u64) -> Option<String> {
    (limit < wanted).then(|| {
        format!(
            "this process may open {limit} files, and the relay alone may need {wanted}, one for each relayed address: beyond it clients are answered 508; raise the limit (`ulimit -n`, systemd: `LimitNOFILE=`) or lower `relay.allocations_max`"
        )
    })
}

/// The soft limit in the words of the kernel's table; none if there is no limit.
fn soft_limit(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_below_what_allocations_may_take_is_told() {
        let table = |soft| {
            format!("Limit  Soft Limit  Hard Limit  Units\nMax open files            {soft}    1048576    files\n")
        };
        assert_eq!(soft_limit(&table("1024")), Some(1_024));
        assert_eq!(soft_limit(&table("unlimited")), None);
        assert!(judge(1_024, 16_640).is_some_and(|said| said.contains("may open 1024 files")));
        assert_eq!(judge(16_640, 16_640), None);
        assert!(judge_connections(1_024, 5_000).is_some_and(|said| said.contains("`ulimit -n 5256`")));
        assert_eq!(judge_connections(1_024, 700), None);
    }

    #[test]
    fn allocations_of_both_families_take_two_each() {
        let mut config = Config::default();
        config.relay.allocations_max = 1_000;
        let wanted_on = |config: &mut Config, ips: &[&str]| {
            config.relay.relay_ip = ips.iter().map(|ip| ip.parse().unwrap()).collect();
            wanted(config)
        };
        assert_eq!(wanted_on(&mut config, &["192.0.2.1"]), 1_000 + SPARE);
        assert_eq!(wanted_on(&mut config, &["192.0.2.1", "192.0.2.2"]), 1_000 + SPARE);
        assert_eq!(wanted_on(&mut config, &["192.0.2.1", "2001:db8::1"]), 2_000 + SPARE);
        assert_eq!(wanted_on(&mut config, &[]), 1_000 + SPARE, "the listener's one family");
    }
}
