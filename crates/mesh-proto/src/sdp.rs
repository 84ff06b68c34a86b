//! Session descriptions as text: what the mesh reads in them and writes into them, whoever made them (RFC 8866, RFC 8839).
//!
//! Nothing here understands media. Lines that are not minded pass through as they came; lines end with CR LF in what is
//! written, with CR LF or LF in what is read. A description larger than [`BYTES_MAX`], or with more than
//! [`CANDIDATES_MAX`] candidates, is refused.

mod candidate_line;
mod fingerprint;
mod mark;
mod sections;

pub use candidate_line::{CandidateHost, CandidateLine, CandidateLineError, TcpType, Transport, is_end_marker};
pub use fingerprint::{Fingerprint, fingerprints};
pub use mark::{MARK_BYTES_MAX, Mark, mark, read_mark, unmarked};
pub use sections::{fold, retain_candidates, whole, without_candidates};

use thiserror::Error;

use crate::Profile;

/// The largest description, in bytes.
pub const BYTES_MAX: usize = 64 << 10;

/// Candidates in one description at most.
pub const CANDIDATES_MAX: usize = 128;

/// Why a description is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SdpError {
    /// It is larger than [`BYTES_MAX`], or would be.
    #[error("a description has at most 65536 bytes")]
    TooLarge,
    /// It has more than [`CANDIDATES_MAX`] candidates, or would have.
    #[error("a description has at most 128 candidates")]
    TooManyCandidates,
    /// It has no `m=` line, does not begin with `v=`, or holds control characters other than line ends.
    #[error("not a session description")]
    NotSdp,
}

/// Whether a text is a description within the bounds. Everything else here is safe on any text; this is the one check to
/// make before a description is kept or passed on.
///
/// # Errors
/// It is too large, has too many candidates, or is no description.
pub fn check(sdp: &str) -> Result<(), SdpError> {
    if sdp.len() > BYTES_MAX {
        return Err(SdpError::TooLarge);
    }
    if lines(sdp).filter(|line| line.starts_with("a=candidate:")).count() > CANDIDATES_MAX {
        return Err(SdpError::TooManyCandidates);
    }
    if lines(sdp).any(|line| line.chars().any(|c| c.is_control() && c != '\t')) {
        return Err(SdpError::NotSdp);
    }
    if !sdp.starts_with("v=") || !lines(sdp).any(|line| line.starts_with("m=")) {
        return Err(SdpError::NotSdp);
    }
    Ok(())
}

/// The candidates of a description, in its order. Those that cannot be read, or are for a component other than 1, are left
/// out: a peer may know kinds that we do not.
///
/// # Errors
/// See [`check`].
pub fn candidates(sdp: &str) -> Result<Vec<CandidateLine>, SdpError> {
    check(sdp)?;
    Ok(candidate_texts(sdp).filter_map(|line| CandidateLine::parse(line).ok()).collect())
}

/// Whether the description says that its candidates are all (RFC 8840 §8.2), or never says so because its maker does not
/// trickle at all: then every candidate is in it too, but this is `false`.
#[must_use]
pub fn has_end_of_candidates(sdp: &str) -> bool {
    bounded(sdp).any(|line| line == "a=end-of-candidates")
}

/// The first ICE user fragment (RFC 8839 §5.4).
#[must_use]
pub fn ufrag(sdp: &str) -> Option<&str> {
    ufrags(sdp).next()
}

/// Every ICE user fragment, in order. Bundled sections repeat theirs.
pub fn ufrags(sdp: &str) -> impl Iterator<Item = &str> {
    bounded(sdp).filter_map(|line| line.strip_prefix("a=ice-ufrag:")).map(str::trim).filter(|ufrag| !ufrag.is_empty())
}

/// The name of the first media section (RFC 5888 §4).
#[must_use]
pub fn mid(sdp: &str) -> Option<&str> {
    bounded(sdp).find_map(|line| line.strip_prefix("a=mid:")).map(str::trim).filter(|mid| !mid.is_empty())
}

/// What its maker is, by the marks that its library leaves.
///
/// - [`Profile::Sangam`]: it carries a [`Mark`].
/// - [`Profile::Agent`]: it promises trickle ICE (`a=ice-options:… trickle`), as libwebrtc, libdatachannel and browsers do.
/// - [`Profile::Synapse`]: it does not, and shows aiortc: `a=msid-semantic:WMS *`, or a candidate's foundation of 32 hex
///   digits.
/// - [`Profile::Unknown`]: none of these.
#[must_use]
pub fn profile(sdp: &str) -> Profile {
    if read_mark(sdp).is_some() {
        return Profile::Sangam;
    }
    let trickles = bounded(sdp)
        .filter_map(|line| line.strip_prefix("a=ice-options:"))
        .any(|options| options.split([' ', ',']).any(|option| option == "trickle"));
    if trickles {
        return Profile::Agent;
    }
    let aiortc = bounded(sdp).any(|line| line == "a=msid-semantic:WMS *")
        || candidate_texts(sdp).any(|line| {
            let foundation =
                line.strip_prefix("candidate:").and_then(|rest| rest.split(' ').next()).unwrap_or_default();
            foundation.len() == 32 && foundation.bytes().all(|byte| byte.is_ascii_hexdigit())
        });
    if aiortc { Profile::Synapse } else { Profile::Unknown }
}

/// The lines of a description without their ends.
fn lines(sdp: &str) -> impl Iterator<Item = &str> {
    sdp.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line))
}

/// The lines of a description within the bound; none of one that is too large.
fn bounded(sdp: &str) -> impl Iterator<Item = &str> {
    lines(if sdp.len() > BYTES_MAX { "" } else { sdp })
}

/// Candidate lines without `a=`.
fn candidate_texts(sdp: &str) -> impl Iterator<Item = &str> {
    bounded(sdp).filter_map(|line| line.strip_prefix("a=")).filter(|line| line.starts_with("candidate:"))
}

#[cfg(test)]
mod tests;
