/// Where a crate stands in the house. What lies lower knows nothing of what lies higher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Storey {
    /// `types`: words that several protocols share.
    Words,
    /// `auth`, `witness`, `*-proto`: no runtime, socket, clock or randomness of their own.
    Core,
    /// `storage`, `bus`, `control`, `net`, `socketio`, `telemetry`: ports, listeners and wires that drivers use.
    Port,
    /// `storage-*`, `bus-*`: one backend behind a port.
    Adapter,
    /// `config`: read by the binary alone and translated into each part's options.
    Config,
    /// `*-server`, `mesh-node`: drive a core with sockets and time.
    Driver,
    /// `probe`, `fleet`, `sync-client`, `doctor`, `deploy-files`: clients and tools behind commands.
    Tool,
    /// `sangam`: the only crate that knows everything.
    Binary,
    /// `testkit`: for tests only.
    Testkit,
    /// Outside `crates/`: xtask, fuzz, tests, benches. Nothing in `crates/` depends on them.
    Workbench,
}

impl Storey {
    /// The storey of a package, from its name and whether it lies in `crates/`. `None`: no rule knows the name.
    pub(super) fn of(package: &str, in_crates: bool) -> Option<Self> {
        if !in_crates {
            return Some(Self::Workbench);
        }
        let name = package.strip_prefix("sangam-").unwrap_or(package);
        Some(match name {
            "types" => Self::Words,
            "auth" | "witness" => Self::Core,
            "storage" | "bus" | "control" | "net" | "socketio" | "telemetry" => Self::Port,
            "config" => Self::Config,
            "mesh-node" => Self::Driver,
            "probe" | "fleet" | "sync-client" | "doctor" | "deploy-files" => Self::Tool,
            "sangam" => Self::Binary,
            "testkit" => Self::Testkit,
            _ if name.ends_with("-proto") => Self::Core,
            _ if name.ends_with("-server") => Self::Driver,
            _ if name.starts_with("storage-") || name.starts_with("bus-") => Self::Adapter,
            _ => return None,
        })
    }

    /// Storeys whose crates this one may depend on, dev-dependencies aside.
    pub(super) fn may_use(self) -> &'static [Self] {
        match self {
            Self::Words => &[],
            // A suite that every adapter of a port passes is written against the port.
            Self::Testkit => &[Self::Words, Self::Port],
            Self::Core => &[Self::Words],
            // A core says how strong a secret must be; the section that holds the secret asks it.
            Self::Config => &[Self::Words, Self::Core],
            Self::Port => &[Self::Words, Self::Core, Self::Port],
            Self::Adapter => &[Self::Words, Self::Port],
            Self::Driver => &[Self::Words, Self::Core, Self::Port],
            // Devices of a fleet are the client that apps use.
            Self::Tool => &[Self::Words, Self::Core, Self::Port, Self::Tool],
            Self::Binary => {
                &[Self::Words, Self::Core, Self::Port, Self::Adapter, Self::Config, Self::Driver, Self::Tool]
            }
            Self::Workbench => &[
                Self::Words,
                Self::Core,
                Self::Port,
                Self::Adapter,
                Self::Config,
                Self::Driver,
                Self::Tool,
                Self::Binary,
                Self::Testkit,
                Self::Workbench,
            ],
        }
    }

    /// Whether the crate's clippy.toml must be the link that bans clocks, sockets, files and randomness.
    pub(super) fn is_core(self) -> bool {
        matches!(self, Self::Words | Self::Core)
    }

    /// Packages from outside that may be nowhere in this storey's dependency tree, and why. A `*` at the end
    /// stands for any rest.
    pub(super) fn banned_outside(self) -> (&'static [&'static str], &'static str) {
        match self {
            Self::Words | Self::Core => {
                (RUNTIMES_AND_SOCKETS, "a core takes time and bytes and owns no runtime or socket")
            }
            Self::Port => (BACKENDS, "the port is ours, the backend is an adapter's detail"),
            Self::Driver => (BACKENDS, "a driver depends on ports, never on a backend"),
            Self::Adapter | Self::Config | Self::Tool | Self::Binary | Self::Testkit | Self::Workbench => (&[], ""),
        }
    }
}

/// The one case in which a core may use another.
pub(super) fn is_allowed_exception(from: &str, to: &str) -> bool {
    // Socket.IO is defined as packets inside Engine.IO messages.
    (from, to) == ("sangam-socketio-proto", "sangam-engineio-proto")
}

const RUNTIMES_AND_SOCKETS: &[&str] = &[
    "async-io",
    "async-std",
    "axum*",
    "clap",
    "config",
    "hyper*",
    "mio",
    "polling",
    "quinn*",
    "redis",
    "reqwest",
    "rusqlite",
    "smol",
    "socket2",
    "sqlx*",
    "tokio*",
    "tower*",
    "tungstenite",
];

const BACKENDS: &[&str] = &["deadpool*", "fred", "libsqlite3-sys", "redis", "rusqlite", "sqlx*", "tokio-postgres"];

/// Whether a package name is in such a list.
pub(super) fn is_in(list: &[&str], name: &str) -> bool {
    list.iter().any(|banned| match banned.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => *banned == name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suffix_tells_the_storey() {
        let table = [
            ("sangam-types", Some(Storey::Words)),
            ("sangam-turn-proto", Some(Storey::Core)),
            ("sangam-auth", Some(Storey::Core)),
            ("sangam-relay-server", Some(Storey::Driver)),
            ("sangam-mesh-node", Some(Storey::Driver)),
            ("sangam-storage", Some(Storey::Port)),
            ("sangam-storage-sqlite", Some(Storey::Adapter)),
            ("sangam", Some(Storey::Binary)),
            ("sangam-glue", None),
        ];
        for (name, storey) in table {
            assert_eq!(Storey::of(name, true), storey, "{name}");
        }
        assert_eq!(Storey::of("xtask", false), Some(Storey::Workbench));
    }

    #[test]
    fn a_star_stands_for_any_rest() {
        assert!(is_in(RUNTIMES_AND_SOCKETS, "tokio-util"));
        assert!(is_in(RUNTIMES_AND_SOCKETS, "mio"));
        assert!(!is_in(RUNTIMES_AND_SOCKETS, "miow"));
    }
}
