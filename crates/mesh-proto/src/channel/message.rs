use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sangam_types::Wall;
use sha2::{Digest as _, Sha256};

use super::ids::millis;
use super::reader::{Reader, put_text};
use super::{Kind, Malformed};
use crate::PeerId;
use crate::gossip::{Frame, MessageId};

/// A message of a topic.
///
/// ```text
/// 0x04 | flags 1 | hops 1 | age 4 | signature 64, if flags & 0x01 | body
/// body: published 8 | id 16 | topic 1+n | origin 1+n | payload
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What changes from link to link.
    pub header: Header,
    /// What stays as its origin wrote it.
    pub body: Body,
}

/// What changes from link to link, and the signature over what does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Links it has come over with this one, from 1.
    pub hops: u8,
    /// How long nodes have held it on its way, in milliseconds on the wire.
    pub age: Duration,
    /// Its origin's Ed25519 signature over [`Body::signed`].
    pub signature: Option<[u8; 64]>,
}

/// What stays as the origin wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// When it was published, by the origin's clock: to be shown, never compared with ours.
    pub published: Wall,
    /// Its id.
    pub id: MessageId,
    /// Its topic.
    pub topic: Arc<str>,
    /// Who published it, as it says.
    pub origin: PeerId,
    /// What it says.
    pub payload: Bytes,
    /// All of this as it travels.
    bytes: Bytes,
}

/// The one flag of a message: a signature is there.
const SIGNED: u8 = 0x01;

/// Keeps a signature over a message from being one over anything else that the same key signs.
const DOMAIN: &[u8; 20] = b"sangam-mesh-message\x01";

impl Body {
    /// A message to be published. The topic is one ([`is_topic`](super::is_topic)).
    #[must_use]
    pub fn new(published: Wall, id: MessageId, topic: Arc<str>, origin: PeerId, payload: &[u8]) -> Self {
        let mut out = Vec::with_capacity(8 + 16 + 2 + topic.len() + origin.as_str().len() + payload.len());
        out.extend_from_slice(&published.unix_millis().to_be_bytes());
        out.extend_from_slice(&id.0);
        put_text(&mut out, &topic);
        put_text(&mut out, origin.as_str());
        let start = out.len();
        out.extend_from_slice(payload);
        let bytes = Bytes::from(out);
        Self { published, id, topic, origin, payload: bytes.slice(start..), bytes }
    }

    /// What its origin signs: a domain and the SHA-256 of the whole body, so that nothing large is copied for it.
    #[must_use]
    pub fn signed(&self) -> [u8; 52] {
        let mut signed = [0; 52];
        let (domain, digest) = signed.split_at_mut(DOMAIN.len());
        domain.copy_from_slice(DOMAIN);
        digest.copy_from_slice(&Sha256::digest(&self.bytes));
        signed
    }
}

impl Message {
    /// The whole frame, whatever its size.
    #[must_use]
    pub fn encode(header: &Header, body: &Body) -> Frame {
        let mut out = Vec::with_capacity(1 + 1 + 1 + 4 + 64 + body.bytes.len());
        out.push(Kind::Message as u8);
        out.push(if header.signature.is_some() { SIGNED } else { 0 });
        out.push(header.hops);
        out.extend_from_slice(&millis(header.age).to_be_bytes());
        if let Some(signature) = &header.signature {
            out.extend_from_slice(signature);
        }
        out.extend_from_slice(&body.bytes);
        Frame { binary: true, bytes: Bytes::from(out) }
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let flags = reader.u8()?;
        let hops = reader.u8()?;
        if hops == 0 || flags & !SIGNED != 0 {
            return Err(Malformed::Number);
        }
        let age = Duration::from_millis(reader.u32()?.into());
        let signature = if flags & SIGNED == 0 { None } else { Some(reader.array()?) };
        let start = reader.at();
        let published = Wall::from_unix_millis(reader.u64()?);
        let id = reader.id()?;
        let topic = reader.topic()?;
        let origin = reader.peer()?;
        let payload = reader.rest();
        let bytes = reader.rest_from(start);
        let body = Body { published, id, topic, origin, payload, bytes };
        Ok(Self { header: Header { hops, age, signature }, body })
    }
}
