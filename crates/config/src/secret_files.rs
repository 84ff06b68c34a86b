//! Secrets that stand in files of their own.

use std::path::Path;

use toml::Value;

use crate::aliases::{JWT_SECRET_FILE, sync_key};
use crate::catalogue::{Catalogue, Key, Kind};
use crate::layers::Layers;
use crate::origin::Origin;
use crate::problem::Problem;

/// For every secret key with a `*_file` beside it, reads the file and sets the secret, unless the secret itself comes
/// from a stronger source.
pub(crate) fn read_all(layers: &mut Layers) {
    for key in Catalogue::get().keys().iter().filter(|key| key.secret) {
        let file_key = format!("{}_file", key.name);
        let Some(path) = layers.path(&file_key) else { continue };
        let origin = layers.origin(&file_key);
        let own = layers.origin(&key.name);
        if own.rank() > origin.rank() {
            continue;
        }
        if own.rank() == origin.rank() {
            layers.problems.push(Problem::SecretTwice { origin, key: key.name.clone() });
            continue;
        }
        let bare = matches!(&origin, Origin::Environment { variable } if variable == JWT_SECRET_FILE);
        match if bare { read_bare(&path) } else { read(key, &path) } {
            Ok(value) => layers.set_value(&key.name, value, origin),
            Err(cause) => layers.problems.push(Problem::UnreadableSecretFile { origin, key: file_key, path, cause }),
        }
    }
}

/// One secret without a name.
fn read_bare(path: &Path) -> Result<Value, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let secret = text.trim();
    if secret.is_empty() { Err("it holds no secret".to_owned()) } else { Ok(Value::Array(vec![sync_key(secret)])) }
}

fn read(key: &Key, path: &Path) -> Result<Value, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    if ["ice.servers", "node.ice_servers"].contains(&key.name.as_str()) {
        return servers_of_json(&text);
    }
    if key.kind == Kind::Text {
        let secret = text.trim();
        return if secret.is_empty() { Err("it holds no secret".to_owned()) } else { Ok(secret.to_owned().into()) };
    }
    let lines: Vec<Value> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| Value::String(line.to_owned()))
        .collect();
    if lines.is_empty() { Err("it holds no secret".to_owned()) } else { Ok(Value::Array(lines)) }
}

/// Reads a JSON array of ICE servers, as `ICE_SERVERS_JSON` has it. Members that are null are left out, and
/// `credentialType`, which older browsers wanted.
///
/// # Errors
///
/// What to write; holds nothing of the text.
pub(crate) fn servers_of_json(text: &str) -> Result<Value, String> {
    let shape = || "it is not a JSON array of ICE servers; write [{\"urls\":\"stun:host:port\"}]".to_owned();
    let mut servers: Vec<serde_json::Map<String, serde_json::Value>> =
        serde_json::from_str(text).map_err(|_| shape())?;
    for server in &mut servers {
        server.retain(|name, value| !value.is_null() && name != "credentialType");
    }
    Value::try_from(servers).map_err(|_| shape())
}
