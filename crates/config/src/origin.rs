use std::fmt;
use std::path::PathBuf;

/// Where a value came from. The order is the order of precedence, lowest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Origin {
    /// Nobody set it.
    #[default]
    Default,
    /// The configuration file.
    File {
        /// As it was named.
        path: PathBuf,
        /// Counted from one.
        line: usize,
    },
    /// A `turnserver.conf`, coturn's own configuration file.
    Turnserver {
        /// As it was named.
        path: PathBuf,
        /// Counted from one. A list has one line for each entry, in their order.
        lines: Box<[usize]>,
    },
    /// An environment variable.
    Environment {
        /// Its name.
        variable: String,
    },
    /// The command line.
    Flag {
        /// The flag, without a value that may be long: `--set relay.realm`.
        flag: String,
    },
}

impl Origin {
    /// How far the origin goes before others: 0 default, 1 turnserver.conf, 2 file, 3 environment, 4 flag.
    pub(crate) fn rank(&self) -> u8 {
        match self {
            Self::Default => 0,
            Self::Turnserver { .. } => 1,
            Self::File { .. } => 2,
            Self::Environment { .. } => 3,
            Self::Flag { .. } => 4,
        }
    }

    /// Where one entry of a list stands, counted from 0, if the origin tells its entries apart.
    #[must_use]
    pub fn of_entry(&self, at: usize) -> Self {
        match self {
            Self::Turnserver { path, lines } => {
                let lines = lines.get(at).map_or_else(|| lines.clone(), |line| [*line].into());
                Self::Turnserver { path: path.clone(), lines }
            }
            Self::Default | Self::File { .. } | Self::Environment { .. } | Self::Flag { .. } => self.clone(),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{} line {line}", path.display()),
            Self::Turnserver { path, lines } => {
                let numbers: Vec<String> = lines.iter().map(ToString::to_string).collect();
                match lines.len() {
                    0 => write!(f, "{}", path.display()),
                    1 => write!(f, "{} line {}", path.display(), numbers.join(", ")),
                    _ => write!(f, "{} lines {}", path.display(), numbers.join(", ")),
                }
            }
            Self::Environment { variable } => write!(f, "environment variable {variable}"),
            Self::Flag { flag } => f.write_str(flag),
        }
    }
}
