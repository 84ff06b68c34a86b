use std::sync::Arc;

use bytes::Bytes;

use super::reader::{Reader, put_text};
use super::{Kind, Malformed, VERSION, topic, topics_fitting};
use crate::PeerId;
use crate::gossip::Frame;

/// Who a node is and what it takes: the first frame of each side between two nodes like ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The highest version it speaks, from 1.
    pub version: u8,
    /// The largest frame it takes, bytes, at least [`Hello::FRAME_BYTES_MIN`].
    pub frame_bytes_max: u32,
    /// Ids it may be told before it has said that it dealt with them.
    pub ids_ahead: u32,
    /// Who it says it is. Proven is that only by the descriptions the link came from.
    pub id: PeerId,
    /// Topics it wants. More follow as [`Incoming::Subscribe`](super::Incoming::Subscribe).
    pub topics: Vec<Arc<str>>,
}

impl Hello {
    /// The least that every node takes: the largest frame that is never cut (a chunk is) is smaller.
    pub const FRAME_BYTES_MIN: u32 = 1_024;

    /// Frames that say it: a hello with as many topics as fit `frame_bytes_max`, and the others after it.
    #[must_use]
    pub fn encode(&self, frame_bytes_max: usize) -> Vec<Frame> {
        let mut out = vec![Kind::Hello as u8, self.version];
        out.extend_from_slice(&self.frame_bytes_max.to_be_bytes());
        out.extend_from_slice(&self.ids_ahead.to_be_bytes());
        put_text(&mut out, self.id.as_str());
        let room = frame_bytes_max.saturating_sub(out.len() + 2);
        let (first, rest) = self.topics.split_at(topics_fitting(&self.topics, room));
        topic::put(&mut out, first);
        let mut frames = vec![Frame { binary: true, bytes: Bytes::from(out) }];
        frames.extend(super::subscribe(rest, frame_bytes_max));
        frames
    }

    /// What follows the last topic is for later versions and skipped.
    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let version = reader.u8()?;
        let frame_bytes_max = reader.u32()?;
        let ids_ahead = reader.u32()?;
        if version == 0 || frame_bytes_max < Self::FRAME_BYTES_MIN || ids_ahead == 0 {
            return Err(Malformed::Number);
        }
        let id = reader.peer()?;
        let topics = topic::list(reader)?;
        Ok(Self { version, frame_bytes_max, ids_ahead, id, topics })
    }

    /// The version that is spoken with this node.
    #[must_use]
    pub fn version_spoken(&self) -> u8 {
        self.version.min(VERSION)
    }
}
