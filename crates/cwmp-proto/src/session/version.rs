use crate::{Header, Namespace, Version};

/// The latest version that is spoken here.
const LATEST: Version = Version::v1(4);

/// The version of a session, and whether the CPE must be told (`UseCWMPVersion`): it must if it said what it supports
/// (`SupportedCWMPVersions`, TR-069 Amendment 6 §3.7.4). `None`: there is no version that both speak.
pub(super) fn agree(header: &Header, namespace: Namespace) -> Option<(Version, bool)> {
    if header.supported_versions.is_empty() {
        return Some((of_older(header, namespace), false));
    }
    let common = header.supported_versions.iter().filter(|it| it.major == LATEST.major && it.minor <= LATEST.minor);
    common.max().map(|version| (*version, true))
}

/// A CPE before 1.4 shows its version by its namespace; 1.3 is 1.2 with a `SessionTimeout`.
fn of_older(header: &Header, namespace: Namespace) -> Version {
    let shown = u16::from(namespace.minor()).min(LATEST.minor);
    if header.session_timeout_secs.is_some() { Version::v1(shown.max(3)) } else { Version::v1(shown) }
}

/// Whether the schema of that version has `HoldRequests`.
pub(super) fn has_hold_requests(version: Version) -> bool {
    version <= Version::v1(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(
        versions: &[&str],
        session_timeout_secs: Option<u32>,
        namespace: Namespace,
        expected: Option<(u16, bool)>,
    ) {
        let supported_versions = versions.iter().map(|text| Version::parse(text).unwrap()).collect();
        let header = Header { supported_versions, session_timeout_secs, ..Header::default() };
        let expected = expected.map(|(minor, told)| (Version::v1(minor), told));
        assert_eq!(agree(&header, namespace), expected, "{versions:?}");
    }

    #[test]
    fn the_highest_common_version_is_used_and_told_to_whoever_asked() {
        check(&["1.0", "1.4", "1.2"], None, Namespace::V1_2, Some((4, true)));
        check(&["1.0", "1.1"], None, Namespace::V1_2, Some((1, true)));
        check(&["1.3", "1.7", "2.0"], None, Namespace::V1_2, Some((3, true)));
        check(&["2.0", "1.9"], None, Namespace::V1_2, None);
    }

    #[test]
    fn older_cpes_show_their_version_by_namespace_and_header() {
        check(&[], None, Namespace::V1_0, Some((0, false)));
        check(&[], None, Namespace::V1_2, Some((2, false)));
        check(&[], Some(60), Namespace::V1_2, Some((3, false)));
        check(&[], None, Namespace::V1_4, Some((4, false)));
    }
}
