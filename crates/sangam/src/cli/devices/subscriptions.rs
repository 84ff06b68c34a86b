//! `sangam devices subscriptions`: one definition per flag.

use clap::{Args, Subcommand};

use super::{DeviceArgs, LimitArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum SubscriptionsCommand {
    /// Lists what devices are to tell by themselves: one device, or all
    List {
        /// Its id
        #[arg(value_name = "DEVICE")]
        device: Option<String>,
        /// Those after the cursor that the page before has said
        #[arg(long, value_name = "CURSOR")]
        after: Option<String>,
        #[command(flatten)]
        limit: LimitArgs,
    },
    /// Shows a subscription
    Show(SubscriptionArgs),
    /// Makes a subscription, or puts another in its place
    Put {
        #[command(flatten)]
        subscription: SubscriptionArgs,
        /// ValueChange, ObjectCreation, ObjectDeletion, OperationComplete, Event
        #[arg(value_name = "NOTIFY")]
        notify: String,
        /// Of which parameters, objects, commands or events
        #[arg(value_name = "PATH", required = true)]
        paths: Vec<String>,
        /// It is told once and not until it is answered; in CWMP, with the next Inform and not at once
        #[arg(long)]
        no_retry: bool,
        /// It ends with the agent's next boot
        #[arg(long)]
        volatile: bool,
    },
    /// Takes a subscription away
    Remove(SubscriptionArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SubscriptionArgs {
    #[command(flatten)]
    pub(crate) device: DeviceArgs,
    /// Its id at that device
    #[arg(value_name = "ID")]
    pub(crate) id: String,
}
