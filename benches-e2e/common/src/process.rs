//! CPU time and memory of a process that runs, from `/proc`.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

/// CPU time of all threads of a process so far, from the scheduler's clock (nanoseconds, `schedstat`).
///
/// # Errors
/// There is no such process, or the kernel keeps no such clock.
pub fn cpu_time(pid: u32) -> Result<Duration> {
    let dir = format!("/proc/{pid}/task");
    let mut nanos = 0;
    for task in fs::read_dir(&dir).with_context(|| format!("cannot list {dir}"))? {
        // A thread that ended meanwhile takes its share along; servers under load keep theirs.
        nanos += task_nanos(&task?.path()).unwrap_or(0);
    }
    ensure!(nanos > 0, "{dir}/*/schedstat tells no CPU time; the kernel needs CONFIG_SCHED_INFO");
    Ok(Duration::from_nanos(nanos))
}

fn task_nanos(task: &Path) -> Option<u64> {
    fs::read_to_string(task.join("schedstat")).ok()?.split_whitespace().next()?.parse().ok()
}

/// Resident set of a process, bytes.
///
/// # Errors
/// There is no such process.
pub fn resident_bytes(pid: u32) -> Result<u64> {
    bytes(&format!("/proc/{pid}/status"), "VmRSS:")
}

/// The largest resident set of a process since it began or since [`forget_peak`], bytes.
///
/// # Errors
/// There is no such process.
pub fn peak_bytes(pid: u32) -> Result<u64> {
    bytes(&format!("/proc/{pid}/status"), "VmHWM:")
}

/// Lets the largest resident set begin anew at what is resident now (proc(5), `clear_refs`).
///
/// # Errors
/// There is no such process, or it is somebody else's.
pub fn forget_peak(pid: u32) -> Result<()> {
    let file = format!("/proc/{pid}/clear_refs");
    fs::write(&file, "5").with_context(|| format!("cannot write {file}"))
}

/// What a process holds, by its mappings (`smaps_rollup`), bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// All resident pages.
    pub resident: u64,
    /// Its share of pages that no file stands behind: heap and stacks.
    pub anonymous: u64,
}

impl Memory {
    /// # Errors
    /// There is no such process, or it is somebody else's.
    pub fn of(pid: u32) -> Result<Self> {
        let file = format!("/proc/{pid}/smaps_rollup");
        Ok(Self { resident: bytes(&file, "Rss:")?, anonymous: bytes(&file, "Pss_Anon:")? })
    }

    /// The least of each figure in two readings.
    #[must_use]
    pub fn least(self, other: Self) -> Self {
        Self { resident: self.resident.min(other.resident), anonymous: self.anonymous.min(other.anonymous) }
    }
}

/// The value of a line `name   123 kB`.
fn bytes(file: &str, name: &str) -> Result<u64> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {file}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let kib: u64 = line
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .with_context(|| format!("{file} has no {name}"))?;
    Ok(kib * 1024)
}

/// Reads what a process spends from now on.
#[derive(Clone, Copy, Debug)]
pub struct Meter {
    pid: u32,
    cpu: Duration,
    began: Instant,
}

/// What a process spent meanwhile.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// Of all its threads.
    pub cpu: Duration,
    /// By the clock on the wall.
    pub took: Duration,
}

impl Meter {
    /// # Errors
    /// There is no such process.
    pub fn start(pid: u32) -> Result<Self> {
        Ok(Self { pid, cpu: cpu_time(pid)?, began: Instant::now() })
    }

    /// Since the start; may be read more than once.
    ///
    /// # Errors
    /// The process has ended.
    pub fn read(&self) -> Result<Cost> {
        let took = self.began.elapsed();
        Ok(Cost { cpu: cpu_time(self.pid)?.saturating_sub(self.cpu), took })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_time_and_memory_grow_when_used() {
        let pid = std::process::id();
        let (meter, memory) = (Meter::start(pid).unwrap(), resident_bytes(pid).unwrap());
        let (by_mappings, used) = (Memory::of(pid).unwrap(), (0..2_000_000).collect::<Vec<u64>>());
        assert!(resident_bytes(pid).unwrap() >= memory + 8 * 1_000_000);
        assert!(Memory::of(pid).unwrap().anonymous >= by_mappings.anonymous + 8 * 1_000_000);
        // The scheduler's clock is brought up to date when it looks, at the latest on the next tick.
        while meter.read().unwrap().cpu.is_zero() {
            std::hint::black_box(used.iter().sum::<u64>());
        }
        assert!(cpu_time(u32::MAX).is_err() && resident_bytes(u32::MAX).is_err() && Memory::of(u32::MAX).is_err());
    }

    #[test]
    fn the_peak_is_never_below_what_is_resident_and_can_be_forgotten() {
        let pid = std::process::id();
        let used: Vec<u8> = vec![1; 64 * 1024 * 1024];
        let peak = peak_bytes(pid).unwrap();
        assert!(peak >= std::hint::black_box(&used).len() as u64);
        drop(used);
        forget_peak(pid).unwrap();
        assert!(peak_bytes(pid).unwrap() < peak);
    }

    #[test]
    fn the_least_of_two_readings_is_taken_figure_by_figure() {
        let (one, other) = (Memory { resident: 3, anonymous: 1 }, Memory { resident: 2, anonymous: 2 });
        assert_eq!(one.least(other), Memory { resident: 2, anonymous: 1 });
    }
}
