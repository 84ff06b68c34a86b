use std::path::Path;

use rustix::fs::statfs;
use sangam_storage::StoreError;

/// Refuses a directory on a file system of which locks and syncs cannot be believed.
pub(crate) fn must_be_local(dir: &Path) -> Result<(), StoreError> {
    let stat = statfs(dir).map_err(|error| StoreError::io(dir.display().to_string(), error.into()))?;
    // The kernel's magic numbers are 32 bits wide, whatever the width and sign of the field that has them.
    match network_kind(stat.f_type as u32) {
        Some(kind) => Err(StoreError::NetworkFileSystem { path: dir.display().to_string(), kind }),
        None => Ok(()),
    }
}

/// What kind of network file system has this magic number (statfs(2), `linux/magic.h` and the sources of the file systems);
/// `None`: a local one, or one that nobody knows.
fn network_kind(magic: u32) -> Option<&'static str> {
    NETWORK_KINDS.iter().find(|(known, _)| *known == magic).map(|(_, kind)| *kind)
}

const NETWORK_KINDS: &[(u32, &str)] = &[
    (0x0000_6969, "NFS"),
    (0x0000_517B, "SMB"),
    (0xFE53_4D42, "SMB"),
    (0xFF53_4D42, "SMB (CIFS)"),
    (0x0102_1997, "9p"),
    (0x6573_5546, "FUSE"),
    (0x00C3_6400, "Ceph"),
    (0x0BD0_0BD0, "Lustre"),
    (0x5346_414F, "AFS"),
    (0x6B41_4653, "AFS"),
    (0x7375_7245, "Coda"),
    (0x0000_564C, "NCP"),
    (0x0116_1970, "GFS2"),
    (0x7461_636F, "OCFS2"),
    (0x1983_0326, "BeeGFS"),
    (0x4750_4653, "GPFS"),
    (0xAAD7_AAEA, "PanFS"),
    (0x2003_0528, "OrangeFS"),
    (0x786F_4256, "a shared folder of VirtualBox"),
    (0xBACB_ACBC, "a shared folder of VMware"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_systems_over_a_network_are_told_by_their_magic_numbers() {
        let table = [
            (0x6969, Some("NFS")),
            (0xFF53_4D42, Some("SMB (CIFS)")),
            (0xFE53_4D42, Some("SMB")),
            (0x517B, Some("SMB")),
            (0x0102_1997, Some("9p")),
            (0x6573_5546, Some("FUSE")),
            (0x00C3_6400, Some("Ceph")),
            (0x0BD0_0BD0, Some("Lustre")),
            (0x5346_414F, Some("AFS")),
            (0x6B41_4653, Some("AFS")),
            // ext4, XFS, Btrfs, ZFS, tmpfs, overlayfs, F2FS, bcachefs
            (0xEF53, None),
            (0x5846_5342, None),
            (0x9123_683E, None),
            (0x2FC1_2FC1, None),
            (0x0102_1994, None),
            (0x794C_7630, None),
            (0xF2F5_2010, None),
            (0xCA45_1A4E, None),
        ];
        for (magic, kind) in table {
            assert_eq!(network_kind(magic), kind, "{magic:#x}");
        }
    }

    #[test]
    fn a_directory_for_tests_is_local_and_one_that_is_not_there_cannot_be_asked() {
        let dir = tempfile::tempdir().unwrap();
        assert!(must_be_local(dir.path()).is_ok());
        let missing = must_be_local(&dir.path().join("missing"));
        assert!(matches!(missing, Err(StoreError::Unusable { .. })), "{missing:?}");
    }
}
