use std::collections::BTreeMap;

use super::{Failure, OutputArgs};

/// An agent tells what happened.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Notify {
    /// `ID` of the subscription; empty for [`OnBoardRequest`].
    #[prost(string, tag = "1")]
    pub subscription_id: String,
    /// Whether an answer is wanted; without one the agent tells again.
    #[prost(bool, tag = "2")]
    pub send_resp: bool,
    /// What happened.
    #[prost(oneof = "Notification", tags = "3, 4, 5, 6, 7, 8")]
    pub notification: Option<Notification>,
}

/// What happened.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Notification {
    /// An event of the data model.
    #[prost(message, tag = "3")]
    Event(Event),
    /// A value changed.
    #[prost(message, tag = "4")]
    ValueChange(ValueChange),
    /// An instance came.
    #[prost(message, tag = "5")]
    ObjectCreation(ObjectCreation),
    /// An instance went.
    #[prost(message, tag = "6")]
    ObjectDeletion(ObjectDeletion),
    /// A command that went on is done.
    #[prost(message, tag = "7")]
    OperationComplete(OperationComplete),
    /// The agent wants to be taken on.
    #[prost(message, tag = "8")]
    OnBoardRequest(OnBoardRequest),
}

/// An event of the data model.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Event {
    /// The object.
    #[prost(string, tag = "1")]
    pub obj_path: String,
    /// Its name, with `!`.
    #[prost(string, tag = "2")]
    pub event_name: String,
    /// What comes with it.
    #[prost(btree_map = "string, string", tag = "3")]
    pub params: BTreeMap<String, String>,
}

/// A value changed. It is not shown by `Debug`.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub struct ValueChange {
    /// The parameter.
    #[prost(string, tag = "1")]
    pub param_path: String,
    /// Its value.
    #[prost(string, tag = "2")]
    pub param_value: String,
}

/// An instance came.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ObjectCreation {
    /// Its path.
    #[prost(string, tag = "1")]
    pub obj_path: String,
    /// Its unique keys.
    #[prost(btree_map = "string, string", tag = "2")]
    pub unique_keys: BTreeMap<String, String>,
}

/// An instance went.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ObjectDeletion {
    /// Its path.
    #[prost(string, tag = "1")]
    pub obj_path: String,
}

/// A command that went on is done.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OperationComplete {
    /// The object of the command.
    #[prost(string, tag = "1")]
    pub obj_path: String,
    /// Its name, with `()`.
    #[prost(string, tag = "2")]
    pub command_name: String,
    /// As the controller gave it.
    #[prost(string, tag = "3")]
    pub command_key: String,
    /// How it went.
    #[prost(oneof = "OperationOutcome", tags = "4, 5")]
    pub outcome: Option<OperationOutcome>,
}

/// How a command that went on went.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum OperationOutcome {
    /// It is done.
    #[prost(message, tag = "4")]
    Output(OutputArgs),
    /// It failed.
    #[prost(message, tag = "5")]
    Failure(Failure),
}

/// The agent wants to be taken on.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OnBoardRequest {
    /// Its manufacturer, 6 hexadecimal digits.
    #[prost(string, tag = "1")]
    pub oui: String,
    /// Its product class.
    #[prost(string, tag = "2")]
    pub product_class: String,
    /// Its serial number.
    #[prost(string, tag = "3")]
    pub serial_number: String,
    /// Versions of USP it speaks, with commas between.
    #[prost(string, tag = "4")]
    pub agent_supported_protocol_versions: String,
}

/// Answers [`Notify`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct NotifyResp {
    /// As in the Notify (R-NOT.10).
    #[prost(string, tag = "1")]
    pub subscription_id: String,
}
