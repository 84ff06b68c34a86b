use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sangam_types::Wall;
use serde::{Deserialize, Serialize};

use super::{BYTES_MAX, SdpError, bounded, lines};
use crate::PeerId;
use crate::identity::Proof;

/// What a node like ours writes of itself into its descriptions: `a=sangam-mesh:<base64url of JSON>`, once, at session level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// What the writer understands: [`Mark::VERSION`].
    pub version: u16,
    /// Its id.
    pub id: PeerId,
    /// That the id's key wrote this description.
    pub proof: Option<Proof>,
}

impl Mark {
    /// What this code understands. A larger one is read as far as it is known.
    pub const VERSION: u16 = 1;

    /// A mark of this version.
    #[must_use]
    pub fn new(id: PeerId, proof: Option<Proof>) -> Self {
        Self { version: Self::VERSION, id, proof }
    }
}

/// The JSON in the attribute.
#[derive(Serialize, Deserialize)]
struct MarkJson {
    v: u16,
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    /// When, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<u64>,
    /// The signature, base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sig: Option<String>,
}

/// Writes a mark into a description, in place of one that is there.
///
/// # Errors
/// The description is no description or would be too large.
pub fn mark(sdp: &str, mark: &Mark) -> Result<String, SdpError> {
    super::check(sdp)?;
    let json = MarkJson {
        v: mark.version,
        id: mark.id.as_str().to_owned(),
        to: mark.proof.as_ref().and_then(|proof| proof.to.as_ref()).map(|to| to.as_str().to_owned()),
        at: mark.proof.as_ref().map(|proof| proof.at.unix_millis()),
        sig: mark.proof.as_ref().map(|proof| URL_SAFE_NO_PAD.encode(proof.signature)),
    };
    let value = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&json).unwrap_or_default());
    let mut out = String::with_capacity(sdp.len() + value.len() + PREFIX.len() + 2);
    let mut written = false;
    for line in lines(&unmarked(sdp)).filter(|line| !line.is_empty()) {
        if line.starts_with("m=") && !written {
            written = true;
            out.push_str(PREFIX);
            out.push_str(&value);
            out.push_str("\r\n");
        }
        out.push_str(line);
        out.push_str("\r\n");
    }
    if out.len() > BYTES_MAX { Err(SdpError::TooLarge) } else { Ok(out) }
}

/// The description's mark, if it has exactly one at session level that can be read. Members that are not known are skipped.
/// A mark proves nothing before [`Proof::check`].
#[must_use]
pub fn read_mark(sdp: &str) -> Option<Mark> {
    let mut values =
        bounded(sdp).take_while(|line| !line.starts_with("m=")).filter_map(|line| line.strip_prefix(PREFIX));
    let value = values.next().filter(|value| value.len() <= MARK_BYTES_MAX)?;
    if values.next().is_some() {
        return None;
    }
    let json: MarkJson = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(value.trim()).ok()?).ok()?;
    let to = json.to.as_deref().map(PeerId::new).transpose().ok()?;
    let proof = match (json.at, json.sig) {
        (Some(at), Some(signature)) => {
            let signature = URL_SAFE_NO_PAD.decode(signature).ok()?.try_into().ok()?;
            Some(Proof { to, at: Wall::from_unix_millis(at), signature })
        }
        _ => None,
    };
    Some(Mark { version: json.v, id: PeerId::new(&json.id).ok()?, proof })
}

/// The description without any mark, for readers that know no such attribute.
#[must_use]
pub fn unmarked(sdp: &str) -> String {
    let marked = |line: &&str| line.starts_with(PREFIX);
    if !lines(sdp).any(|line| marked(&line)) {
        return sdp.to_owned();
    }
    let kept: Vec<&str> = lines(sdp).filter(|line| !marked(line)).collect();
    kept.join("\r\n")
}

/// The longest value of the attribute, in bytes. Ours have at most 700.
pub const MARK_BYTES_MAX: usize = 2048;

const PREFIX: &str = "a=sangam-mesh:";
