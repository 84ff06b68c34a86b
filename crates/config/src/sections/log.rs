//! `[log]`: logs.

use std::borrow::Cow;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::sections::Check;

/// Logs.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// The least important lines that are written: `error`, `warn`, `info`, `debug`, `trace`, in any case.
    #[schemars(extend("x-reload" = "live"))]
    pub level: Level,
    /// How lines look: `human`, `json`, or `auto` (human on a terminal, JSON elsewhere).
    #[schemars(extend("x-reload" = "restart"))]
    pub format: Format,
    /// A file for the logs besides standard error.
    #[schemars(extend("x-reload" = "restart"))]
    pub file: Option<PathBuf>,
    /// When a new file is begun: `never`, `hourly`, `daily`.
    #[schemars(extend("x-reload" = "restart"))]
    pub rotation: Rotation,
    /// How many files are kept when a new one is begun.
    #[schemars(extend("x-reload" = "restart"))]
    pub files_max: usize,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: Level::Info, format: Format::Auto, file: None, rotation: Rotation::Daily, files_max: 14 }
    }
}

impl Log {
    pub(crate) fn validate(&self, check: &mut Check) {
        check.within("files_max", self.files_max, 1, 1_000);
        let file = self.file.as_deref();
        check.require(
            file.is_none_or(|file| file.file_name().is_some()),
            "file",
            "the path does not end in a file name; write one, such as \"/var/log/sangam/sangam.log\"",
        );
    }
}

/// How important a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Somebody must act.
    Error,
    /// Somebody can act.
    Warn,
    /// What an operator wants to know.
    Info,
    /// What a developer wants to know.
    Debug,
    /// Everything.
    Trace,
}

impl Level {
    /// In lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }

    /// The spellings of the guides and of other logging systems, in lower case.
    fn parse(text: &str) -> Option<Self> {
        Some(match text.trim().to_ascii_lowercase().as_str() {
            "error" | "err" | "fatal" | "critical" => Self::Error,
            "warn" | "warning" => Self::Warn,
            "info" | "notice" => Self::Info,
            "debug" => Self::Debug,
            "trace" => Self::Trace,
            _ => return None,
        })
    }
}

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            de::Error::custom(format_args!("`{text}` is not a log level; write error, warn, info, debug or trace"))
        })
    }
}

impl JsonSchema for Level {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Level".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^(?i)(error|warn|warning|info|debug|trace)$" })
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Format {
    /// Human on a terminal, JSON elsewhere.
    Auto,
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// When a new log file is begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Rotation {
    /// One file for ever.
    Never,
    /// Each hour.
    Hourly,
    /// Each day.
    Daily,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_read_in_any_case_and_in_the_spellings_of_others() {
        for (text, level) in
            [("INFO", Level::Info), ("Warning", Level::Warn), ("debug", Level::Debug), (" ERROR ", Level::Error)]
        {
            assert_eq!(Level::parse(text), Some(level), "{text}");
        }
        assert_eq!(Level::parse("loud"), None);
    }
}
