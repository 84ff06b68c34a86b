use bytes::Bytes;
use prost::Message as _;

use super::shapes;
use super::{
    Add, AddResp, Delete, DeleteResp, Deregister, DeregisterResp, Error, Get, GetInstances, GetInstancesResp, GetResp,
    GetSupportedDm, GetSupportedDmResp, GetSupportedProtocol, GetSupportedProtocolResp, Notify, NotifyResp, Operate,
    OperateResp, Register, RegisterResp, Set, SetResp,
};
use crate::error_code::ErrorCode;
use crate::limits::UspLimits;
use crate::shape::{Value, WireFault, next_field};

/// A message: an id, and what it says.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Unique among the requests of its sender; a response or an error has its request's.
    pub msg_id: String,
    /// What it says.
    pub content: Content,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Asks.
    Request(Request),
    /// Answers.
    Response(Response),
    /// Answers that the whole request failed.
    Error(Error),
}

/// A message, and what its header claimed of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// The message, as its body is.
    pub message: Message,
    /// Whether the header names the type that the body is of. Where it does not, the body counts (R-MSG.10).
    pub header_agrees: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Msg {
    #[prost(message, optional, tag = "1")]
    header: Option<Header>,
    #[prost(message, optional, tag = "2")]
    body: Option<Body>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Header {
    #[prost(string, tag = "1")]
    msg_id: String,
    #[prost(enumeration = "MsgType", tag = "2")]
    msg_type: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Body {
    #[prost(oneof = "BodyContent", tags = "1, 2, 3")]
    content: Option<BodyContent>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum BodyContent {
    #[prost(message, tag = "1")]
    Request(RequestBody),
    #[prost(message, tag = "2")]
    Response(ResponseBody),
    #[prost(message, tag = "3")]
    Error(Error),
}

#[derive(Clone, PartialEq, prost::Message)]
struct RequestBody {
    #[prost(oneof = "Request", tags = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11")]
    request: Option<Request>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ResponseBody {
    #[prost(oneof = "Response", tags = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11")]
    response: Option<Response>,
}

/// A request.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Request {
    /// Values.
    #[prost(message, tag = "1")]
    Get(Get),
    /// The supported data model.
    #[prost(message, tag = "2")]
    GetSupportedDm(GetSupportedDm),
    /// Instances.
    #[prost(message, tag = "3")]
    GetInstances(GetInstances),
    /// Writes values.
    #[prost(message, tag = "4")]
    Set(Set),
    /// Creates instances.
    #[prost(message, tag = "5")]
    Add(Add),
    /// Removes instances.
    #[prost(message, tag = "6")]
    Delete(Delete),
    /// Runs a command.
    #[prost(message, tag = "7")]
    Operate(Operate),
    /// Tells what happened; from agents.
    #[prost(message, tag = "8")]
    Notify(Notify),
    /// The versions of USP.
    #[prost(message, tag = "9")]
    GetSupportedProtocol(GetSupportedProtocol),
    /// Offers parts of the data model; from agents.
    #[prost(message, tag = "10")]
    Register(Register),
    /// Takes them back; from agents.
    #[prost(message, tag = "11")]
    Deregister(Deregister),
}

/// A response.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Response {
    /// To Get.
    #[prost(message, tag = "1")]
    Get(GetResp),
    /// To GetSupportedDM.
    #[prost(message, tag = "2")]
    GetSupportedDm(GetSupportedDmResp),
    /// To GetInstances.
    #[prost(message, tag = "3")]
    GetInstances(GetInstancesResp),
    /// To Set.
    #[prost(message, tag = "4")]
    Set(SetResp),
    /// To Add.
    #[prost(message, tag = "5")]
    Add(AddResp),
    /// To Delete.
    #[prost(message, tag = "6")]
    Delete(DeleteResp),
    /// To Operate.
    #[prost(message, tag = "7")]
    Operate(OperateResp),
    /// To Notify.
    #[prost(message, tag = "8")]
    Notify(NotifyResp),
    /// To GetSupportedProtocol.
    #[prost(message, tag = "9")]
    GetSupportedProtocol(GetSupportedProtocolResp),
    /// To Register.
    #[prost(message, tag = "10")]
    Register(RegisterResp),
    /// To Deregister.
    #[prost(message, tag = "11")]
    Deregister(DeregisterResp),
}

/// What a header says of its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[expect(missing_docs, reason = "named as the standard names them")]
pub enum MsgType {
    Error = 0,
    Get = 1,
    GetResp = 2,
    Notify = 3,
    Set = 4,
    SetResp = 5,
    Operate = 6,
    OperateResp = 7,
    Add = 8,
    AddResp = 9,
    Delete = 10,
    DeleteResp = 11,
    GetSupportedDm = 12,
    GetSupportedDmResp = 13,
    GetInstances = 14,
    GetInstancesResp = 15,
    NotifyResp = 16,
    GetSupportedProto = 17,
    GetSupportedProtoResp = 18,
    Register = 19,
    RegisterResp = 20,
    Deregister = 21,
    DeregisterResp = 22,
}

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum MessageFault {
    /// Larger than [`UspLimits::message_bytes_max`].
    #[error("the message is too large")]
    TooLarge,
    /// Not the bytes of a message.
    #[error("the message is malformed: {0}")]
    Wire(WireFault),
    /// No header, or no id in it (R-MSG.6, R-MSG.8).
    #[error("the message has no id")]
    NoId,
    /// An id longer than [`UspLimits::id_bytes_max`].
    #[error("the message's id is too long")]
    IdTooLong,
    /// No body, or none of a known type (R-MSG.7).
    #[error("the message is of no known type")]
    NoBody,
    /// The header says that it asks and the body answers, or the like.
    #[error("header and body do not agree on whether it asks or answers")]
    HeaderDiffers,
}

impl MessageFault {
    /// A label for counting, one of a fixed set.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::TooLarge => "message_too_large",
            Self::Wire(fault) => fault.label(),
            Self::NoId => "no_message_id",
            Self::IdTooLong => "message_id_too_long",
            Self::NoBody => "no_message_body",
            Self::HeaderDiffers => "header_differs",
        }
    }

    /// The code of the Error that answers it, where it may be answered (R-MTP.5, R-ENC.5).
    #[must_use]
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::TooLarge => ErrorCode::ResourcesExceeded,
            Self::NoBody => ErrorCode::MessageNotSupported,
            Self::Wire(WireFault::TooManyElements | WireFault::TooDeep) => ErrorCode::ResourcesExceeded,
            Self::Wire(_) | Self::NoId | Self::IdTooLong | Self::HeaderDiffers => ErrorCode::InvalidArguments,
        }
    }
}

impl Message {
    /// A request.
    #[must_use]
    pub fn request(msg_id: impl Into<String>, request: Request) -> Self {
        Self { msg_id: msg_id.into(), content: Content::Request(request) }
    }

    /// A response.
    #[must_use]
    pub fn response(msg_id: impl Into<String>, response: Response) -> Self {
        Self { msg_id: msg_id.into(), content: Content::Response(response) }
    }

    /// An error.
    #[must_use]
    pub fn error(msg_id: impl Into<String>, error: Error) -> Self {
        Self { msg_id: msg_id.into(), content: Content::Error(error) }
    }

    /// The type that its header names.
    #[must_use]
    pub const fn msg_type(&self) -> MsgType {
        match &self.content {
            Content::Request(request) => request.msg_type(),
            Content::Response(response) => response.msg_type(),
            Content::Error(_) => MsgType::Error,
        }
    }

    /// Reads a message.
    ///
    /// # Errors
    /// What is wrong with it, by [`MessageFault`].
    pub fn decode(bytes: &[u8], limits: &UspLimits) -> Result<Decoded, MessageFault> {
        if bytes.len() > limits.message_bytes_max {
            return Err(MessageFault::TooLarge);
        }
        shapes::MSG.check(bytes, limits).map_err(MessageFault::Wire)?;
        let msg = Msg::decode(bytes).map_err(|_| MessageFault::Wire(WireFault::NotUtf8))?;
        let header = msg.header.filter(|header| !header.msg_id.is_empty()).ok_or(MessageFault::NoId)?;
        if header.msg_id.len() > limits.id_bytes_max {
            return Err(MessageFault::IdTooLong);
        }
        let content = match msg.body.and_then(|body| body.content).ok_or(MessageFault::NoBody)? {
            BodyContent::Request(body) => Content::Request(body.request.ok_or(MessageFault::NoBody)?),
            BodyContent::Response(body) => Content::Response(body.response.ok_or(MessageFault::NoBody)?),
            BodyContent::Error(error) => Content::Error(error),
        };
        let claimed = header.msg_type();
        let message = Self { msg_id: header.msg_id, content };
        if claimed.class() != message.msg_type().class() {
            return Err(MessageFault::HeaderDiffers);
        }
        let header_agrees = claimed == message.msg_type();
        Ok(Decoded { message, header_agrees })
    }

    /// The bytes of it.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let content = match self.content.clone() {
            Content::Request(request) => BodyContent::Request(RequestBody { request: Some(request) }),
            Content::Response(response) => BodyContent::Response(ResponseBody { response: Some(response) }),
            Content::Error(error) => BodyContent::Error(error),
        };
        let header = Header { msg_id: self.msg_id.clone(), msg_type: self.msg_type().into() };
        let msg = Msg { header: Some(header), body: Some(Body { content: Some(content) }) };
        Bytes::from(msg.encode_to_vec())
    }
}

/// The id of a message that is a request, for the Error that answers it although it could not be read as a whole (R-MTP.5).
/// `None` if it is no request or that cannot be told.
#[must_use]
pub fn peek_request(bytes: &[u8], limits: &UspLimits) -> Option<String> {
    if bytes.len() > limits.message_bytes_max {
        return None;
    }
    let (mut rest, mut id, mut asks) = (bytes, None, false);
    while !(rest.is_empty() || id.is_some() && asks) {
        match next_field(&mut rest).ok()? {
            (1, Value::Bytes(header)) => {
                shapes::HEADER.check(header, limits).ok()?;
                id = Some(Header::decode(header).ok()?.msg_id);
            }
            (2, Value::Bytes(mut body)) => asks = matches!(next_field(&mut body).ok()?, (1, _)),
            _ => {}
        }
    }
    id.filter(|id| asks && !id.is_empty() && id.len() <= limits.id_bytes_max)
}

/// Whether a message asks, answers, or says that it failed.
#[derive(PartialEq)]
enum Class {
    Request,
    Response,
    Error,
}

impl MsgType {
    const fn class(self) -> Class {
        match self {
            Self::Error => Class::Error,
            Self::Get
            | Self::Notify
            | Self::Set
            | Self::Operate
            | Self::Add
            | Self::Delete
            | Self::GetSupportedDm
            | Self::GetInstances
            | Self::GetSupportedProto
            | Self::Register
            | Self::Deregister => Class::Request,
            Self::GetResp
            | Self::SetResp
            | Self::OperateResp
            | Self::AddResp
            | Self::DeleteResp
            | Self::GetSupportedDmResp
            | Self::GetInstancesResp
            | Self::NotifyResp
            | Self::GetSupportedProtoResp
            | Self::RegisterResp
            | Self::DeregisterResp => Class::Response,
        }
    }
}

impl Request {
    /// The type that a header names for it.
    #[must_use]
    pub const fn msg_type(&self) -> MsgType {
        match self {
            Self::Get(_) => MsgType::Get,
            Self::GetSupportedDm(_) => MsgType::GetSupportedDm,
            Self::GetInstances(_) => MsgType::GetInstances,
            Self::Set(_) => MsgType::Set,
            Self::Add(_) => MsgType::Add,
            Self::Delete(_) => MsgType::Delete,
            Self::Operate(_) => MsgType::Operate,
            Self::Notify(_) => MsgType::Notify,
            Self::GetSupportedProtocol(_) => MsgType::GetSupportedProto,
            Self::Register(_) => MsgType::Register,
            Self::Deregister(_) => MsgType::Deregister,
        }
    }
}

impl Response {
    /// The type that a header names for it.
    #[must_use]
    pub const fn msg_type(&self) -> MsgType {
        match self {
            Self::Get(_) => MsgType::GetResp,
            Self::GetSupportedDm(_) => MsgType::GetSupportedDmResp,
            Self::GetInstances(_) => MsgType::GetInstancesResp,
            Self::Set(_) => MsgType::SetResp,
            Self::Add(_) => MsgType::AddResp,
            Self::Delete(_) => MsgType::DeleteResp,
            Self::Operate(_) => MsgType::OperateResp,
            Self::Notify(_) => MsgType::NotifyResp,
            Self::GetSupportedProtocol(_) => MsgType::GetSupportedProtoResp,
            Self::Register(_) => MsgType::RegisterResp,
            Self::Deregister(_) => MsgType::DeregisterResp,
        }
    }

    /// Whether it is of the kind that answers a request of this type.
    #[must_use]
    pub const fn answers(&self, request: MsgType) -> bool {
        matches!(
            (request, self),
            (MsgType::Get, Self::Get(_))
                | (MsgType::GetSupportedDm, Self::GetSupportedDm(_))
                | (MsgType::GetInstances, Self::GetInstances(_))
                | (MsgType::Set, Self::Set(_))
                | (MsgType::Add, Self::Add(_))
                | (MsgType::Delete, Self::Delete(_))
                | (MsgType::Operate, Self::Operate(_))
                | (MsgType::Notify, Self::Notify(_))
                | (MsgType::GetSupportedProto, Self::GetSupportedProtocol(_))
                | (MsgType::Register, Self::Register(_))
                | (MsgType::Deregister, Self::Deregister(_))
        )
    }
}
