//! Secrets that the server makes for itself at its first start and uses from then on.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sangam_config::Secret;

use crate::durable_file;

/// The secrets of a data directory. Each file has the form of the `*_file` key that would replace it.
#[derive(Debug)]
pub(crate) struct GeneratedSecrets {
    /// As in `relay.secrets`.
    pub(crate) relay: Secret,
    /// As in `auth.admin_keys`.
    pub(crate) admin_key: Secret,
    /// As in `auth.signal_keys`.
    pub(crate) signal_key: Secret,
    /// As in `auth.sync_keys`.
    pub(crate) sync_key: Secret,
    /// What nonces are signed with.
    pub(crate) nonce: [u8; 32],
}

/// Why a secret's file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecretFileError {
    /// It is there and cannot be read.
    #[error("the secret file {} cannot be read; check its owner and permissions", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    /// It cannot be written.
    #[error("the secret file {} cannot be written; check the directory's permissions and free space", path.display())]
    Unwritable { path: PathBuf, source: io::Error },
    /// Other users can read it.
    #[error("the secret file {} is open to other users (mode {mode:04o}); run `chmod 600 {}`", path.display(), path.display())]
    OpenToOthers { path: PathBuf, mode: u32 },
    /// It does not hold what it should.
    #[error("the secret file {} is damaged; restore it, or delete it to have a new secret made", path.display())]
    Damaged { path: PathBuf },
    /// Nobody has started the server there yet.
    #[error("there is no {} yet; start `sangam serve` once with this data directory, or set `{key}`", path.display())]
    NotMade { path: PathBuf, key: &'static str },
}

const RELAY: &str = "relay-secrets";
const ADMIN: &str = "admin-keys";
const SIGNAL: &str = "signal-keys";
const SYNC: &str = "sync-keys";
const NONCE: &str = "nonce-secret";

impl GeneratedSecrets {
    /// Reads the secrets of a data directory, and makes those that are not there.
    pub(crate) fn open(data_dir: &Path) -> Result<Self, SecretFileError> {
        let secret = |name, make: fn() -> String| read_or_make(&data_dir.join(name), make).map(Secret::new);
        let nonce = secret(NONCE, random_text)?;
        let decoded = STANDARD.decode(nonce.expose()).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let damaged = || SecretFileError::Damaged { path: data_dir.join(NONCE) };
        Ok(Self {
            relay: secret(RELAY, random_text)?,
            admin_key: secret(ADMIN, random_key)?,
            signal_key: secret(SIGNAL, random_key)?,
            sync_key: secret(SYNC, random_key)?,
            nonce: decoded.ok_or_else(damaged)?,
        })
    }

    /// Reads the key of tokens for the administration API without making one.
    pub(crate) fn admin_key_of(data_dir: &Path) -> Result<Secret, SecretFileError> {
        read_made(&data_dir.join(ADMIN), "auth.admin_keys_file")
    }

    /// Reads the secret of TURN credentials without making one.
    pub(crate) fn relay_secret_of(data_dir: &Path) -> Result<Secret, SecretFileError> {
        read_made(&data_dir.join(RELAY), "relay.secrets_file")
    }

    /// Reads the key of tokens for signaling without making one.
    pub(crate) fn signal_key_of(data_dir: &Path) -> Result<Secret, SecretFileError> {
        read_made(&data_dir.join(SIGNAL), "auth.signal_keys_file")
    }

    /// Reads the key of tokens for sync without making one.
    pub(crate) fn sync_key_of(data_dir: &Path) -> Result<Secret, SecretFileError> {
        read_made(&data_dir.join(SYNC), "auth.sync_keys_file")
    }
}

/// 256 random bits as text.
pub(crate) fn random_text() -> String {
    STANDARD.encode(rand::random::<[u8; 32]>())
}

/// A token key with a random id, as `auth.admin_keys` has it.
pub(crate) fn random_key() -> String {
    format!("{:08x}:{}", rand::random::<u32>(), random_text())
}

fn read_made(path: &Path, key: &'static str) -> Result<Secret, SecretFileError> {
    let made = read(path)?.ok_or_else(|| SecretFileError::NotMade { path: path.to_owned(), key })?;
    Ok(Secret::new(made))
}

fn read_or_make(path: &Path, make: fn() -> String) -> Result<String, SecretFileError> {
    if let Some(found) = read(path)? {
        return Ok(found);
    }
    let made = make();
    durable_file::replace(path, format!("{made}\n").as_bytes())
        .map_err(|source| SecretFileError::Unwritable { path: path.to_owned(), source })?;
    Ok(made)
}

fn read(path: &Path) -> Result<Option<String>, SecretFileError> {
    let unreadable = |source| SecretFileError::Unreadable { path: path.to_owned(), source };
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            return Err(SecretFileError::Damaged { path: path.to_owned() });
        }
        Err(error) => return Err(unreadable(error)),
    };
    let mode = fs::metadata(path).map_err(unreadable)?.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(SecretFileError::OpenToOthers { path: path.to_owned(), mode });
    }
    let text = text.trim();
    let whole = text.rsplit(':').next().is_some_and(|secret| STANDARD.decode(secret).is_ok_and(|it| it.len() == 32));
    if whole { Ok(Some(text.to_owned())) } else { Err(SecretFileError::Damaged { path: path.to_owned() }) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn secrets_are_made_once_and_used_from_then_on() {
        let dir = tempfile::tempdir().unwrap();
        let first = GeneratedSecrets::open(dir.path()).unwrap();
        let second = GeneratedSecrets::open(dir.path()).unwrap();
        assert_eq!(first.relay.expose(), second.relay.expose());
        assert_eq!(first.admin_key.expose(), second.admin_key.expose());
        assert_eq!(first.nonce, second.nonce);
        assert_ne!(first.admin_key.expose(), first.signal_key.expose());
        assert_eq!(GeneratedSecrets::admin_key_of(dir.path()).unwrap().expose(), first.admin_key.expose());
        for name in [RELAY, ADMIN, SIGNAL, SYNC, NONCE] {
            assert_eq!(fs::metadata(dir.path().join(name)).unwrap().mode() & 0o777, 0o600, "{name}");
        }
    }

    #[test]
    fn a_secret_that_others_may_read_or_that_is_damaged_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        GeneratedSecrets::open(dir.path()).unwrap();
        let path = dir.path().join(RELAY);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let error = GeneratedSecrets::open(dir.path()).unwrap_err().to_string();
        assert!(error.contains("(mode 0644); run `chmod 600"), "{error}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        for damage in ["", "short", "\u{0}"] {
            fs::write(&path, damage).unwrap();
            assert!(matches!(GeneratedSecrets::open(dir.path()), Err(SecretFileError::Damaged { .. })), "{damage:?}");
        }
    }

    #[test]
    fn a_key_that_was_never_made_is_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let error = GeneratedSecrets::admin_key_of(dir.path()).unwrap_err().to_string();
        assert!(error.contains("start `sangam serve` once") && error.contains("auth.admin_keys_file"), "{error}");
    }
}
