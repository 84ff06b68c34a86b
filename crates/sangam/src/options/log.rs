//! `[log]` for `telemetry`.

use std::io::IsTerminal as _;

use sangam_config::sections::log::{Format, Level, Log, Rotation};
use sangam_telemetry::logs::{LogFile, LogFormat, LogOptions, LogRotation};
use tracing::level_filters::LevelFilter;

pub(crate) fn log_options(log: &Log) -> LogOptions {
    let format = match log.format {
        Format::Auto if std::io::stderr().is_terminal() => LogFormat::Human,
        Format::Auto | Format::Json => LogFormat::Json,
        Format::Human => LogFormat::Human,
    };
    // A file is not a terminal.
    let file_format = if log.format == Format::Human { LogFormat::Human } else { LogFormat::Json };
    let rotation = match log.rotation {
        Rotation::Never => LogRotation::Never,
        Rotation::Hourly => LogRotation::Hourly,
        Rotation::Daily => LogRotation::Daily,
    };
    let file = log.file.clone().map(|path| LogFile { path, format: file_format, rotation, files_max: log.files_max });
    LogOptions { level: level_filter(log.level), format, file }
}

pub(crate) fn level_filter(level: Level) -> LevelFilter {
    match level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    }
}
