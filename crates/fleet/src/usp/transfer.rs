use std::collections::BTreeMap;
use std::fmt;

use secrecy::SecretString;

/// A file that an agent was told to fetch or to bring.
pub(super) struct Transfer {
    /// Of which command.
    pub(super) request: u32,
    pub(super) is_download: bool,
    pub(super) url: String,
    pub(super) username: String,
    pub(super) password: SecretString,
    /// What the controller says that it has, if it does.
    pub(super) size: Option<u64>,
    /// Of SHA-256, in hexadecimal digits.
    pub(super) sha256: Option<String>,
}

/// Why a file did not come or go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TransferFault {
    #[error("the URL cannot be used")]
    Url,
    #[error("the server cannot be reached")]
    Unreached,
    #[error("the server refuses the login")]
    Login,
    #[error("there is no such file")]
    NotFound,
    #[error("the server refuses")]
    Refused,
    #[error("the file ended too early")]
    Incomplete,
    #[error("the file has another size than was told")]
    Size,
    #[error("the file has another checksum than was told")]
    Checksum,
    #[error("it took too long")]
    Timeout,
}

impl TransferFault {
    /// A label for counting, one of a fixed set.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Url => "url",
            Self::Unreached => "unreached",
            Self::Login => "login",
            Self::NotFound => "not_found",
            Self::Refused => "refused",
            Self::Incomplete => "incomplete",
            Self::Size => "size",
            Self::Checksum => "checksum",
            Self::Timeout => "timeout",
        }
    }
}

impl Transfer {
    /// What the arguments of a command ask for. Checksums of other algorithms are not looked at.
    pub(super) fn of(request: u32, is_download: bool, args: &BTreeMap<String, String>) -> Self {
        let arg = |name: &str| args.get(name).map(String::as_str).unwrap_or_default();
        let is_sha256 = matches!(arg("CheckSumAlgorithm"), "SHA-256" | "SHA256");
        Self {
            request,
            is_download,
            url: arg("URL").to_owned(),
            username: arg("Username").to_owned(),
            password: arg("Password").to_owned().into(),
            size: arg("FileSize").parse().ok().filter(|size| *size > 0),
            sha256: Some(arg("CheckSum").to_ascii_lowercase()).filter(|sum| is_sha256 && !sum.is_empty()),
        }
    }
}

impl fmt::Debug for Transfer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transfer")
            .field("request", &self.request)
            .field("is_download", &self.is_download)
            .finish_non_exhaustive()
    }
}
