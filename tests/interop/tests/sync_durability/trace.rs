use std::collections::BTreeMap;

use anyhow::{Context as _, Result};

/// One request and what happened to the log of the store between its arrival and its answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Exchange {
    /// Something was written to the log.
    pub(crate) written: bool,
    /// A sync of the log that began after that has returned well.
    pub(crate) synced: bool,
}

/// The pushes of a trace by `strace -f -y`, whose lines are in the order in which calls began and ended; those of them
/// that were answered 200.
///
/// A call that another thread interrupts has two lines, `… <unfinished ...>` and `<... resumed>…`. What is read from a socket
/// has arrived when the call ends; what is written is on its way when the call begins.
pub(crate) fn pushes(trace: &str) -> Result<Vec<Exchange>> {
    let (mut exchanges, mut open) = (Vec::new(), None::<Exchange>);
    let mut syncing = BTreeMap::new();
    for line in trace.lines() {
        let (thread, call) = line.trim_start().split_once(' ').with_context(|| format!("no thread: {line}"))?;
        let call = call.trim_start();
        if call.contains("\"POST /v1/push ") {
            open = Some(Exchange::default());
            continue;
        }
        let Some(exchange) = &mut open else { continue };
        if call.contains("\"HTTP/1.1 200 ") {
            exchanges.extend(open.take());
        } else if call.starts_with("pwrite64(") && call.contains("-wal>") {
            *exchange = Exchange { written: true, synced: false };
        } else if is_sync(call) && call.contains("-wal>") {
            if call.ends_with("<unfinished ...>") {
                syncing.insert(thread, exchange.written);
            } else {
                exchange.synced = exchange.written && call.ends_with("= 0");
            }
        } else if call.starts_with("<... f") && call.contains("sync resumed>") {
            let began_after = syncing.remove(thread).unwrap_or(false);
            exchange.synced |= began_after && call.ends_with("= 0");
        }
    }
    Ok(exchanges)
}

fn is_sync(call: &str) -> bool {
    call.starts_with("fdatasync(") || call.starts_with("fsync(")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARRIVES: &str =
        "10 recvfrom(9<socket:[1]>, \"POST /v1/push HTTP/1.1\\r\\n\"..., 8192, 0, NULL, NULL) = 300\n";
    const WRITES: &str = "11 pwrite64(5</d/sync.sqlite3-wal>, \"\"..., 4096, 32) = 4096\n";
    const ANSWERS: &str = "10 writev(9<socket:[1]>, [{iov_base=\"HTTP/1.1 200 OK\\r\\n\"...}], 2) = 150\n";

    fn synced(lines: &[&str]) -> Vec<bool> {
        pushes(&lines.concat()).unwrap().into_iter().map(|exchange| exchange.synced).collect()
    }

    #[test]
    fn a_sync_counts_once_it_has_returned() {
        let whole = "11 fdatasync(5</d/sync.sqlite3-wal>) = 0\n";
        let begins = "11 fdatasync(5</d/sync.sqlite3-wal> <unfinished ...>\n";
        let returns = "11 <... fdatasync resumed>) = 0\n";
        assert_eq!(synced(&[ARRIVES, WRITES, whole, ANSWERS]), [true]);
        assert_eq!(synced(&[ARRIVES, WRITES, begins, "12 write(1, \"\") = 1\n", returns, ANSWERS]), [true]);
        assert_eq!(synced(&[ARRIVES, WRITES, begins, ANSWERS, returns]), [false]);
        assert_eq!(synced(&[ARRIVES, WRITES, ANSWERS, whole]), [false]);
        assert_eq!(synced(&[ARRIVES, whole, WRITES, ANSWERS]), [false]);
        assert_eq!(synced(&[ARRIVES, begins, WRITES, returns, ANSWERS]), [false]);
        assert_eq!(synced(&[ARRIVES, WRITES, whole, ANSWERS, ARRIVES, ANSWERS]), [true, false]);
    }

    #[test]
    fn a_sync_that_fails_or_is_of_another_file_does_not_count() {
        let fails = "11 fdatasync(5</d/sync.sqlite3-wal>) = -1 EIO (Input/output error) (INJECTED)\n";
        let other = "11 fdatasync(6</d/sync.sqlite3>) = 0\n";
        assert_eq!(synced(&[ARRIVES, WRITES, fails, ANSWERS]), [false]);
        assert_eq!(synced(&[ARRIVES, WRITES, other, ANSWERS]), [false]);
    }
}
