/// Asks which versions of USP the other end speaks.
#[derive(Clone, PartialEq, prost::Message)]
pub struct GetSupportedProtocol {
    /// Versions of the controller, with commas between.
    #[prost(string, tag = "1")]
    pub controller_supported_protocol_versions: String,
}

/// Answers [`GetSupportedProtocol`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct GetSupportedProtocolResp {
    /// Versions of the agent, with commas between.
    #[prost(string, tag = "1")]
    pub agent_supported_protocol_versions: String,
}

/// Asks what objects, parameters, commands and events an agent knows.
#[derive(Clone, PartialEq, prost::Message)]
pub struct GetSupportedDm {
    /// Paths of the supported or the instantiated data model.
    #[prost(string, repeated, tag = "1")]
    pub obj_paths: Vec<String>,
    /// Whether only the object and the objects directly in it are told.
    #[prost(bool, tag = "2")]
    pub first_level_only: bool,
    /// With commands.
    #[prost(bool, tag = "3")]
    pub return_commands: bool,
    /// With events.
    #[prost(bool, tag = "4")]
    pub return_events: bool,
    /// With parameters.
    #[prost(bool, tag = "5")]
    pub return_params: bool,
    /// With unique keys (1.4).
    #[prost(bool, tag = "6")]
    pub return_unique_key_sets: bool,
}

/// Answers [`GetSupportedDm`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct GetSupportedDmResp {
    /// One for each path asked for.
    #[prost(message, repeated, tag = "1")]
    pub req_obj_results: Vec<RequestedObjectResult>,
}

/// What one path of a [`GetSupportedDm`] gave.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RequestedObjectResult {
    /// The path asked for.
    #[prost(string, tag = "1")]
    pub req_obj_path: String,
    /// 0, or why nothing was found.
    #[prost(fixed32, tag = "2")]
    pub err_code: u32,
    /// In words.
    #[prost(string, tag = "3")]
    pub err_msg: String,
    /// Which data model it is of.
    #[prost(string, tag = "4")]
    pub data_model_inst_uri: String,
    /// The objects.
    #[prost(message, repeated, tag = "5")]
    pub supported_objs: Vec<SupportedObjectResult>,
}

/// An object of the supported data model.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SupportedObjectResult {
    /// Its path, with `{i}` for instances.
    #[prost(string, tag = "1")]
    pub supported_obj_path: String,
    /// Whether instances may be made and removed.
    #[prost(enumeration = "ObjAccessType", tag = "2")]
    pub access: i32,
    /// Whether it is a table.
    #[prost(bool, tag = "3")]
    pub is_multi_instance: bool,
    /// Its commands.
    #[prost(message, repeated, tag = "4")]
    pub supported_commands: Vec<SupportedCommandResult>,
    /// Its events.
    #[prost(message, repeated, tag = "5")]
    pub supported_events: Vec<SupportedEventResult>,
    /// Its parameters.
    #[prost(message, repeated, tag = "6")]
    pub supported_params: Vec<SupportedParamResult>,
    /// Instances whose data models differ (1.2).
    #[prost(string, repeated, tag = "7")]
    pub divergent_paths: Vec<String>,
    /// Its unique keys (1.4).
    #[prost(message, repeated, tag = "8")]
    pub unique_key_sets: Vec<SupportedUniqueKeySet>,
}

/// A parameter of the supported data model.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SupportedParamResult {
    /// Its name.
    #[prost(string, tag = "1")]
    pub param_name: String,
    /// Whether it may be written.
    #[prost(enumeration = "ParamAccessType", tag = "2")]
    pub access: i32,
    /// Of which type its values are (1.2).
    #[prost(enumeration = "ParamValueType", tag = "3")]
    pub value_type: i32,
    /// Whether a subscription to its changes is honoured (1.2).
    #[prost(enumeration = "ValueChangeType", tag = "4")]
    pub value_change: i32,
}

/// A command of the supported data model.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SupportedCommandResult {
    /// Its name, with `()`.
    #[prost(string, tag = "1")]
    pub command_name: String,
    /// What it takes.
    #[prost(string, repeated, tag = "2")]
    pub input_arg_names: Vec<String>,
    /// What it gives.
    #[prost(string, repeated, tag = "3")]
    pub output_arg_names: Vec<String>,
    /// Whether it answers at once (1.2).
    #[prost(enumeration = "CmdType", tag = "4")]
    pub command_type: i32,
}

/// An event of the supported data model.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SupportedEventResult {
    /// Its name, with `!`.
    #[prost(string, tag = "1")]
    pub event_name: String,
    /// What comes with it.
    #[prost(string, repeated, tag = "2")]
    pub arg_names: Vec<String>,
}

/// A unique key of a table.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SupportedUniqueKeySet {
    /// Parameters that are unique together.
    #[prost(string, repeated, tag = "1")]
    pub key_names: Vec<String>,
}

/// Whether instances may be made and removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, prost::Enumeration)]
pub enum ObjAccessType {
    /// Neither.
    ReadOnly = 0,
    /// Both.
    AddDelete = 1,
    /// Made only.
    AddOnly = 2,
    /// Removed only.
    DeleteOnly = 3,
}

/// Whether a parameter may be read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, prost::Enumeration)]
pub enum ParamAccessType {
    /// Read.
    ReadOnly = 0,
    /// Both.
    ReadWrite = 1,
    /// Written.
    WriteOnly = 2,
}

/// Base type of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, prost::Enumeration)]
pub enum ParamValueType {
    /// Not told: an agent before 1.2.
    Unknown = 0,
    /// `base64`
    Base64 = 1,
    /// `boolean`
    Boolean = 2,
    /// `dateTime`
    DateTime = 3,
    /// `decimal`
    Decimal = 4,
    /// `hexBinary`
    HexBinary = 5,
    /// `int`
    Int = 6,
    /// `long`
    Long = 7,
    /// `string`
    String = 8,
    /// `unsignedInt`
    UnsignedInt = 9,
    /// `unsignedLong`
    UnsignedLong = 10,
}

/// Whether a subscription to a parameter's changes is honoured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, prost::Enumeration)]
pub enum ValueChangeType {
    /// Not told: an agent before 1.2.
    Unknown = 0,
    /// It is.
    Allowed = 1,
    /// It is not.
    WillIgnore = 2,
}

/// How a command answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, prost::Enumeration)]
pub enum CmdType {
    /// Not told: an agent before 1.2.
    Unknown = 0,
    /// At once.
    Sync = 1,
    /// Later, by OperationComplete.
    Async = 2,
}
