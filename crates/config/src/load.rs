//! All sources, in their order.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::aliases;
use crate::catalogue::Catalogue;
use crate::changes::Fingerprints;
use crate::config::Config;
use crate::environment::Environment;
use crate::file;
use crate::layers::Layers;
use crate::origin::Origin;
use crate::problem::{Problem, Problems};
use crate::secret_files;
use crate::turnserver_conf::{Mistake, TranslatedSetting, translate};
use crate::values::ListenAddr;

/// The file that is read if none is named and it is there.
pub const DEFAULT_FILE: &str = "./sangam.toml";

/// Where values may come from.
pub struct Sources<'a> {
    /// The file named on the command line; it must be there.
    pub file: Option<PathBuf>,
    /// The file to read if none is named, if it is there.
    pub default_file: PathBuf,
    /// Environment variables.
    pub environment: &'a dyn Environment,
    /// Flags, the later over the earlier.
    pub settings: Vec<Setting>,
}

/// One key set on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// `section.key`.
    pub key: String,
    /// As written.
    pub value: String,
    /// The flag, for provenance.
    pub flag: String,
}

impl Setting {
    /// What a flag of its own sets.
    #[must_use]
    pub fn of_flag(flag: &str, key: &str, value: impl Into<String>) -> Self {
        Self { key: key.to_owned(), value: value.into(), flag: flag.to_owned() }
    }

    /// Reads the `section.key=value` of `--set`.
    ///
    /// # Errors
    ///
    /// If there is no `=`, or if the key is a secret: arguments can be read by every user of the machine.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let (key, value) = text.split_once('=').ok_or_else(|| Problem::MalformedSetting { text: text.to_owned() })?;
        let key = key.trim();
        if Catalogue::get().key(key).is_some_and(|key| key.secret) {
            return Err(Problem::SecretInArguments { key: key.to_owned() });
        }
        Ok(Self { key: key.to_owned(), value: value.to_owned(), flag: format!("--set {key}") })
    }
}

/// Something an operator should know although the configuration can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice(String);

impl Notice {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A configuration that can be used, and where each value came from.
#[derive(Debug)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// What the operator should know.
    pub notices: Vec<Notice>,
    /// The file that was read.
    pub file: Option<PathBuf>,
    origins: BTreeMap<String, Origin>,
    pub(crate) fingerprints: Fingerprints,
}

impl Loaded {
    /// Where the value of `section.key` came from.
    #[must_use]
    pub fn origin(&self, name: &str) -> Origin {
        self.origins.get(name).cloned().unwrap_or_default()
    }
}

/// Judges the text of a configuration file, variables and flags as [`load`] does, without touching a file: those that keys
/// name are not read.
///
/// # Errors
///
/// Everything that was found wrong.
pub fn load_text(text: &str, variables: &BTreeMap<String, String>, settings: &[Setting]) -> Result<Loaded, Problems> {
    let mut layers = Layers::default();
    let mut notices = Vec::new();
    let path = PathBuf::from(DEFAULT_FILE);
    set_file(&path, text, &mut layers)?;
    set_above_file(variables, settings, &mut layers, &mut notices);
    Problems::none_or(std::mem::take(&mut layers.problems)).map_err(|problems| problems.with_notices(&notices))?;
    finish(layers, notices, Some(path))
}

/// Reads every source: flag over environment over file over default.
///
/// # Errors
///
/// Everything that was found wrong. Nothing is half loaded.
pub fn load(sources: &Sources<'_>) -> Result<Loaded, Problems> {
    let mut layers = Layers::default();
    let mut notices = Vec::new();
    let file = read_file(sources, &mut layers, &mut notices)?;
    set_above_file(&sources.environment.variables(), &sources.settings, &mut layers, &mut notices);
    read_turnserver_conf(&mut layers, &mut notices);
    secret_files::read_all(&mut layers);
    Problems::none_or(std::mem::take(&mut layers.problems)).map_err(|problems| problems.with_notices(&notices))?;
    finish(layers, notices, file)
}

/// What stands over the file.
fn set_above_file(
    variables: &BTreeMap<String, String>,
    settings: &[Setting],
    layers: &mut Layers,
    notices: &mut Vec<Notice>,
) {
    aliases::apply(variables, layers, notices);
    read_environment(variables, layers, notices);
    for setting in settings {
        let origin = Origin::Flag { flag: setting.flag.clone() };
        layers.set_text(&setting.key, &setting.value, origin);
    }
    aliases::apply_host_and_port(variables, layers, notices);
}

/// Whether there is a secret in it.
fn set_file(path: &Path, text: &str, layers: &mut Layers) -> Result<bool, Problems> {
    let mut has_secret = false;
    for entry in file::parse(path, text)? {
        has_secret |= Catalogue::get().key(&entry.name).is_some_and(|key| key.secret);
        layers.set_value(&entry.name, entry.value, entry.origin);
    }
    Ok(has_secret)
}

fn finish(mut layers: Layers, notices: Vec<Notice>, file: Option<PathBuf>) -> Result<Loaded, Problems> {
    let mut config = layers.config();
    open_to_lan(&mut config, &mut layers);
    let wrong = config.validate().into_iter().map(|wrong| Problem::BadValue {
        origin: layers.origin(&wrong.name),
        key: wrong.name,
        cause: wrong.cause,
    });
    let problems = wrong.chain(missing_certificates(&config, &layers)).collect();
    Problems::none_or(problems).map_err(|problems| problems.with_notices(&notices))?;
    let fingerprints = Fingerprints::of(&config, &layers.entries);
    let origins = layers.entries.into_iter().map(|(name, entry)| (name, entry.origin)).collect();
    Ok(Loaded { config, notices, file, origins, fingerprints })
}

fn read_file(
    sources: &Sources<'_>,
    layers: &mut Layers,
    notices: &mut Vec<Notice>,
) -> Result<Option<PathBuf>, Problems> {
    let path = match &sources.file {
        Some(path) => path.clone(),
        None if sources.default_file.exists() => sources.default_file.clone(),
        None => return Ok(None),
    };
    let text = file::read(&path)?;
    let has_secret = set_file(&path, &text, layers)?;
    say_if_others_may_read(has_secret, &path, notices);
    Ok(Some(path))
}

fn say_if_others_may_read(has_secret: bool, path: &Path, notices: &mut Vec<Notice>) {
    if has_secret && others_may_read(path) {
        notices.push(Notice::new(format!(
            "{} holds secrets and other users may read it; run `chmod 600 {}`",
            path.display(),
            path.display()
        )));
    }
}

/// Sets what a `turnserver.conf` says, below everything else, and reports what it could not say.
fn read_turnserver_conf(layers: &mut Layers, notices: &mut Vec<Notice>) {
    let Some(path) = layers.path("relay.turnserver_conf") else { return };
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) => {
            let key = "relay.turnserver_conf".to_owned();
            let cause =
                format!("{} cannot be read: {error}; check the path and that this user may read it", path.display());
            layers.problems.push(Problem::BadValue { origin: layers.origin(&key), key, cause });
            return;
        }
    };
    let translation = translate(&String::from_utf8_lossy(&bytes));
    let origin = |lines: Vec<usize>| Origin::Turnserver { path: path.clone(), lines: lines.into() };
    notices.push(Notice::new(format!("{}: {}", path.display(), translation.summary())));
    for remark in &translation.remarks {
        notices.push(Notice::new(format!("{}: {remark}", origin(remark.line.into_iter().collect()))));
    }
    for Mistake { line, option, cause } in translation.mistakes {
        layers.problems.push(Problem::BadValue { origin: origin(vec![line]), key: option, cause });
    }
    let mut has_secret = false;
    for TranslatedSetting { key, value, lines } in translation.settings {
        has_secret |= Catalogue::get().key(key).is_some_and(|key| key.secret);
        let origin = origin(lines);
        match layers.overriding(key, &origin) {
            None => layers.set_value(key, value, origin),
            Some(stronger) => notices.push(Notice::new(format!("{origin}: `{key}` has another value from {stronger}"))),
        }
    }
    say_if_others_may_read(has_secret, &path, notices);
}

fn others_may_read(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

/// `SANGAM_<SECTION>__<KEY>`; an empty value counts as not set, as it is what an unset variable of a compose file becomes.
fn read_environment(variables: &BTreeMap<String, String>, layers: &mut Layers, notices: &mut Vec<Notice>) {
    for (variable, text) in variables {
        let Some(name) = variable.strip_prefix("SANGAM_").filter(|_| !text.is_empty()) else { continue };
        let origin = Origin::Environment { variable: variable.clone() };
        let dotted = name.to_ascii_lowercase().replace("__", ".");
        if dotted.contains('.') {
            layers.set_text(&dotted, text, origin);
        } else if let Some(key) =
            Catalogue::get().keys().iter().find(|key| dotted == format!("{}_{}", key.section, key.key))
            && variable != "SANGAM_DATA_DIR"
        {
            notices.push(Notice::new(format!("{variable} is set but means nothing; did you mean {}?", key.variable())));
        }
    }
}

/// With `server.lan`, listeners that nobody set bind to all IPv4 addresses.
fn open_to_lan(config: &mut Config, layers: &mut Layers) {
    if !config.server.lan {
        return;
    }
    let listeners = [
        ("http.listen", &mut config.http.listen),
        ("signal.listen", &mut config.signal.listen),
        ("signal.socketio.listen", &mut config.signal.socketio.listen),
        ("devices.listen", &mut config.devices.listen),
        ("relay.listen", &mut config.relay.listen),
    ];
    for (name, listen) in listeners {
        // The guide's variable names a port, not an address.
        let of_port = Origin::Environment { variable: "SOCKET_PORT".to_owned() };
        if ![Origin::Default, of_port].contains(&layers.origin(name)) {
            continue;
        }
        let open = |addr: &ListenAddr| ListenAddr::from(std::net::SocketAddr::from(([0, 0, 0, 0], addr.get().port())));
        *listen = listen.iter().map(open).collect();
        let value = toml::Value::Array(listen.iter().map(|addr| addr.to_string().into()).collect());
        let origin = layers.origin("server.lan");
        layers.set_value(name, value, origin);
    }
}

/// A listener that is to speak TLS needs a certificate.
fn missing_certificates(config: &Config, layers: &Layers) -> Vec<Problem> {
    let wants = |mode: Option<crate::TlsMode>| mode.filter(|mode| *mode != crate::TlsMode::Off);
    let listeners = [
        ("http.tls", wants(config.http.tls)),
        ("signal.tls", wants(config.signal.tls)),
        ("signal.socketio.tls", wants(config.signal.socketio.tls)),
        ("devices.tls", wants(config.devices.tls)),
        ("node.tls", wants(config.node.tls)),
    ];
    let without = listeners.into_iter().filter(|_| !config.tls.is_configured());
    let problem = |(key, mode): (&str, Option<crate::TlsMode>)| {
        mode.map(|mode| Problem::BadValue {
            origin: layers.origin(key),
            key: key.to_owned(),
            cause: format!(
                "`{}` needs a certificate and there is none; set `tls.certificate_file` and `tls.key_file`",
                mode.as_str()
            ),
        })
    };
    without.filter_map(problem).collect()
}

#[cfg(test)]
mod sync_tests;
#[cfg(test)]
mod tests;
