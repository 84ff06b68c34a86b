//! `sangam devices subscriptions`.

use http::Method;
use sangam_net::http::percent_encoded;
use serde_json::{Value, json};

use super::show::{self, Columns};
use super::{Asked, option};
use crate::cli::devices::subscriptions::{SubscriptionArgs, SubscriptionsCommand};

const SUBSCRIPTION: Columns<'_> = &[
    ("DEVICE", "device"),
    ("ID", "id"),
    ("NOTIFY", "notify"),
    ("PATHS", "paths"),
    ("SET", "is_set"),
    ("MADE", "created_at"),
];

pub(super) fn asked(command: &SubscriptionsCommand) -> Asked {
    let ask = |method: Method, path: String, body: Option<Value>| Asked { method, path, body };
    match command {
        SubscriptionsCommand::List { device, after, limit } => {
            let filters = option("device", device.as_deref()) + &option("after", after.as_deref());
            ask(Method::GET, format!("/subscriptions?limit={}{filters}", limit.limit), None)
        }
        SubscriptionsCommand::Show(subscription) => ask(Method::GET, of(subscription), None),
        SubscriptionsCommand::Put { subscription, notify, paths, no_retry, volatile } => {
            let body = json!({ "notify": notify, "paths": paths, "persistent": !volatile, "retry": !no_retry });
            ask(Method::PUT, of(subscription), Some(body))
        }
        SubscriptionsCommand::Remove(subscription) => ask(Method::DELETE, of(subscription), None),
    }
}

pub(super) fn show(command: &SubscriptionsCommand) -> fn(&Value) -> String {
    match command {
        SubscriptionsCommand::List { .. } => |body| show::list(body, SUBSCRIPTION, "subscription"),
        SubscriptionsCommand::Show(_) | SubscriptionsCommand::Put { .. } => show::members,
        SubscriptionsCommand::Remove(_) => show::removed,
    }
}

fn of(subscription: &SubscriptionArgs) -> String {
    let (device, id) = (percent_encoded(&subscription.device.device), percent_encoded(&subscription.id));
    format!("/subscriptions/{device}/{id}")
}
