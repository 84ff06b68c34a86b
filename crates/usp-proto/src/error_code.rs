use std::fmt;

/// A code of TR-369 §7 (Error Codes) and §4 (USP Record Errors), carried in Error messages, in results and in Disconnect
/// Records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorCode {
    /// 7000
    MessageFailed,
    /// 7001
    MessageNotSupported,
    /// 7002
    RequestDenied,
    /// 7003
    InternalError,
    /// 7004
    InvalidArguments,
    /// 7005
    ResourcesExceeded,
    /// 7006: normal where an agent has several controllers with roles.
    PermissionDenied,
    /// 7007
    InvalidConfiguration,
    /// 7008
    InvalidPathSyntax,
    /// 7009
    ParameterActionFailed,
    /// 7010
    UnsupportedParameter,
    /// 7011
    InvalidType,
    /// 7012
    InvalidValue,
    /// 7013
    NonWriteableParameter,
    /// 7014
    ValueConflict,
    /// 7015
    OperationError,
    /// 7016
    ObjectDoesNotExist,
    /// 7017
    ObjectNotCreated,
    /// 7018
    ObjectNotATable,
    /// 7019
    NonCreatableObject,
    /// 7020
    ObjectNotUpdated,
    /// 7021
    RequiredParameterFailed,
    /// 7022
    CommandFailure,
    /// 7023
    CommandCanceled,
    /// 7024
    DeleteFailure,
    /// 7025
    DuplicateKey,
    /// 7026
    InvalidPath,
    /// 7027
    InvalidCommandArguments,
    /// 7028
    RegisterFailure,
    /// 7029
    AlreadyInUse,
    /// 7030
    DeregisterFailure,
    /// 7031
    PathAlreadyRegistered,
    /// 7100
    RecordNotParsed,
    /// 7101
    SecureSessionRequired,
    /// 7102
    SecureSessionNotSupported,
    /// 7103
    SegmentationNotSupported,
    /// 7104
    InvalidRecordValue,
    /// 7105
    SessionContextTerminated,
    /// 7106
    SessionContextNotAllowed,
    /// 7200 to 7299: what the data model says of it.
    DataModel(u32),
    /// 7800 to 7999: what the vendor says of it.
    Vendor(u32),
    /// Any other number: no code of this version of the standard.
    Other(u32),
}

/// Every code that has a name, with its number and a few words for an `err_msg`.
const NAMED: &[(ErrorCode, u32, &str)] = &[
    (ErrorCode::MessageFailed, 7000, "message failed"),
    (ErrorCode::MessageNotSupported, 7001, "message not supported"),
    (ErrorCode::RequestDenied, 7002, "request denied"),
    (ErrorCode::InternalError, 7003, "internal error"),
    (ErrorCode::InvalidArguments, 7004, "invalid arguments"),
    (ErrorCode::ResourcesExceeded, 7005, "resources exceeded"),
    (ErrorCode::PermissionDenied, 7006, "permission denied"),
    (ErrorCode::InvalidConfiguration, 7007, "invalid configuration"),
    (ErrorCode::InvalidPathSyntax, 7008, "invalid path syntax"),
    (ErrorCode::ParameterActionFailed, 7009, "parameter action failed"),
    (ErrorCode::UnsupportedParameter, 7010, "unsupported parameter"),
    (ErrorCode::InvalidType, 7011, "invalid type"),
    (ErrorCode::InvalidValue, 7012, "invalid value"),
    (ErrorCode::NonWriteableParameter, 7013, "parameter is not writeable"),
    (ErrorCode::ValueConflict, 7014, "value conflict"),
    (ErrorCode::OperationError, 7015, "operation error"),
    (ErrorCode::ObjectDoesNotExist, 7016, "object does not exist"),
    (ErrorCode::ObjectNotCreated, 7017, "object could not be created"),
    (ErrorCode::ObjectNotATable, 7018, "object is not a table"),
    (ErrorCode::NonCreatableObject, 7019, "object cannot be created"),
    (ErrorCode::ObjectNotUpdated, 7020, "object could not be updated"),
    (ErrorCode::RequiredParameterFailed, 7021, "required parameter failed"),
    (ErrorCode::CommandFailure, 7022, "command failure"),
    (ErrorCode::CommandCanceled, 7023, "command canceled"),
    (ErrorCode::DeleteFailure, 7024, "delete failure"),
    (ErrorCode::DuplicateKey, 7025, "object exists with duplicate key"),
    (ErrorCode::InvalidPath, 7026, "invalid path"),
    (ErrorCode::InvalidCommandArguments, 7027, "invalid command arguments"),
    (ErrorCode::RegisterFailure, 7028, "register failure"),
    (ErrorCode::AlreadyInUse, 7029, "path is already in use"),
    (ErrorCode::DeregisterFailure, 7030, "deregister failure"),
    (ErrorCode::PathAlreadyRegistered, 7031, "path already registered"),
    (ErrorCode::RecordNotParsed, 7100, "record could not be parsed"),
    (ErrorCode::SecureSessionRequired, 7101, "secure session required"),
    (ErrorCode::SecureSessionNotSupported, 7102, "secure session not supported"),
    (ErrorCode::SegmentationNotSupported, 7103, "segmentation and reassembly not supported"),
    (ErrorCode::InvalidRecordValue, 7104, "invalid record value"),
    (ErrorCode::SessionContextTerminated, 7105, "session context terminated"),
    (ErrorCode::SessionContextNotAllowed, 7106, "session context not allowed"),
];

impl ErrorCode {
    /// The number on the wire.
    #[must_use]
    pub fn number(self) -> u32 {
        match self {
            Self::DataModel(number) | Self::Vendor(number) | Self::Other(number) => number,
            named => NAMED.iter().find(|(code, ..)| *code == named).map_or(7000, |(_, number, _)| *number),
        }
    }

    /// A few words, the same for each code.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::DataModel(_) => "error of the data model",
            Self::Vendor(_) => "error of the vendor",
            Self::Other(_) => "unknown error",
            named => NAMED.iter().find(|(code, ..)| *code == named).map_or("", |(.., text)| text),
        }
    }
}

impl From<u32> for ErrorCode {
    fn from(number: u32) -> Self {
        match number {
            7200..=7299 => Self::DataModel(number),
            7800..=7999 => Self::Vendor(number),
            _ => NAMED.iter().find(|(_, named, _)| *named == number).map_or(Self::Other(number), |(code, ..)| *code),
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.text(), self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_one_code_and_back() {
        for number in 6_990..8_010 {
            assert_eq!(ErrorCode::from(number).number(), number);
        }
        let named = (7_000..=7_199).filter(|number| !matches!(ErrorCode::from(*number), ErrorCode::Other(_))).count();
        assert_eq!(named, 39, "7000 to 7031 and 7100 to 7106");
        assert_eq!(ErrorCode::from(7_006), ErrorCode::PermissionDenied);
        assert_eq!(ErrorCode::from(7_850), ErrorCode::Vendor(7_850));
    }
}
