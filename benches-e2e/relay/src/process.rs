use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

/// CPU time of all threads of a process so far, from the scheduler's clock (nanoseconds, `schedstat`).
///
/// # Errors
/// There is no such process, or the kernel keeps no such clock.
pub(crate) fn cpu_time(pid: u32) -> Result<Duration> {
    let dir = format!("/proc/{pid}/task");
    let mut nanos = 0;
    for task in fs::read_dir(&dir).with_context(|| format!("cannot list {dir}"))? {
        // A thread that ended meanwhile takes its share along; servers under load keep theirs.
        nanos += task_nanos(&task?.path()).unwrap_or(0);
    }
    anyhow::ensure!(nanos > 0, "{dir}/*/schedstat tells no CPU time; the kernel needs CONFIG_SCHED_INFO");
    Ok(Duration::from_nanos(nanos))
}

fn task_nanos(task: &Path) -> Option<u64> {
    fs::read_to_string(task.join("schedstat")).ok()?.split_whitespace().next()?.parse().ok()
}

/// Resident set of a process, bytes.
///
/// # Errors
/// There is no such process.
pub(crate) fn resident_bytes(pid: u32) -> Result<u64> {
    let file = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&file).with_context(|| format!("cannot read {file}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: u64 = line
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .with_context(|| format!("{file} has no VmRSS"))?;
    Ok(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_time_and_memory_grow_when_used() {
        let pid = std::process::id();
        let (time, memory) = (cpu_time(pid).unwrap(), resident_bytes(pid).unwrap());
        let used: Vec<u64> = (0..2_000_000).collect();
        assert!(resident_bytes(pid).unwrap() >= memory + 8 * 1_000_000);
        // The scheduler's clock is brought up to date when it looks, at the latest on the next tick.
        while cpu_time(pid).unwrap() == time {
            std::hint::black_box(used.iter().sum::<u64>());
        }
        assert!(cpu_time(u32::MAX).is_err() && resident_bytes(u32::MAX).is_err());
    }
}
