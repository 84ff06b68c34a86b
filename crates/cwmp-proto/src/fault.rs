use crate::decode::Namespaces;
use crate::reader::Reader;
use crate::wire::{Bound, Field as _, structure};
use crate::writer::Writer;
use crate::{Namespace, SoapError};

/// A SOAP fault, in place of a response (TR-069 Amendment 6 §3.5 and Annex A.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Whose mistake SOAP says it is.
    pub fault_code: SoapFaultCode,
    /// `CWMP fault`, when it is one.
    pub fault_string: String,
    /// What CWMP says of it. `None`: a fault of SOAP alone.
    pub detail: Option<CwmpFault>,
}

impl Fault {
    /// A fault of CWMP with the text of its code.
    #[must_use]
    pub fn new(code: FaultCode) -> Self {
        Self::with_text(code, code.text())
    }

    /// A fault of CWMP with a text of one's own.
    pub fn with_text(code: FaultCode, text: impl Into<String>) -> Self {
        let detail = CwmpFault { code, text: text.into(), parameters: Vec::new() };
        Self { fault_code: code.blame(), fault_string: "CWMP fault".to_owned(), detail: Some(detail) }
    }

    /// Its code of CWMP, if it has one.
    #[must_use]
    pub fn code(&self) -> Option<FaultCode> {
        self.detail.as_ref().map(|it| it.code)
    }
}

/// On the wire.
impl Fault {
    /// Reads the content of `soap:Fault`. The fields of `cwmp:Fault` may also stand in it directly.
    pub(crate) fn read(reader: &mut Reader<'_>, found: &mut Namespaces) -> Result<Self, SoapError> {
        let mut it = Self { fault_code: SoapFaultCode::Server, fault_string: String::new(), detail: None };
        while let Some(child) = reader.child()? {
            match child.local() {
                "faultcode" => it.fault_code = SoapFaultCode::parse(&reader.text()?),
                "faultstring" => it.fault_string = reader.text()?,
                "faultactor" => reader.skip()?,
                "detail" | "Detail" => it.read_detail(reader, found)?,
                name => it.detail.get_or_insert_default().read_field(reader, name)?,
            }
        }
        Ok(it)
    }

    fn read_detail(&mut self, reader: &mut Reader<'_>, found: &mut Namespaces) -> Result<(), SoapError> {
        while let Some(child) = reader.child()? {
            if child.local() != "Fault" {
                reader.skip_unknown()?;
                continue;
            }
            found.note_declared(&child);
            found.in_body = reader.namespace_of(&child).as_deref().and_then(Namespace::parse).or(found.in_body);
            let detail = self.detail.get_or_insert_default();
            while let Some(field) = reader.child()? {
                detail.read_field(reader, field.local())?;
            }
        }
        Ok(())
    }

    /// Writes `soap:Fault` whole.
    pub(crate) fn write(&self, writer: &mut Writer<'_>) {
        writer.open("soap-env:Fault");
        writer.open("faultcode");
        writer.raw("soap-env:");
        writer.text(self.fault_code.name());
        writer.close("faultcode");
        self.fault_string.write_as(writer, "faultstring");
        if let Some(detail) = &self.detail {
            writer.open("detail");
            writer.open("cwmp:Fault");
            detail.write(writer);
            writer.close("cwmp:Fault");
            writer.close("detail");
        }
        writer.close("soap-env:Fault");
    }
}

/// `faultcode` of SOAP 1.1 §4.4.1, without its prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SoapFaultCode {
    /// The message was wrong.
    Client,
    /// The message was right, whoever got it could not do it.
    Server,
    /// Another name.
    Other(String),
}

impl SoapFaultCode {
    /// The local name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Client => "Client",
            Self::Server => "Server",
            Self::Other(name) => name,
        }
    }

    /// Reads what stands behind a prefix.
    fn parse(text: &str) -> Self {
        match text.rsplit(':').next().unwrap_or_default().trim() {
            "Client" => Self::Client,
            "Server" => Self::Server,
            other => Self::Other(other.to_owned()),
        }
    }
}

/// `cwmp:Fault`: the detail of a fault.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CwmpFault {
    /// What went wrong.
    pub code: FaultCode,
    /// For people.
    pub text: String,
    /// In the fault of a SetParameterValues: one for each parameter that was wrong.
    pub parameters: Vec<SetParameterValuesFault>,
}

impl CwmpFault {
    fn read_field(&mut self, reader: &mut Reader<'_>, name: &str) -> Result<(), SoapError> {
        match name {
            "FaultCode" => self.code = FaultCode::from_number(reader.number("FaultCode")?),
            "FaultString" => self.text = reader.text()?,
            "SetParameterValuesFault" => {
                let (max, bound) = reader.bound(Bound::Items);
                if self.parameters.len() == max {
                    return Err(SoapError::Limit { bound });
                }
                self.parameters.push(crate::wire::Structure::read(reader)?);
            }
            _ => reader.skip_unknown()?,
        }
        Ok(())
    }

    fn write(&self, writer: &mut Writer<'_>) {
        self.code.write_as(writer, "FaultCode");
        self.text.write_as(writer, "FaultString");
        for parameter in &self.parameters {
            parameter.write_as(writer, "SetParameterValuesFault");
        }
    }
}

/// Why one parameter could not be set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetParameterValuesFault {
    /// The full path.
    pub path: String,
    /// What is wrong with it.
    pub code: FaultCode,
    /// For people.
    pub text: String,
}

structure!(SetParameterValuesFault { "ParameterName" => path, "FaultCode" => code, "FaultString" => text, });

/// How a transfer or an operation on a deployment unit failed (`TransferCompleteFaultStruct`,
/// `DeploymentUnitFaultStruct`). On the wire the structure is always there and its code is 0 if all went well; here that
/// is `None` of an `Option`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultStruct {
    /// What went wrong; never 0.
    pub code: FaultCode,
    /// For people. At most 256 characters.
    pub text: String,
}

macro_rules! fault_codes {
    ($($name:ident = $code:literal, $blame:ident, $text:literal;)*) => {
        /// A code of TR-069 Amendment 6 Annex A.5: 8000 to 8899 from an ACS, 9000 to 9899 from a CPE.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FaultCode {
            $(#[doc = concat!(stringify!($code), ": ", $text)] $name,)*
            /// A code without a meaning here: a vendor's, or a later version's.
            Other(u16),
        }

        impl FaultCode {
            /// The code with this number.
            #[must_use]
            pub fn from_number(number: u16) -> Self {
                match number {
                    $($code => Self::$name,)*
                    other => Self::Other(other),
                }
            }

            /// Its number.
            #[must_use]
            pub fn number(self) -> u16 {
                match self {
                    $(Self::$name => $code,)*
                    Self::Other(number) => number,
                }
            }

            /// What it means, in a few words.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                    Self::Other(_) => "another fault",
                }
            }

            /// Whose mistake it is, as `faultcode` says it.
            #[must_use]
            pub fn blame(self) -> SoapFaultCode {
                match self {
                    $(Self::$name => SoapFaultCode::$blame,)*
                    Self::Other(_) => SoapFaultCode::Server,
                }
            }

            /// All that have a meaning here.
            pub const ALL: &[Self] = &[$(Self::$name,)*];
        }
    };
}

impl Default for FaultCode {
    /// 0: none was said.
    fn default() -> Self {
        Self::Other(0)
    }
}

fault_codes! {
    AcsMethodNotSupported = 8000, Server, "Method not supported";
    AcsRequestDenied = 8001, Server, "Request denied";
    AcsInternalError = 8002, Server, "Internal error";
    AcsInvalidArguments = 8003, Client, "Invalid arguments";
    AcsResourcesExceeded = 8004, Server, "Resources exceeded";
    AcsRetryRequest = 8005, Server, "Retry request";
    AcsVersionIncompatible = 8006, Server, "ACS version incompatible with CPE";
    MethodNotSupported = 9000, Server, "Method not supported";
    RequestDenied = 9001, Server, "Request denied";
    InternalError = 9002, Server, "Internal error";
    InvalidArguments = 9003, Client, "Invalid arguments";
    ResourcesExceeded = 9004, Server, "Resources exceeded";
    InvalidParameterName = 9005, Client, "Invalid parameter name";
    InvalidParameterType = 9006, Client, "Invalid parameter type";
    InvalidParameterValue = 9007, Client, "Invalid parameter value";
    NonWritableParameter = 9008, Client, "Attempt to set a non-writable parameter";
    NotificationRequestRejected = 9009, Server, "Notification request rejected";
    FileTransferFailure = 9010, Server, "File transfer failure";
    UploadFailure = 9011, Server, "Upload failure";
    TransferAuthentication = 9012, Server, "File transfer server authentication failure";
    TransferProtocol = 9013, Server, "Unsupported protocol for file transfer";
    MulticastJoin = 9014, Server, "File transfer failure: unable to join multicast group";
    ServerContact = 9015, Server, "File transfer failure: unable to contact file server";
    FileAccess = 9016, Server, "File transfer failure: unable to access file";
    DownloadIncomplete = 9017, Server, "File transfer failure: unable to complete download";
    FileCorrupted = 9018, Server, "File transfer failure: file corrupted";
    FileAuthentication = 9019, Server, "File transfer failure: file authentication failure";
    OutsideTimeWindows = 9020, Server, "File transfer failure: unable to complete download within time windows";
    CancelNotPermitted = 9021, Client, "Cancellation of file transfer not permitted in its state";
    InvalidUuidFormat = 9022, Client, "Invalid UUID format";
    UnknownExecutionEnvironment = 9023, Client, "Unknown execution environment";
    DisabledExecutionEnvironment = 9024, Client, "Disabled execution environment";
    ExecutionEnvironmentMismatch = 9025, Client, "Deployment unit does not fit the execution environment";
    DuplicateDeploymentUnit = 9026, Client, "Duplicate deployment unit";
    SystemResourcesExceeded = 9027, Server, "System resources exceeded";
    UnknownDeploymentUnit = 9028, Client, "Unknown deployment unit";
    InvalidDeploymentUnitState = 9029, Client, "Invalid deployment unit state";
    DowngradeNotPermitted = 9030, Client, "Invalid deployment unit update: downgrade not permitted";
    VersionNotSpecified = 9031, Client, "Invalid deployment unit update: version not specified";
    VersionExists = 9032, Client, "Invalid deployment unit update: version already exists";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_its_number() {
        for code in FaultCode::ALL {
            assert_eq!(FaultCode::from_number(code.number()), *code);
        }
        let numbers: Vec<u16> = FaultCode::ALL.iter().map(|it| it.number()).collect();
        assert_eq!(numbers, (8_000..=8_006).chain(9_000..=9_032).collect::<Vec<_>>());
        assert_eq!(FaultCode::from_number(9_800).number(), 9_800);
    }
}
