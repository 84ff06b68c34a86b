use std::sync::Arc;

use bytes::Bytes;

use super::reader::{Reader, put_text};
use super::{Kind, Malformed};
use crate::gossip::Frame;

/// The longest name of a topic, bytes.
pub const TOPIC_BYTES_MAX: usize = 255;

/// Whether a text may name a topic: 1 to 255 bytes without control characters.
#[must_use]
pub fn is_topic(name: &str) -> bool {
    !name.is_empty() && name.len() <= TOPIC_BYTES_MAX && !name.chars().any(char::is_control)
}

/// Frames that say which topics are wanted from now on.
#[must_use]
pub fn subscribe(topics: &[Arc<str>], frame_bytes_max: usize) -> Vec<Frame> {
    frames(Kind::Subscribe, topics, frame_bytes_max)
}

/// Frames that say which topics are wanted no longer.
#[must_use]
pub fn unsubscribe(topics: &[Arc<str>], frame_bytes_max: usize) -> Vec<Frame> {
    frames(Kind::Unsubscribe, topics, frame_bytes_max)
}

fn frames(kind: Kind, mut topics: &[Arc<str>], frame_bytes_max: usize) -> Vec<Frame> {
    let mut frames = Vec::new();
    while !topics.is_empty() {
        // At least one each time, so that it ends: the least frame that anybody takes holds four.
        let count = topics_fitting(topics, frame_bytes_max.saturating_sub(3)).max(1);
        let (now, later) = topics.split_at(count);
        let mut out = vec![kind as u8];
        put(&mut out, now);
        frames.push(Frame { binary: true, bytes: Bytes::from(out) });
        topics = later;
    }
    frames
}

/// How many of the first topics fit so many bytes.
#[must_use]
pub fn topics_fitting(topics: &[Arc<str>], mut room: usize) -> usize {
    let fits = |topic: &&Arc<str>| {
        let left = room.checked_sub(1 + topic.len());
        room = left.unwrap_or(room);
        left.is_some()
    };
    topics.iter().take_while(fits).take(usize::from(u16::MAX)).count()
}

pub(super) fn put(out: &mut Vec<u8>, topics: &[Arc<str>]) {
    let count = u16::try_from(topics.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&count.to_be_bytes());
    for topic in &topics[..count.into()] {
        put_text(out, topic);
    }
}

pub(super) fn list(reader: &mut Reader<'_>) -> Result<Vec<Arc<str>>, Malformed> {
    let count = usize::from(reader.u16()?);
    // Two bytes each at least: a number that cannot be true reserves nothing.
    if count * 2 > reader.left() {
        return Err(Malformed::Truncated);
    }
    (0..count).map(|_| reader.topic()).collect()
}

pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Vec<Arc<str>>, Malformed> {
    let topics = list(reader)?;
    reader.end()?;
    Ok(topics)
}
