use std::net::IpAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use sangam_signal_proto::{Owner, ParticipantId};
use sangam_signal_proto::{ParticipantRecord, RoomId, RoomRecord, TimerRecord};
use sangam_types::{Text, Wall};
use serde::{Deserialize, Serialize};

use crate::dialect::Said;

/// A room as it is kept: JSON, so that another version, or a person, can read it.
#[derive(Serialize, Deserialize)]
pub(super) struct RoomFile {
    room: String,
    participants: Vec<ParticipantFile>,
    #[serde(default)]
    locked: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    verse: Option<SaidFile>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    queue: Option<SaidFile>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timer: Option<TimerFile>,
}

#[derive(Serialize, Deserialize)]
struct ParticipantFile {
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    owner: OwnerFile,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum OwnerFile {
    Address(IpAddr),
    Subject(String),
}

#[derive(Serialize, Deserialize)]
struct SaidFile {
    json: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    object: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TimerFile {
    Runs { duration_ms: u64, until_unix_ms: u64 },
    Rests { duration_ms: u64, remaining_ms: u64 },
}

pub(super) fn write(record: &RoomRecord<Said>) -> RoomFile {
    let participant = |it: &ParticipantRecord| ParticipantFile {
        id: it.id.to_string(),
        name: it.name.as_ref().map(|name| name.as_str().to_owned()),
        owner: OwnerFile::write(&it.owner),
    };
    RoomFile {
        room: record.room.to_string(),
        participants: record.participants.iter().map(participant).collect(),
        locked: record.locked,
        verse: record.verse.as_ref().map(SaidFile::write),
        queue: record.queue.as_ref().map(SaidFile::write),
        timer: record.timer.map(TimerFile::write),
    }
}

/// `None` if what stands there names no room. A participant that cannot be one is left out.
pub(super) fn read(file: &RoomFile) -> Option<RoomRecord<Said>> {
    let participant = |it: &ParticipantFile| {
        Some(ParticipantRecord {
            id: ParticipantId::parse(&it.id).ok()?,
            name: it.name.as_deref().map(Text::from),
            owner: it.owner.read(),
        })
    };
    Some(RoomRecord {
        room: RoomId::parse(&file.room).ok()?,
        participants: file.participants.iter().filter_map(participant).collect(),
        locked: file.locked,
        verse: file.verse.as_ref().and_then(SaidFile::read),
        queue: file.queue.as_ref().and_then(SaidFile::read),
        timer: file.timer.as_ref().map(TimerFile::read),
    })
}

impl OwnerFile {
    pub(super) fn write(owner: &Owner) -> Self {
        match owner {
            Owner::Address(address) => Self::Address(*address),
            Owner::Subject(subject) => Self::Subject(subject.to_string()),
        }
    }

    pub(super) fn read(&self) -> Owner {
        match self {
            Self::Address(address) => Owner::Address(*address),
            Self::Subject(subject) => Owner::Subject(subject.as_str().into()),
        }
    }
}

impl SaidFile {
    fn write(said: &Said) -> Self {
        Self {
            json: said.json().to_owned(),
            object: said.object().map(ToOwned::to_owned),
            attachments: said.attachments().iter().map(|bytes| STANDARD.encode(bytes)).collect(),
        }
    }

    fn read(&self) -> Option<Said> {
        let json = Text::from(self.json.as_str());
        if self.object.is_none() && self.attachments.is_empty() {
            return Some(Said::new(json));
        }
        let bytes = |text: &String| STANDARD.decode(text).map(Bytes::from).ok();
        let attachments = self.attachments.iter().map(bytes).collect::<Option<Vec<_>>>()?;
        Some(Said::with_argument(json, self.object.as_deref().unwrap_or_default().into(), &attachments))
    }
}

impl TimerFile {
    fn write(timer: TimerRecord) -> Self {
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        match timer {
            TimerRecord::Runs { duration, until } => {
                Self::Runs { duration_ms: millis(duration), until_unix_ms: until.unix_millis() }
            }
            TimerRecord::Rests { duration, remaining } => {
                Self::Rests { duration_ms: millis(duration), remaining_ms: millis(remaining) }
            }
        }
    }

    fn read(&self) -> TimerRecord {
        match *self {
            Self::Runs { duration_ms, until_unix_ms } => TimerRecord::Runs {
                duration: Duration::from_millis(duration_ms),
                until: Wall::from_unix_millis(until_unix_ms),
            },
            Self::Rests { duration_ms, remaining_ms } => TimerRecord::Rests {
                duration: Duration::from_millis(duration_ms),
                remaining: Duration::from_millis(remaining_ms),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_read_back_as_it_was_written() {
        let said = Said::new(Text::from(r#"{"verse":1}"#));
        let whole = Said::with_argument(
            Text::from(r#"{"queue":[]}"#),
            Text::from(r#"{"queue":[],"b":{"_placeholder":true,"num":0}}"#),
            &[Bytes::from_static(b"\x00\xff")],
        );
        let timers = [
            TimerRecord::Runs { duration: Duration::from_secs(60), until: Wall::from_unix_millis(7) },
            TimerRecord::Rests { duration: Duration::from_secs(60), remaining: Duration::from_millis(1_500) },
        ];
        for timer in timers {
            let record = RoomRecord {
                room: RoomId::parse("é room").unwrap(),
                participants: vec![
                    ParticipantRecord {
                        id: ParticipantId::parse("a").unwrap(),
                        name: Some("A".into()),
                        owner: Owner::Address([192, 0, 2, 1].into()),
                    },
                    ParticipantRecord {
                        id: ParticipantId::parse("b").unwrap(),
                        name: None,
                        owner: Owner::Subject("bob".into()),
                    },
                ],
                locked: true,
                verse: Some(said.clone()),
                queue: Some(whole.clone()),
                timer: Some(timer),
            };
            let json = serde_json::to_vec(&write(&record)).unwrap();
            assert_eq!(read(&serde_json::from_slice(&json).unwrap()), Some(record));
        }
    }
}
