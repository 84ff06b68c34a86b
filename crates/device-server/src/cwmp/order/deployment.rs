use sangam_cwmp_proto::message::{ChangeDuState, Operation};
use sangam_cwmp_proto::{Message, Secret, Url};
use serde::Deserialize;

use super::BadOrder;

/// What is to be done with software modules, in this order (TR-069 Amendment 6 A.4.1.10).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Operations {
    operations: Vec<Wanted>,
}

#[derive(Deserialize)]
#[serde(tag = "operation", rename_all = "snake_case", deny_unknown_fields)]
enum Wanted {
    Install {
        url: String,
        #[serde(default)]
        uuid: String,
        #[serde(default)]
        username: String,
        #[serde(default)]
        password: String,
        /// The path of the execution environment.
        #[serde(default)]
        environment: String,
    },
    /// Without a UUID and a URL: everything that there is.
    Update {
        #[serde(default)]
        uuid: String,
        #[serde(default)]
        version: String,
        #[serde(default)]
        url: String,
        #[serde(default)]
        username: String,
        #[serde(default)]
        password: String,
    },
    Uninstall {
        uuid: String,
        #[serde(default)]
        version: String,
        #[serde(default)]
        environment: String,
    },
}

impl Operations {
    pub(super) fn message(self, command_key: String) -> Result<Message, BadOrder> {
        if self.operations.is_empty() {
            return Err(BadOrder::Wrong("it names no operation"));
        }
        let operations = self.operations.into_iter().map(Wanted::written).collect::<Result<_, _>>()?;
        Ok(ChangeDuState { operations, command_key }.into())
    }
}

impl Wanted {
    fn written(self) -> Result<Operation, BadOrder> {
        Ok(match self {
            Self::Install { url, .. } if url.is_empty() => {
                return Err(BadOrder::Wrong("what is to be installed has a `url`"));
            }
            Self::Uninstall { uuid, .. } if uuid.is_empty() => {
                return Err(BadOrder::Wrong("what is to be uninstalled has a `uuid`"));
            }
            Self::Install { url, uuid, username, password, environment } => Operation::Install {
                url: Url::new(url),
                uuid,
                username,
                password: Secret::new(password),
                execution_env_ref: environment,
            },
            Self::Update { uuid, version, url, username, password } => {
                Operation::Update { uuid, version, url: Url::new(url), username, password: Secret::new(password) }
            }
            Self::Uninstall { uuid, version, environment } => {
                Operation::Uninstall { uuid, version, execution_env_ref: environment }
            }
        })
    }
}
