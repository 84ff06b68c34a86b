//! What the kernel dropped because a listener's queue of connections was full.

use anyhow::{Context, Result};

/// So far, of all listeners of this network namespace: packets that would have made a connection, or proven one, and
/// found no room (`TcpExt: ListenOverflows`). The client sends again after 1 s, 3 s, 7 s.
pub(crate) fn overflows() -> Result<u64> {
    let text = std::fs::read_to_string("/proc/net/netstat").context("cannot read /proc/net/netstat")?;
    counter(&text, "TcpExt:", "ListenOverflows").context("/proc/net/netstat has no ListenOverflows")
}

/// A counter in pairs of lines: names, then figures, each after the same first word.
fn counter(text: &str, group: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(group));
    let (names, figures) = (lines.next()?, lines.next()?);
    let index = names.split_whitespace().position(|other| other == name)?;
    figures.split_whitespace().nth(index)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_stands_below_its_name() {
        let text = "TcpExt: SyncookiesSent ListenOverflows\nTcpExt: 1 23\nMPTcpExt: A B\nMPTcpExt: 4 5\n";
        assert_eq!(counter(text, "TcpExt:", "ListenOverflows"), Some(23));
        assert_eq!(counter(text, "MPTcpExt:", "A"), Some(4));
        assert_eq!(counter(text, "TcpExt:", "Nothing"), None);
    }
}
