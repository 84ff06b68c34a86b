//! USP messages (TR-369 §7, usp-msg-1-4).
//!
//! [`Message`] is what the rest of the crate works with: an id and one request, response or error. Field names are those of
//! the standard; where several of its messages are one and the same thing, there is one type here ([`Failure`],
//! [`PathError`], [`ParamSetting`], [`ObjectSettings`]).

mod add;
mod capabilities;
mod debug;
mod delete;
mod envelope;
mod get;
mod notify;
mod operate;
mod register;
mod set;
mod shapes;

pub use add::{Add, AddOutcome, AddResp, AddStatus, AddSuccess, CreatedObjectResult};
pub use capabilities::{
    CmdType, GetSupportedDm, GetSupportedDmResp, GetSupportedProtocol, GetSupportedProtocolResp, ObjAccessType,
    ParamAccessType, ParamValueType, RequestedObjectResult, SupportedCommandResult, SupportedEventResult,
    SupportedObjectResult, SupportedParamResult, SupportedUniqueKeySet, ValueChangeType,
};
pub use delete::{Delete, DeleteOutcome, DeleteResp, DeleteStatus, DeleteSuccess, DeletedObjectResult};
pub use envelope::{Content, Decoded, Message, MessageFault, MsgType, Request, Response, peek_request};
pub use get::{
    CurrInstance, Get, GetInstances, GetInstancesResp, GetResp, InstancesPathResult, RequestedPathResult,
    ResolvedPathResult,
};
pub use notify::{
    Event, Notification, Notify, NotifyResp, ObjectCreation, ObjectDeletion, OnBoardRequest, OperationComplete,
    OperationOutcome, ValueChange,
};
pub use operate::{Operate, OperateOutcome, OperateResp, OperationResult, OutputArgs};
pub use register::{
    Deregister, DeregisterOutcome, DeregisterResp, DeregisterStatus, DeregisteredPathResult, DeregisteredPaths,
    Register, RegisterOutcome, RegisterResp, RegisterStatus, RegisteredPath, RegisteredPathResult, RegistrationPath,
};
pub use set::{
    Set, SetFailure, SetOutcome, SetResp, SetStatus, SetSuccess, UpdatedInstanceFailure, UpdatedInstanceResult,
    UpdatedObjectResult,
};

use crate::error_code::ErrorCode;

/// The whole of a request failed.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Error {
    /// A number of [`ErrorCode`].
    #[prost(fixed32, tag = "1")]
    pub err_code: u32,
    /// In words.
    #[prost(string, tag = "2")]
    pub err_msg: String,
    /// Which paths made it fail.
    #[prost(message, repeated, tag = "3")]
    pub param_errs: Vec<PathError>,
}

impl Error {
    /// An error that says its code in words.
    #[must_use]
    pub fn of(code: ErrorCode) -> Self {
        Self { err_code: code.number(), err_msg: code.text().to_owned(), param_errs: Vec::new() }
    }

    /// Its code.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.err_code.into()
    }
}

/// One operation failed (`OperationFailure`, `CommandFailure` of the standard).
#[derive(Clone, PartialEq, prost::Message)]
pub struct Failure {
    /// A number of [`ErrorCode`].
    #[prost(fixed32, tag = "1")]
    pub err_code: u32,
    /// In words.
    #[prost(string, tag = "2")]
    pub err_msg: String,
}

impl Failure {
    /// A failure that says its code in words.
    #[must_use]
    pub fn of(code: ErrorCode) -> Self {
        Self { err_code: code.number(), err_msg: code.text().to_owned() }
    }

    /// Its code.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.err_code.into()
    }
}

/// Something failed at a path (`ParamError`, `ParameterError`, `UnaffectedPathError` of the standard).
#[derive(Clone, PartialEq, prost::Message)]
pub struct PathError {
    /// The path, or the parameter's name within its object.
    #[prost(string, tag = "1")]
    pub path: String,
    /// A number of [`ErrorCode`].
    #[prost(fixed32, tag = "2")]
    pub err_code: u32,
    /// In words.
    #[prost(string, tag = "3")]
    pub err_msg: String,
}

impl PathError {
    /// An error at `path` that says its code in words.
    #[must_use]
    pub fn of(path: impl Into<String>, code: ErrorCode) -> Self {
        Self { path: path.into(), err_code: code.number(), err_msg: code.text().to_owned() }
    }

    /// Its code.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.err_code.into()
    }
}

/// A value to be written (`CreateParamSetting`, `UpdateParamSetting` of the standard). Its value is not shown by `Debug`.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub struct ParamSetting {
    /// The parameter, relative to its object.
    #[prost(string, tag = "1")]
    pub param: String,
    /// The value as text.
    #[prost(string, tag = "2")]
    pub value: String,
    /// Whether the object fails if this fails.
    #[prost(bool, tag = "3")]
    pub required: bool,
}

impl ParamSetting {
    /// A value that must be written.
    #[must_use]
    pub fn required(param: impl Into<String>, value: impl Into<String>) -> Self {
        Self { param: param.into(), value: value.into(), required: true }
    }

    /// A value that need not be written.
    #[must_use]
    pub fn optional(param: impl Into<String>, value: impl Into<String>) -> Self {
        Self { param: param.into(), value: value.into(), required: false }
    }
}

/// An object to be created or changed (`CreateObject`, `UpdateObject` of the standard).
#[derive(Clone, PartialEq, prost::Message)]
pub struct ObjectSettings {
    /// The table or the object, or a search for it.
    #[prost(string, tag = "1")]
    pub obj_path: String,
    /// Its values.
    #[prost(message, repeated, tag = "2")]
    pub param_settings: Vec<ParamSetting>,
}
