//! `sangam devices profiles`: one definition per flag.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{DeviceArgs, LimitArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum ProfilesCommand {
    /// Lists profiles, in the order in which they were made
    List {
        /// Those after the one of that number
        #[arg(long, value_name = "PROFILE")]
        after: Option<u64>,
        #[command(flatten)]
        limit: LimitArgs,
    },
    /// Shows a profile
    Show(ProfileArgs),
    /// Says what is wanted of a device, what differs, and what is done about it
    Of(DeviceArgs),
    /// Has a device told everything that is wanted of it now, whatever was tried before
    Apply(DeviceArgs),
    /// Makes a profile
    Create {
        /// It, as JSON; - is standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The same profile with the same key is made once, however often it is sent
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
    },
    /// Puts another in the place of a profile
    Replace {
        #[command(flatten)]
        profile: ProfileArgs,
        /// It, as JSON; - is standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Only if it still has this revision, as `show` has it
        #[arg(long, value_name = "N")]
        revision: Option<u32>,
    },
    /// Deletes a profile; devices keep what they were set to
    Remove {
        #[command(flatten)]
        profile: ProfileArgs,
        /// Says that this is meant
        #[arg(long, required = true)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ProfileArgs {
    /// Its number
    #[arg(value_name = "PROFILE")]
    pub(crate) profile: u64,
}
