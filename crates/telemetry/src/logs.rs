//! Logs: to standard error, and to a file that is begun anew from time to time.
//!
//! Lines are handed to a writing thread through a bounded queue. When nobody reads standard error or the disk stalls,
//! lines are dropped and counted; the server never waits for its log.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use prometheus_client::registry::Registry;
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_appender::rolling;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry as Spans, reload};

use crate::metrics::log::LogMetrics;

/// How and where lines are written.
#[derive(Clone, Debug)]
pub struct LogOptions {
    /// The least important lines that are written.
    pub level: LevelFilter,
    /// How lines look on standard error.
    pub format: LogFormat,
    /// A file besides standard error.
    pub file: Option<LogFile>,
}

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    /// Human if standard error is a terminal, else JSON.
    #[must_use]
    pub fn of_standard_error() -> Self {
        if io::stderr().is_terminal() { Self::Human } else { Self::Json }
    }
}

/// A log file.
#[derive(Clone, Debug)]
pub struct LogFile {
    /// Where; with rotation, the date is appended to the name.
    pub path: PathBuf,
    /// How lines look.
    pub format: LogFormat,
    /// When a new file is begun.
    pub rotation: LogRotation,
    /// How many files are kept when a new one is begun.
    pub files_max: usize,
}

/// When a new log file is begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogRotation {
    /// One file for ever.
    Never,
    /// Each hour, UTC.
    Hourly,
    /// Each day, UTC.
    Daily,
}

/// Why logging could not begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The file cannot be opened.
    #[error("the log file {} cannot be written: {cause}; check that its directory exists and that this user may write there", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        cause: String,
    },
    /// Something else in this process logs already.
    #[error("logging has begun already")]
    Begun,
}

/// Logging while it lasts; dropping it writes what is still queued.
#[derive(Debug)]
pub struct Logs {
    level: reload::Handle<Targets, Spans>,
    dropped: Vec<ErrorCounter>,
    _writers: Vec<WorkerGuard>,
}

/// Lines that may wait for the writing thread. At about 200 bytes each that is 1.6 MB.
const QUEUE_LINES: usize = 8_192;

impl Logs {
    /// Begins to log.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened, or if logging has begun already.
    pub fn begin(options: &LogOptions) -> Result<Self, LogError> {
        let (filter, level) = reload::Layer::new(targets(options.level));
        let mut writers = Vec::new();
        let mut dropped = Vec::new();
        let mut queued = |writer| {
            let (writer, guard) = writer;
            writers.push(guard);
            let writer: NonBlocking = writer;
            dropped.push(writer.error_counter());
            writer
        };
        let queue = || NonBlockingBuilder::default().lossy(true).buffered_lines_limit(QUEUE_LINES);
        let stderr = queued(queue().thread_name("log-stderr").finish(io::stderr()));
        let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let mut layers = vec![layer(options.format, stderr, colour)];
        if let Some(file) = &options.file {
            let writer = queued(queue().thread_name("log-file").finish(open(file)?));
            layers.push(layer(file.format, writer, false));
        }
        let layers = layers.with_filter(filter);
        tracing_subscriber::registry().with(layers).try_init().map_err(|_| LogError::Begun)?;
        Ok(Self { level, dropped, _writers: writers })
    }

    /// Writes lines from another level on.
    pub fn set_level(&self, level: LevelFilter) {
        // Fails only if the subscriber is gone, and then nothing is written anyway.
        drop(self.level.reload(targets(level)));
    }

    /// Adds what logging counts to the root registry.
    pub fn register(&self, registry: &mut Registry) {
        LogMetrics::register(registry, self.dropped.clone());
    }
}

/// Our own lines from `level` on; those of libraries only if somebody can act on them, unless everything is wanted.
fn targets(level: LevelFilter) -> Targets {
    let others = if level == LevelFilter::TRACE { level } else { level.min(LevelFilter::WARN) };
    Targets::new().with_default(others).with_target("sangam", level)
}

fn layer<S>(format: LogFormat, writer: NonBlocking, colour: bool) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let layer = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(colour);
    match format {
        LogFormat::Human => layer.with_target(false).boxed(),
        LogFormat::Json => layer.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed(),
    }
}

fn open(file: &LogFile) -> Result<rolling::RollingFileAppender, LogError> {
    let failed = |cause: String| LogError::File { path: file.path.clone(), cause };
    let name = file.path.file_name().ok_or_else(|| failed("the path does not end in a name".to_owned()))?;
    let directory = file.path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // The appender would make missing directories; a mistyped path should be told instead.
    if !directory.is_dir() {
        return Err(failed(format!("there is no directory {}", directory.display())));
    }
    let rotation = match file.rotation {
        LogRotation::Never => rolling::Rotation::NEVER,
        LogRotation::Hourly => rolling::Rotation::HOURLY,
        LogRotation::Daily => rolling::Rotation::DAILY,
    };
    rolling::Builder::new()
        .rotation(rotation)
        .filename_prefix(name.to_string_lossy())
        .max_log_files(file.files_max)
        .build(directory)
        .map_err(|error| {
            failed(std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_heard_only_when_somebody_can_act() {
        for (level, target, at, expected) in [
            (LevelFilter::INFO, "sangam_relay_server::thread", tracing::Level::INFO, true),
            (LevelFilter::INFO, "sangam", tracing::Level::DEBUG, false),
            (LevelFilter::INFO, "hyper::proto", tracing::Level::INFO, false),
            (LevelFilter::DEBUG, "rustls::conn", tracing::Level::DEBUG, false),
            (LevelFilter::DEBUG, "rustls::conn", tracing::Level::WARN, true),
            (LevelFilter::ERROR, "rustls::conn", tracing::Level::WARN, false),
            (LevelFilter::TRACE, "rustls::conn", tracing::Level::TRACE, true),
        ] {
            assert_eq!(targets(level).would_enable(target, &at), expected, "{level} {target} {at}");
        }
    }

    #[test]
    fn a_log_file_in_a_missing_directory_is_refused_with_the_mend() {
        let file = LogFile {
            path: PathBuf::from("/nonexistent/sangam.log"),
            format: LogFormat::Json,
            rotation: LogRotation::Daily,
            files_max: 3,
        };
        let error = open(&file).unwrap_err().to_string();
        assert!(error.contains("there is no directory /nonexistent") && error.contains("may write there"), "{error}");
    }
}
