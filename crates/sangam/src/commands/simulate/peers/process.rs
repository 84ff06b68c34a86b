use std::time::{Duration, Instant};

/// What this process has used so far, as the system says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    at: Instant,
    cpu: Duration,
    /// Memory that is resident.
    pub(super) resident_bytes: u64,
}

impl Usage {
    pub(super) fn now() -> Self {
        Self { at: Instant::now(), cpu: cpu(), resident_bytes: resident_bytes() }
    }

    /// Cores used since then, on average.
    pub(super) fn cores_since(&self, then: &Self) -> f64 {
        let elapsed = self.at.saturating_duration_since(then.at).as_secs_f64();
        self.cpu.saturating_sub(then.cpu).as_secs_f64() / elapsed.max(f64::MIN_POSITIVE)
    }
}

/// proc_pid_status(5).
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kibibytes.unwrap_or_default() * 1024
}

/// The first number of a thread's `schedstat` is the nanoseconds it ran. Threads of a runtime do not end before it.
fn cpu() -> Duration {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let ran = threads.filter_map(|thread| {
        let stat = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        stat.split_whitespace().next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(ran.sum())
}
