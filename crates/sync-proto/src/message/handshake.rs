use std::collections::BTreeMap;

use bytes::Bytes;

use super::must;
use super::{Bounds, Malformed, Message, Reader, Writer};
use crate::Name;

/// POST `/v1/handshake`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandshakeRequest {
    /// `dbId`.
    pub db: Name,
    /// `deviceId`.
    pub device: Name,
    /// `clientInfo.platform`.
    pub platform: String,
    /// `clientInfo.appVersion`.
    pub app_version: String,
    /// `clientInfo.metadata`.
    pub metadata: Option<BTreeMap<String, String>>,
}

impl Message for HandshakeRequest {
    fn decode(bytes: &Bytes, bounds: &Bounds) -> Result<Self, Malformed> {
        let (mut db, mut device, mut client) = (None, None, None);
        let mut reader = Reader::new(bytes, bounds);
        let map = reader.fields("the message", |reader, key| {
            match key {
                "dbId" => db = reader.text(key)?,
                "deviceId" => device = reader.text(key)?,
                "clientInfo" => client = ClientInfo::read(reader, key)?,
                _ => reader.skip()?,
            }
            Ok(())
        })?;
        must(map, "the message", 0)?;
        reader.end()?;
        let client = must(client, "clientInfo", 0)?;
        Ok(Self {
            db: Name::from(&*must(db, "dbId", 0)?),
            device: Name::from(&*must(device, "deviceId", 0)?),
            platform: client.platform,
            app_version: client.app_version,
            metadata: client.metadata,
        })
    }

    fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.map(3);
        writer.key_text("dbId", &self.db);
        writer.key_text("deviceId", &self.device);
        writer.text("clientInfo");
        writer.map(2 + usize::from(self.metadata.is_some()));
        writer.key_text("platform", &self.platform);
        writer.key_text("appVersion", &self.app_version);
        if let Some(metadata) = &self.metadata {
            writer.text("metadata");
            writer.map(metadata.len());
            metadata.iter().for_each(|(key, value)| writer.key_text(key, value));
        }
        writer.0
    }
}

/// `clientInfo` of a handshake.
struct ClientInfo {
    platform: String,
    app_version: String,
    metadata: Option<BTreeMap<String, String>>,
}

impl ClientInfo {
    fn read(reader: &mut Reader<'_>, key: &str) -> Result<Option<Self>, Malformed> {
        let at = reader.at();
        let (mut platform, mut app_version, mut metadata) = (None, None, None);
        let map = reader.fields(key, |reader, key| {
            match key {
                "platform" => platform = reader.string("clientInfo.platform")?,
                "appVersion" => app_version = reader.string("clientInfo.appVersion")?,
                "metadata" => metadata = read_metadata(reader)?,
                _ => reader.skip()?,
            }
            Ok(())
        })?;
        if map.is_none() {
            return Ok(None);
        }
        let platform = must(platform, "clientInfo.platform", at)?;
        Ok(Some(Self { platform, app_version: must(app_version, "clientInfo.appVersion", at)?, metadata }))
    }
}

/// Text to text; an entry whose value is null is one that is not there.
fn read_metadata(reader: &mut Reader<'_>) -> Result<Option<BTreeMap<String, String>>, Malformed> {
    const WHAT: &str = "clientInfo.metadata";
    let mut entries = BTreeMap::new();
    let (mut count, bounds) = (0, reader.bounds());
    let map = reader.fields(WHAT, |reader, key| {
        let at = reader.at();
        count += 1;
        if count > bounds.entries_max {
            return Err(Malformed::new(format!("{WHAT} has more than {} entries", bounds.entries_max), at));
        }
        if key.len() > bounds.text_bytes_max {
            let max = bounds.text_bytes_max;
            return Err(Malformed::new(
                format!("a key of {WHAT} has {} bytes, at most {max} are taken", key.len()),
                at,
            ));
        }
        match reader.string("a value of clientInfo.metadata")? {
            Some(value) => entries.insert(key.to_owned(), value),
            None => entries.remove(key),
        };
        Ok(())
    })?;
    Ok(map.map(|()| entries))
}

/// Its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandshakeResponse {
    /// `serverCursor`: from where this replica goes on.
    pub cursor: u64,
    /// `capabilities`.
    pub capabilities: Capabilities,
    /// `sessionToken`.
    pub session_token: Option<String>,
    /// For clients that say they know it (`metadata.extensions` names `epoch`): the life of the database, as 32 hex digits in
    /// `epoch`, and `reset` if what the replica has must be dropped.
    pub extension: Option<EpochExtension>,
}

/// What clients that know of epochs are told besides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochExtension {
    /// `epoch`.
    pub epoch: String,
    /// `reset`.
    pub reset: bool,
}

impl Message for HandshakeResponse {
    fn decode(bytes: &Bytes, bounds: &Bounds) -> Result<Self, Malformed> {
        let (mut cursor, mut capabilities, mut session_token) = (None, None, None);
        let (mut epoch, mut reset) = (None, None);
        let mut reader = Reader::new(bytes, bounds);
        let map = reader.fields("the message", |reader, key| {
            match key {
                "serverCursor" => cursor = reader.number(key)?,
                "capabilities" => capabilities = Capabilities::read(reader, key)?,
                "sessionToken" => session_token = reader.string(key)?,
                "epoch" => epoch = reader.string(key)?,
                "reset" => reset = reader.bool(key)?,
                _ => reader.skip()?,
            }
            Ok(())
        })?;
        must(map, "the message", 0)?;
        reader.end()?;
        Ok(Self {
            cursor: must(cursor, "serverCursor", 0)?,
            capabilities: must(capabilities, "capabilities", 0)?,
            session_token,
            extension: epoch.map(|epoch| EpochExtension { epoch, reset: reset.unwrap_or(false) }),
        })
    }

    fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.map(2 + usize::from(self.session_token.is_some()) + 2 * usize::from(self.extension.is_some()));
        writer.key_number("serverCursor", self.cursor);
        writer.text("capabilities");
        writer.map(3);
        writer.key_bool("pull", self.capabilities.pull);
        writer.key_bool("push", self.capabilities.push);
        writer.key_bool("sse", self.capabilities.sse);
        if let Some(token) = &self.session_token {
            writer.key_text("sessionToken", token);
        }
        if let Some(extension) = &self.extension {
            writer.key_text("epoch", &extension.epoch);
            writer.key_bool("reset", extension.reset);
        }
        writer.0
    }
}

/// What the server can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// `pull`; true if it is not said.
    pub pull: bool,
    /// `push`; true if it is not said.
    pub push: bool,
    /// `sse`; false if it is not said.
    pub sse: bool,
}

impl Capabilities {
    fn read(reader: &mut Reader<'_>, key: &str) -> Result<Option<Self>, Malformed> {
        let (mut pull, mut push, mut sse) = (None, None, None);
        let map = reader.fields(key, |reader, key| {
            match key {
                "pull" => pull = reader.bool("capabilities.pull")?,
                "push" => push = reader.bool("capabilities.push")?,
                "sse" => sse = reader.bool("capabilities.sse")?,
                _ => reader.skip()?,
            }
            Ok(())
        })?;
        let said = Self { pull: pull.unwrap_or(true), push: push.unwrap_or(true), sse: sse.unwrap_or(false) };
        Ok(map.map(|()| said))
    }
}
