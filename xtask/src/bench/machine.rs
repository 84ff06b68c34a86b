use std::fs;

use crate::process;
use crate::repository::Repository;

/// One line that says what the figures were measured on and at which commit.
pub(super) fn description(repository: &Repository) -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let processor = field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown processor".to_owned());
    let memory_kib: u64 = field("/proc/meminfo", "MemTotal").and_then(|text| first_number(&text)).unwrap_or(0);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "{processor}, {cores} cores, {} GiB, Linux {}, commit {}",
        memory_kib.div_ceil(1024 * 1024),
        kernel.trim(),
        commit(repository),
    )
}

fn commit(repository: &Repository) -> String {
    let git = |arguments: &[&str]| process::output_of(repository.command("git").args(arguments)).ok();
    let Some(hash) = git(&["rev-parse", "--short=12", "HEAD"]) else { return "unknown".to_owned() };
    let changed = git(&["status", "--porcelain", "--untracked-files=no"]).is_none_or(|changes| !changes.is_empty());
    format!("{}{}", hash.trim(), if changed { " with changes" } else { "" })
}

/// The value of the first line `name : value` of a file in /proc.
fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let mut pairs = text.lines().filter_map(|line| line.split_once(':'));
    pairs.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim().to_owned())
}

fn first_number(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse().ok()
}
