//! `sangam devices alarms`: one definition per flag.

use clap::{Args, Subcommand};

use super::LimitArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum AlarmsCommand {
    /// Lists alarms, newest first
    List {
        /// Of this device alone
        #[arg(long, value_name = "DEVICE")]
        device: Option<String>,
        /// Those that are: active, acknowledged, cleared
        #[arg(long, value_name = "STATUS")]
        status: Option<String>,
        /// Those at least as bad: info, warning, minor, major, critical
        #[arg(long, value_name = "SEVERITY")]
        severity: Option<String>,
        /// Those of it: connectivity, security, provisioning, task, device
        #[arg(long, value_name = "CATEGORY")]
        category: Option<String>,
        /// Those before the one of that number
        #[arg(long, value_name = "ALARM")]
        after: Option<u64>,
        #[command(flatten)]
        limit: LimitArgs,
    },
    /// Counts the alarms that are not cleared
    Stats,
    /// Shows an alarm
    Show(AlarmArgs),
    /// Says that somebody has seen it
    Acknowledge(AlarmArgs),
    /// Says that it is over
    Clear {
        #[command(flatten)]
        alarm: AlarmArgs,
        /// What was done about it
        #[arg(long, value_name = "TEXT")]
        resolution: Option<String>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct AlarmArgs {
    /// Its number
    #[arg(value_name = "ALARM")]
    pub(crate) alarm: u64,
}
