//! The key of a node: read, mended, made.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use sangam_mesh_proto::identity::Identity;

use crate::durable_file;

/// Our name for it in a data directory.
const OURS: &str = "node.key.pem";
/// A Synapse-NG node's.
const ORIGINALS: &str = "ed25519_private_key.pem";

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NodeKeyError {
    /// It is there and cannot be read.
    #[error("the key file {} cannot be read; check its owner and permissions, or name another with `--id-file`", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    /// It cannot be written.
    #[error("the key file {} cannot be written; check the directory's permissions and free space", path.display())]
    Unwritable { path: PathBuf, source: io::Error },
    /// Other users can read it.
    #[error("the key file {} is open to other users (mode {mode:04o}); run `chmod 600 {}`", path.display(), path.display())]
    OpenToOthers { path: PathBuf, mode: u32 },
    /// It does not hold what it should.
    #[error("the key file {} is {what}; restore it, or move it away to have a new key and with it a new id", path.display())]
    Damaged { path: PathBuf, what: String },
}

/// A key and what became of its file.
#[derive(Debug)]
pub(crate) struct NodeKey {
    pub(crate) identity: Identity,
    /// What the operator should know.
    pub(crate) notice: Option<String>,
}

impl NodeKey {
    /// Reads the key that is named, or that of the data directory; makes one with mode 0600 if there is none. A file that other users
    /// can read is refused, but for a Synapse-NG node's, which writes it so: that one is mended.
    pub(crate) fn open(named: Option<&Path>, data_dir: &Path) -> Result<Self, NodeKeyError> {
        let original = data_dir.join(ORIGINALS);
        let path = match named {
            Some(path) => path.to_owned(),
            None if !data_dir.join(OURS).exists() && original.exists() => original,
            None => data_dir.join(OURS),
        };
        match fs::read_to_string(&path) {
            Ok(pem) => Self::of_file(path, &pem),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::make(path),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Err(NodeKeyError::Damaged { path, what: "no text".to_owned() })
            }
            Err(source) => Err(NodeKeyError::Unreadable { path, source }),
        }
    }

    fn of_file(path: PathBuf, pem: &str) -> Result<Self, NodeKeyError> {
        let mode = match fs::metadata(&path) {
            Ok(metadata) => metadata.mode() & 0o7777,
            Err(source) => return Err(NodeKeyError::Unreadable { path, source }),
        };
        let is_original = path.file_name().is_some_and(|name| name == ORIGINALS);
        let mut notice = None;
        if mode & 0o077 != 0 {
            if !is_original {
                return Err(NodeKeyError::OpenToOthers { path, mode });
            }
            fs::set_permissions(&path, Permissions::from_mode(0o600))
                .map_err(|source| NodeKeyError::Unwritable { path: path.clone(), source })?;
            notice = Some(format!(
                "{} was open to other users (mode {mode:04o}), as Synapse-NG writes it; it has mode 0600 now. Whoever read it \
                 before can pose as this node",
                path.display()
            ));
        }
        let identity = Identity::from_pem(pem)
            .map_err(|error| NodeKeyError::Damaged { path: path.clone(), what: error.to_string() })?;
        Ok(Self { identity, notice })
    }

    fn make(path: PathBuf) -> Result<Self, NodeKeyError> {
        let identity = Identity::from_seed(&rand::random());
        durable_file::replace(&path, identity.to_pem().as_bytes())
            .map_err(|source| NodeKeyError::Unwritable { path: path.clone(), source })?;
        let notice = Some(format!("{} was made: it is this node's key, and its id {}", path.display(), identity.id()));
        Ok(Self { identity, notice })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    fn write(path: &Path, mode: u32) -> String {
        let identity = Identity::from_seed(&[7; 32]);
        fs::write(path, identity.to_pem().as_bytes()).unwrap();
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        identity.id().to_string()
    }

    #[test]
    fn a_key_is_made_once_for_its_user_alone() {
        let dir = tempfile::tempdir().unwrap();
        let made = NodeKey::open(None, dir.path()).unwrap();
        assert_eq!(mode(&dir.path().join(OURS)), 0o600);
        let again = NodeKey::open(None, dir.path()).unwrap();
        assert_eq!(again.identity.id(), made.identity.id());
        assert!(again.notice.is_none());
    }

    #[test]
    fn a_key_that_others_may_read_is_refused_with_the_mend() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("my.pem");
        write(&path, 0o640);
        let error = NodeKey::open(Some(&path), dir.path()).unwrap_err().to_string();
        assert!(error.contains("(mode 0640); run `chmod 600"), "{error}");
        assert_eq!(mode(&path), 0o640);
    }

    #[test]
    fn the_originals_key_is_taken_over_and_its_mode_mended() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(ORIGINALS);
        let id = write(&path, 0o644);
        let key = NodeKey::open(None, dir.path()).unwrap();
        assert_eq!((key.identity.id().as_str(), mode(&path)), (id.as_str(), 0o600));
        assert!(key.notice.unwrap().contains("mode 0644"));
    }

    #[test]
    fn a_file_that_is_no_key_is_left_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(OURS);
        fs::write(&path, "hunter2").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let error = NodeKey::open(None, dir.path()).unwrap_err().to_string();
        assert!(error.contains("not an Ed25519 private key") && !error.contains("hunter2"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "hunter2");
    }
}
