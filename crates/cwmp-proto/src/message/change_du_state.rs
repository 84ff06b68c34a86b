use crate::reader::{Element, Reader};
use crate::wire::{Bound, Field, Structure, structure};
use crate::writer::Writer;
use crate::{Secret, SoapError, Url};

/// Installs, updates and removes deployment units (TR-069 Amendment 6 Annex A.4.1.10).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeDuState {
    /// One or more, carried out in this order.
    pub operations: Vec<Operation>,
    /// Comes back with the DUStateChangeComplete. At most 32 characters.
    pub command_key: String,
}

/// The CPE will.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeDuStateResponse;

/// What to do with a deployment unit. Empty texts are left out of the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `InstallOpStruct`
    Install {
        /// From where.
        url: Url,
        /// What it shall be known by.
        uuid: String,
        /// For the file server.
        username: String,
        /// For the file server.
        password: Secret,
        /// The path of the execution environment to install it in.
        execution_env_ref: String,
    },
    /// `UpdateOpStruct`
    Update {
        /// Which; without it and without a URL: all.
        uuid: String,
        /// Which, if there are several of that UUID.
        version: String,
        /// From where.
        url: Url,
        /// For the file server.
        username: String,
        /// For the file server.
        password: Secret,
    },
    /// `UninstallOpStruct`
    Uninstall {
        /// Which.
        uuid: String,
        /// Which, if there are several of that UUID.
        version: String,
        /// The path of the execution environment to remove it from.
        execution_env_ref: String,
    },
}

structure!(ChangeDuState { "Operations" => operations, "CommandKey" => command_key, });
structure!(ChangeDuStateResponse {});

/// All elements of all kinds of operations.
#[derive(Default)]
struct OperationFields {
    url: Url,
    uuid: String,
    version: String,
    username: String,
    password: Secret,
    execution_env_ref: String,
}

structure!(OperationFields {
    "URL" => url,
    "UUID" => uuid,
    "Version" => version,
    "Username" => username,
    "Password" => password,
    "ExecutionEnvRef" => execution_env_ref,
});

/// One element for each operation; its `xsi:type` says which kind it is.
impl Field for Vec<Operation> {
    fn read_into(&mut self, reader: &mut Reader<'_>, element: &Element<'_>, _: &'static str) -> Result<(), SoapError> {
        let (max, bound) = reader.bound(Bound::Items);
        if self.len() == max {
            return Err(SoapError::Limit { bound });
        }
        let kind = element.attribute("type").unwrap_or_default();
        let it = OperationFields::read(reader)?;
        let (url, uuid, version) = (it.url, it.uuid, it.version);
        let (username, password, execution_env_ref) = (it.username, it.password, it.execution_env_ref);
        self.push(match kind.rsplit(':').next().unwrap_or_default().trim() {
            "InstallOpStruct" => Operation::Install { url, uuid, username, password, execution_env_ref },
            "UpdateOpStruct" => Operation::Update { uuid, version, url, username, password },
            "UninstallOpStruct" => Operation::Uninstall { uuid, version, execution_env_ref },
            _ => return Err(SoapError::Value { element: "Operations", wanted: "an operation" }),
        });
        Ok(())
    }

    fn write_as(&self, writer: &mut Writer<'_>, name: &'static str) {
        for operation in self {
            writer.raw("<");
            writer.raw(name);
            writer.raw(" xsi:type=\"cwmp:");
            writer.raw(operation.kind());
            writer.raw("\">");
            for (element, text) in operation.fields() {
                if !text.is_empty() {
                    writer.open(element);
                    writer.text(text);
                    writer.close(element);
                }
            }
            writer.close(name);
        }
    }
}

impl Operation {
    fn kind(&self) -> &'static str {
        match self {
            Self::Install { .. } => "InstallOpStruct",
            Self::Update { .. } => "UpdateOpStruct",
            Self::Uninstall { .. } => "UninstallOpStruct",
        }
    }

    /// In the order of the schema.
    fn fields(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::Install { url, uuid, username, password, execution_env_ref } => vec![
                ("URL", url.as_str()),
                ("UUID", uuid),
                ("Username", username),
                ("Password", password.expose()),
                ("ExecutionEnvRef", execution_env_ref),
            ],
            Self::Update { uuid, version, url, username, password } => vec![
                ("UUID", uuid),
                ("Version", version),
                ("URL", url.as_str()),
                ("Username", username),
                ("Password", password.expose()),
            ],
            Self::Uninstall { uuid, version, execution_env_ref } => {
                vec![("UUID", uuid), ("Version", version), ("ExecutionEnvRef", execution_env_ref)]
            }
        }
    }
}
