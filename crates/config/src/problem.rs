use std::fmt;
use std::path::PathBuf;

use crate::load::Notice;
use crate::origin::Origin;

/// One reason why a configuration cannot be used. Its text is one sentence: the thing, the cause, the mend. It holds
/// no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The file named cannot be read.
    #[error("the configuration file {} cannot be read: {cause}; check the path and its permissions, or run `sangam init` to write one", path.display())]
    UnreadableFile {
        /// As it was named.
        path: PathBuf,
        /// The system's reason.
        cause: String,
    },
    /// The file is not TOML.
    #[error("{origin}: this is not TOML: {cause}; mend that line and run `sangam config check`")]
    Syntax {
        /// File and line.
        origin: Origin,
        /// What the parser found.
        cause: String,
    },
    /// No section of that name.
    #[error("{origin}: there is no section `{section}`; {}", nearest_or(nearest.as_deref(), "`sangam config schema` lists the sections"))]
    UnknownSection {
        /// Where it stands.
        origin: Origin,
        /// As written.
        section: String,
        /// The section that is spelled most like it.
        nearest: Option<String>,
    },
    /// A value where a section belongs.
    #[error("{origin}: `{section}` is a section, not a value; write its keys below a line `[{section}]`")]
    NotASection {
        /// Where it stands.
        origin: Origin,
        /// Its name.
        section: String,
    },
    /// No key of that name.
    #[error("{origin}: there is no key `{key}`; {}", nearest_or(nearest.as_deref(), "`sangam config schema` lists the keys"))]
    UnknownKey {
        /// Where it stands.
        origin: Origin,
        /// As written.
        key: String,
        /// The key that is spelled most like it.
        nearest: Option<String>,
    },
    /// A value of the wrong kind or out of range.
    #[error("{origin}: `{key}` cannot be used: {cause}")]
    BadValue {
        /// Where it stands.
        origin: Origin,
        /// The key.
        key: String,
        /// What is wrong, and what to write.
        cause: String,
    },
    /// A flag that is not `section.key=value`.
    #[error("`--set {text}` has no value; write `--set section.key=value`")]
    MalformedSetting {
        /// What came before the `=`, or everything.
        text: String,
    },
    /// A secret in the arguments, where every user of the machine can read it.
    #[error(
        "`--set {key}` would show a secret to everybody who can list processes; put it in a file and set `{key}_file`, or set it in the configuration file"
    )]
    SecretInArguments {
        /// The key.
        key: String,
    },
    /// The file that a secret is to be read from cannot be read.
    #[error("{origin}: the secret file {} of `{key}` cannot be read: {cause}; check the path and that this user may read it", path.display())]
    UnreadableSecretFile {
        /// Where the path was given.
        origin: Origin,
        /// The key with the path.
        key: String,
        /// The path.
        path: PathBuf,
        /// The system's reason.
        cause: String,
    },
    /// A secret given twice in one source.
    #[error("{origin}: `{key}` and `{key}_file` are both set; keep one of them")]
    SecretTwice {
        /// Where the file was named.
        origin: Origin,
        /// The key of the secret itself.
        key: String,
    },
    /// A secret that anybody could guess, on a listener that strangers reach.
    #[error(
        "{origin}: {secret} is too weak for {address}: {weakness}; write a random one (`openssl rand -base64 32`), or set `relay.allow_weak_credentials = true` for a migration's first day"
    )]
    WeakSecret {
        /// Where the secret stands.
        origin: Origin,
        /// Which one it is: `entry 1 of relay.secrets`.
        secret: String,
        /// The listener that strangers reach.
        address: String,
        /// Why it is weak.
        weakness: String,
    },
    /// A listener that strangers reach and whose clients show no token.
    #[error(
        "{origin}: {dialect} on {address} would serve anybody, because its clients may come without a token; {mend}"
    )]
    OpenDialect {
        /// Where the listener was set.
        origin: Origin,
        /// What is spoken there.
        dialect: String,
        /// The listener.
        address: String,
        /// The settings that decide it.
        mend: String,
    },
}

fn nearest_or(nearest: Option<&str>, otherwise: &str) -> String {
    nearest.map_or_else(|| otherwise.to_owned(), |name| format!("did you mean `{name}`?"))
}

/// Every reason found, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems {
    problems: Vec<Problem>,
    notices: Vec<Notice>,
}

impl Problems {
    /// `Err` with the problems if there are any.
    pub(crate) fn none_or(problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() { Ok(()) } else { Err(Self { problems, notices: Vec::new() }) }
    }

    /// The problems, in the order found.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter()
    }

    /// The same, with what else was found on the way.
    pub(crate) fn with_notices(self, notices: &[Notice]) -> Self {
        Self { notices: notices.to_vec(), ..self }
    }

    /// What the operator should know besides.
    pub fn notices(&self) -> impl Iterator<Item = &Notice> {
        self.notices.iter()
    }

    /// The problem to show where there is room for one sentence.
    #[must_use]
    pub fn first(&self) -> &Problem {
        self.problems.first().expect("Problems is made only of at least one")
    }

    /// How many.
    #[must_use]
    pub fn count(&self) -> usize {
        self.problems.len()
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem], notices: Vec::new() }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first())?;
        match self.count() - 1 {
            0 => Ok(()),
            1 => f.write_str(" (and one more: `sangam config check` lists both)"),
            more => write!(f, " (and {more} more: `sangam config check` lists them)"),
        }
    }
}

impl std::error::Error for Problems {}
