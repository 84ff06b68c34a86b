//! The process's own figures.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

/// Linux shows user space its times in ticks of 1/100 s (`USER_HZ`) on every architecture that Rust supports.
const TICKS_PER_SECOND: f64 = 100.0;

/// The process's own figures under the names that Prometheus client libraries share, read from `/proc` at
/// each scrape. A figure that cannot be read is left out.
#[derive(Debug)]
pub struct ProcessMetrics;

impl ProcessMetrics {
    /// Adds the figures to the root registry, which has no prefix of its own.
    pub fn register(registry: &mut Registry) {
        registry.register_collector(Box::new(Self));
    }
}

impl Collector for ProcessMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let figures = Figures::read();
        if let Some(seconds) = figures.cpu_seconds {
            let help = "User and system time spent.";
            let counter = ConstCounter::new(seconds);
            counter.encode(encoder.encode_descriptor("process_cpu_seconds", help, None, counter.metric_type())?)?;
        }
        for (name, help, value) in [
            ("process_resident_memory_bytes", "Resident memory.", figures.resident_bytes),
            ("process_virtual_memory_bytes", "Virtual memory.", figures.virtual_bytes),
            ("process_open_fds", "Open file descriptors.", figures.open_fds),
            ("process_max_fds", "Most file descriptors that may be open.", figures.max_fds),
            ("process_threads", "Threads.", figures.threads),
            ("process_start_time_seconds", "When the process began, Unix time.", figures.started),
        ] {
            if let Some(value) = value {
                let gauge = ConstGauge::new(value);
                gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
            }
        }
        Ok(())
    }
}

#[derive(Debug, Default, PartialEq)]
struct Figures {
    cpu_seconds: Option<f64>,
    started: Option<f64>,
    resident_bytes: Option<f64>,
    virtual_bytes: Option<f64>,
    threads: Option<f64>,
    open_fds: Option<f64>,
    max_fds: Option<f64>,
}

impl Figures {
    fn read() -> Self {
        let file = |path| std::fs::read_to_string(path).unwrap_or_default();
        // Reading the directory opens one descriptor, which is not counted.
        let open_fds = std::fs::read_dir("/proc/self/fd").ok().map(|fds| fds.count().saturating_sub(1) as f64);
        let texts = [file("/proc/self/stat"), file("/proc/self/status"), file("/proc/self/limits"), file("/proc/stat")];
        Self { open_fds, ..Self::parse([&texts[0], &texts[1], &texts[2], &texts[3]]) }
    }

    /// From `/proc/self/stat`, `/proc/self/status`, `/proc/self/limits` and `/proc/stat` (proc(5)).
    fn parse([stat, status, limits, system]: [&str; 4]) -> Self {
        let boot = after(system, "btime ");
        Self {
            cpu_seconds: stat_ticks(stat, 14).zip(stat_ticks(stat, 15)).map(|(user, kernel)| user + kernel),
            started: boot.zip(stat_ticks(stat, 22)).map(|(boot, since)| boot + since),
            resident_bytes: after(status, "VmRSS:").map(|kib| kib * 1_024.0),
            virtual_bytes: after(status, "VmSize:").map(|kib| kib * 1_024.0),
            threads: after(status, "Threads:"),
            open_fds: None,
            max_fds: after(limits, "Max open files"),
        }
    }
}

/// Field `number` (from 1) of `/proc/self/stat` as seconds. Field 2, the command, stands in parentheses and may
/// hold anything, so fields are counted from the last closing one.
fn stat_ticks(stat: &str, number: usize) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let ticks: f64 = rest.split_ascii_whitespace().nth(number.checked_sub(3)?)?.parse().ok()?;
    Some(ticks / TICKS_PER_SECOND)
}

/// The first number after `name` at the beginning of a line.
fn after(text: &str, name: &str) -> Option<f64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::exposition::exposition;

    #[test]
    fn figures_are_read_from_the_texts_of_proc() {
        let stat = "42 (a ) b) S 1 42 42 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 4 0 12345 1000 200 18446744073709551615";
        let status = "Name:\ta\nVmSize:\t  2000 kB\nVmRSS:\t    1000 kB\nThreads:\t4\n";
        let limits = "Limit          Soft Limit  Hard Limit  Units\nMax open files 1024        524288      files\n";
        let figures = Figures::parse([stat, status, limits, "cpu 1 2\nbtime 1700000000\n"]);
        let expected = Figures {
            cpu_seconds: Some(3.0),
            started: Some(1_700_000_123.45),
            resident_bytes: Some(1_024_000.0),
            virtual_bytes: Some(2_048_000.0),
            threads: Some(4.0),
            open_fds: None,
            max_fds: Some(1_024.0),
        };
        assert_eq!(figures, expected);
    }

    #[test]
    fn texts_that_cannot_be_read_leave_figures_out() {
        assert_eq!(Figures::parse([""; 4]), Figures::default());
        assert_eq!(Figures::parse(["1 (a) S", "VmRSS:", "Max open files unlimited", "btime x"]), Figures::default());
    }

    #[test]
    fn a_scrape_shows_this_process_as_it_is() {
        let mut registry = Registry::default();
        ProcessMetrics::register(&mut registry);
        let text = exposition(&registry);
        let value = |name: &str| after(&text, name).unwrap_or_else(|| panic!("{name} in\n{text}"));
        assert!(value("process_resident_memory_bytes ") > 100_000.0);
        assert!(value("process_open_fds ") >= 3.0);
        assert!(value("process_max_fds ") >= value("process_open_fds "));
        assert!(value("process_threads ") >= 1.0);
        assert!(value("process_cpu_seconds_total ") >= 0.0);
        assert!(value("process_start_time_seconds ") > 1_600_000_000.0);
    }
}
