//! What the machine and the stores say of themselves in figures.

use std::fs;
use std::path::{Path, PathBuf};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sangam_control::{Figure, Figures};

const MIB: f64 = 1_048_576.0;

/// Reads `/proc`, the file system of the data directory, and the sizes of the stores' files.
#[derive(Debug)]
pub(crate) struct HostFigures {
    data_dir: PathBuf,
    stores: Vec<PathBuf>,
    connections: usize,
}

impl HostFigures {
    /// `stores`: the directories of the embedded stores, which hold `connections` open.
    pub(crate) fn new(data_dir: PathBuf, stores: Vec<PathBuf>, connections: usize) -> Self {
        Self { data_dir, stores, connections }
    }
}

impl Figures for HostFigures {
    fn figures(&self) -> BoxFuture<'_, Vec<Figure>> {
        let (data_dir, stores, connections) = (self.data_dir.clone(), self.stores.clone(), self.connections);
        let read = move || {
            let mut figures = load(&fs::read_to_string("/proc/loadavg").unwrap_or_default());
            let memory = resident_kib(&fs::read_to_string("/proc/self/status").unwrap_or_default());
            figures.extend(memory.map(|kib| Figure::new("memory_usage_mb", kib * 1_024.0 / MIB)));
            figures.extend(used_percent(&data_dir).map(|percent| Figure::new("disk_usage_percent", percent)));
            if connections > 0 {
                figures.push(Figure::new("db_active_connections", connections as f64));
                let bytes: u64 = stores.iter().map(|dir| databases(dir)).sum();
                figures.push(Figure::new("db_size_mb", bytes as f64 / MIB));
            }
            figures
        };
        async { tokio::task::spawn_blocking(read).await.unwrap_or_default() }.boxed()
    }
}

/// `0.52 0.58 0.59 1/467 12345` (proc(5)).
fn load(text: &str) -> Vec<Figure> {
    let names = ["cpu_load_1min", "cpu_load_5min", "cpu_load_15min"];
    let figures = names.into_iter().zip(text.split(' '));
    figures.filter_map(|(name, value)| Some(Figure::new(name, value.parse().ok()?))).collect()
}

/// `VmRSS:  12345 kB` (proc(5)).
fn resident_kib(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// Of what this user may use, as df(1) has it.
fn used_percent(path: &Path) -> Option<f64> {
    let space = rustix::fs::statvfs(path).ok()?;
    let used = space.f_blocks.saturating_sub(space.f_bfree);
    let usable = used + space.f_bavail;
    (usable > 0).then(|| used as f64 * 100.0 / usable as f64)
}

/// Bytes of the databases in a directory, with their logs.
fn databases(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    let is_database = |name: &str| [".sqlite3", ".sqlite3-wal"].iter().any(|end| name.ends_with(end));
    let entries = entries.flatten().filter(|entry| entry.file_name().to_str().is_some_and(is_database));
    entries.filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_is_read_as_its_manual_has_it() {
        let loads: Vec<_> = load("0.52 0.58 12.59 1/467 12345\n").iter().map(|it| (it.name, it.value)).collect();
        assert_eq!(loads, [("cpu_load_1min", 0.52), ("cpu_load_5min", 0.58), ("cpu_load_15min", 12.59)]);
        assert_eq!(load(""), []);
        assert_eq!(resident_kib("VmSize:\t 9 kB\nVmRSS:\t   2048 kB\n"), Some(2_048.0));
        assert_eq!(resident_kib("VmSize: 9 kB"), None);
    }

    #[test]
    fn databases_are_counted_with_their_logs_and_nothing_else_is() {
        let dir = tempfile::tempdir().unwrap();
        for (name, len) in [("devices.sqlite3", 10), ("devices.sqlite3-wal", 5), ("lock", 100)] {
            fs::write(dir.path().join(name), vec![0; len]).unwrap();
        }
        assert_eq!((databases(dir.path()), databases(&dir.path().join("gone"))), (15, 0));
        assert!(used_percent(dir.path()).is_some_and(|percent| (0.0..=100.0).contains(&percent)));
    }
}
