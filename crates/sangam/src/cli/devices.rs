//! `sangam devices`: one definition per flag.

pub(crate) mod alarms;
pub(crate) mod profiles;
pub(crate) mod subscriptions;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use self::{alarms::AlarmsCommand, profiles::ProfilesCommand, subscriptions::SubscriptionsCommand};
use super::api::{ApiArgs, TOKEN_HELP};

#[derive(Debug, Args)]
#[command(after_help = TOKEN_HELP)]
pub(crate) struct DevicesArgs {
    #[command(subcommand)]
    pub(crate) command: DevicesCommand,
    #[command(flatten)]
    pub(crate) api: ApiArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DevicesCommand {
    /// Lists devices, in the order in which they became known
    List {
        #[command(flatten)]
        filter: FilterArgs,
        /// Those after the cursor that the page before has said
        #[arg(long, value_name = "CURSOR")]
        after: Option<String>,
        #[command(flatten)]
        limit: LimitArgs,
    },
    /// Shows a device
    Show(DeviceArgs),
    /// Lists values of parameters as they are known, in the order of their paths
    Parameters {
        #[command(flatten)]
        device: DeviceArgs,
        /// Those below it: Device.WiFi.
        #[arg(long, value_name = "PATH")]
        below: Option<String>,
        /// Those whose paths come after that one
        #[arg(long, value_name = "PATH")]
        after: Option<String>,
        #[command(flatten)]
        limit: LimitArgs,
    },
    /// Lists what values were, newest first
    History {
        #[command(flatten)]
        device: DeviceArgs,
        /// Of this parameter, or of all below it if it ends with a dot
        #[arg(long, value_name = "PATH")]
        path: Option<String>,
        /// Those after the cursor that the page before has said
        #[arg(long, value_name = "CURSOR")]
        after: Option<String>,
        #[command(flatten)]
        limit: LimitArgs,
    },
    /// Lists what a device told, newest first
    Events {
        #[command(flatten)]
        device: DeviceArgs,
        /// Those before the one of that number
        #[arg(long, value_name = "NUMBER")]
        after: Option<u64>,
        #[command(flatten)]
        limit: LimitArgs,
    },
    /// Lists tasks, newest first: of one device, or of all
    Tasks {
        /// Its id
        #[arg(value_name = "DEVICE")]
        device: Option<String>,
        /// Those in this state: queued, sent, done, failed, unknown
        #[arg(long, value_name = "STATE")]
        state: Option<String>,
        /// Those before the one of that number
        #[arg(long, value_name = "TASK")]
        after: Option<u64>,
        #[command(flatten)]
        limit: LimitArgs,
    },
    /// Shows a task and what came of it
    Task(TaskArgs),
    /// Orders something of a device; it is done in the device's next session
    Order(OrderArgs),
    /// Has a device run a test; it does when its next session is over, and `diagnostics` shows what it found
    Diagnose(DiagnoseArgs),
    /// Lists tests and what they found, newest first
    Diagnostics {
        /// Those of this device
        #[arg(value_name = "DEVICE")]
        device: Option<String>,
        /// Of this kind: ping, traceroute, download, upload, udpecho, serverselection
        #[arg(long, value_name = "KIND")]
        kind: Option<String>,
        /// Those before the test of that number
        #[arg(long, value_name = "TEST")]
        after: Option<u64>,
        #[command(flatten)]
        limit: LimitArgs,
    },
    /// Takes back a task that was not sent
    Cancel(TaskArgs),
    /// Makes a device one of ours
    Enroll(DeviceArgs),
    /// Refuses a device from now on
    Block(DeviceArgs),
    /// Gives a device a tag, or takes it away
    Tag {
        #[command(flatten)]
        device: DeviceArgs,
        /// What it is called
        #[arg(value_name = "TAG")]
        tag: String,
        /// Takes it away
        #[arg(long)]
        remove: bool,
    },
    /// Lets a device that was reset to what it was in the factory log in as new ones do
    ForgetLogin(DeviceArgs),
    /// Forgets a device and all that is known of it
    Remove {
        #[command(flatten)]
        device: DeviceArgs,
        /// Says that this is meant
        #[arg(long, required = true)]
        yes: bool,
    },
    /// What devices are to be set to, by who they are
    #[command(subcommand)]
    Profiles(ProfilesCommand),
    /// What is wrong with devices
    #[command(subcommand)]
    Alarms(AlarmsCommand),
    /// What devices are to tell by themselves
    #[command(subcommand)]
    Subscriptions(SubscriptionsCommand),
    /// Makes devices known before they come, one JSON object a line: oui, product_class, serial_number, tags, username, password
    Import {
        /// The file; - is standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(crate) struct DeviceArgs {
    /// Its id, as `list` has it: 00D09E-Box-A1
    #[arg(value_name = "DEVICE")]
    pub(crate) device: String,
}

#[derive(Debug, Args)]
pub(crate) struct TaskArgs {
    /// Its number
    #[arg(value_name = "TASK")]
    pub(crate) task: u64,
}

#[derive(Debug, Args)]
pub(crate) struct FilterArgs {
    /// Those in this state: pending, enrolled, blocked
    #[arg(long, value_name = "STATE")]
    pub(crate) state: Option<String>,
    /// Those that have it
    #[arg(long, value_name = "TAG")]
    pub(crate) tag: Option<String>,
    /// Those of it
    #[arg(long, value_name = "NAME")]
    pub(crate) manufacturer: Option<String>,
    /// Those of it
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Option<String>,
    /// Those in whose serial number, model, versions or tags it stands
    #[arg(long, value_name = "TEXT")]
    pub(crate) search: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct OrderArgs {
    #[command(flatten)]
    pub(crate) device: DeviceArgs,
    /// What: get_values, set_values, refresh, reboot, factory_reset, download …
    #[arg(value_name = "KIND")]
    pub(crate) kind: String,
    /// What a task of that kind needs, as JSON: {"paths": ["Device.WiFi."]}
    #[arg(long, value_name = "JSON")]
    pub(crate) payload: Option<String>,
    /// A file with it, for what nobody should see; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "payload")]
    pub(crate) payload_file: Option<PathBuf>,
    /// Higher ones are first
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) priority: u8,
    /// Not sent before: 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) not_before: Option<String>,
    /// Not sent from then on
    #[arg(long, value_name = "TIME")]
    pub(crate) expires: Option<String>,
    /// The same order with the same key is one task, however often it is sent
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct DiagnoseArgs {
    #[command(flatten)]
    pub(crate) device: DeviceArgs,
    /// Which: ping, traceroute, download, upload, udpecho, serverselection
    #[arg(value_name = "KIND")]
    pub(crate) kind: String,
    /// What it takes: host=192.0.2.1 repetitions=4, url=http://…, hosts=a.example,b.example
    #[arg(value_name = "NAME=VALUE")]
    pub(crate) inputs: Vec<String>,
    /// The same order with the same key is one test, however often it is sent
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct LimitArgs {
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub(crate) limit: usize,
}
