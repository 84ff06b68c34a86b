//! The data models that all agents of a fleet share. An agent keeps only what is different with it.

mod rows;

use std::collections::BTreeMap;

use sangam_usp_proto::agent::{CommandSchema, ObjectSchema, ParamSchema, SupportedModel};
use sangam_usp_proto::message::{CmdType, ObjAccessType, ParamAccessType, ParamValueType, ValueChangeType};

use self::rows::{NOT_SLIM, NOT_SLIM_PARAMETERS, ROWS};

/// A supported data model, and what it holds until it is set.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) supported: SupportedModel,
    /// By object, with `{i}`, and by name.
    contents: BTreeMap<&'static str, Vec<(&'static str, Content)>>,
    /// Instances that each table has from the factory, by its path with `{i}` but for the last.
    factory: BTreeMap<&'static str, u32>,
}

/// What a parameter holds until it is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Text(&'static str),
    Manufacturer,
    Oui,
    Product,
    Serial,
    Software,
    Endpoint,
    Controller,
    Mtp,
    Interval,
    Uptime,
    Time,
    Mac,
    Address,
    Lan,
    Ssid,
    Channel,
    /// Can be set, and reads as nothing.
    Secret,
    /// Grows with time.
    Counter,
    /// Goes up and down.
    Small,
    Noise,
    /// How many instances the table has that it is named for.
    Entries,
}

const URI: &str = "urn:broadband-forum-org:tr-181-2-19-1-usp";

impl Model {
    /// A gateway, or an agent that does without much.
    pub(super) fn new(is_slim: bool) -> Self {
        let is_left_out = |object: &str| is_slim && NOT_SLIM.iter().any(|path| object.starts_with(path));
        let is_parameter_left_out = |object: &str, name: &str| is_slim && NOT_SLIM_PARAMETERS.contains(&(object, name));
        let mut it = Self { supported: SupportedModel::new(URI), contents: BTreeMap::new(), factory: BTreeMap::new() };
        let mut open: Option<(&'static str, ObjectSchema)> = None;
        for line in ROWS.lines() {
            if let Some(row) = line.strip_prefix(' ') {
                let Some((path, schema)) = &mut open else { continue };
                let name = row.split(' ').next().unwrap_or_default();
                if !is_parameter_left_out(path, name) {
                    it.contents.entry(path).or_default().extend(add_row(schema, row));
                }
                continue;
            }
            it.close(open.take());
            let mut words = line.split(' ');
            let (Some(kind), Some(path)) = (words.next(), words.next()) else { continue };
            if is_left_out(path) {
                continue;
            }
            let access = if kind == "t" { ObjAccessType::AddDelete } else { ObjAccessType::ReadOnly };
            open = Some((path, ObjectSchema { access, ..ObjectSchema::default() }));
            if let (Some(table), Some(Ok(count))) = (path.strip_suffix("{i}."), words.next().map(str::parse)) {
                it.factory.insert(table, count);
            }
        }
        it.close(open);
        it
    }

    fn close(&mut self, object: Option<(&'static str, ObjectSchema)>) {
        if let Some((path, mut schema)) = object {
            let params = &schema.params;
            // Keys of parameters that are left out are none.
            schema.unique_keys.retain(|names| names.iter().all(|name| params.iter().any(|it| it.name == *name)));
            self.supported = std::mem::take(&mut self.supported).with(path, schema);
        }
    }

    /// What a parameter of an object, with `{i}`, holds from the factory.
    pub(super) fn content(&self, object: &str, name: &str) -> Option<Content> {
        self.contents.get(object)?.iter().find(|(known, _)| *known == name).map(|(_, content)| *content)
    }

    /// How many instances a table has from the factory, by its path with `{i}`.
    pub(super) fn factory_count(&self, table: &str) -> u32 {
        self.factory.get(table).copied().unwrap_or(0)
    }
}

/// Adds a row to its object; a parameter's content comes back.
fn add_row(schema: &mut ObjectSchema, row: &'static str) -> Option<(&'static str, Content)> {
    let (name, rest) = row.split_once(' ').unwrap_or((row, ""));
    if name == "k" {
        schema.unique_keys.push(rest.split(',').map(str::to_owned).collect());
        return None;
    }
    if name.ends_with('!') {
        let args: Vec<&str> = rest.split(',').filter(|arg| !arg.is_empty()).collect();
        *schema = std::mem::take(schema).event(name, &args);
        return None;
    }
    if name.ends_with("()") {
        schema.commands.push(command(name, rest));
        return None;
    }
    let mut words = rest.splitn(3, ' ');
    let (kind, access, content) = (words.next()?, words.next()?, words.next()?);
    schema.params.push(ParamSchema {
        name: name.to_owned(),
        access: if matches!(access, "w" | "x") { ParamAccessType::ReadWrite } else { ParamAccessType::ReadOnly },
        value_type: type_of(kind)?,
        value_change: if access == "c" { ValueChangeType::WillIgnore } else { ValueChangeType::Allowed },
    });
    Some((name, if access == "x" { Content::Secret } else { content_of(content)? }))
}

fn command(name: &str, rest: &str) -> CommandSchema {
    let list = |sign: char| -> Vec<String> {
        let words = rest.split(' ').filter_map(|word| word.strip_prefix(sign));
        words.flat_map(|word| word.split(',')).map(str::to_owned).collect()
    };
    CommandSchema {
        name: name.to_owned(),
        kind: if rest.starts_with("async") { CmdType::Async } else { CmdType::Sync },
        mandatory_inputs: list('<'),
        inputs: list('['),
        outputs: list('>'),
    }
}

fn type_of(word: &str) -> Option<ParamValueType> {
    Some(match word {
        "s" => ParamValueType::String,
        "b" => ParamValueType::Boolean,
        "i" => ParamValueType::Int,
        "u" => ParamValueType::UnsignedInt,
        "l" => ParamValueType::UnsignedLong,
        "t" => ParamValueType::DateTime,
        _ => return None,
    })
}

fn content_of(word: &'static str) -> Option<Content> {
    if let Some(text) = word.strip_prefix('=') {
        return Some(Content::Text(text));
    }
    Some(match word {
        "@manufacturer" => Content::Manufacturer,
        "@oui" => Content::Oui,
        "@product" => Content::Product,
        "@serial" => Content::Serial,
        "@software" => Content::Software,
        "@endpoint" => Content::Endpoint,
        "@controller" => Content::Controller,
        "@mtp" => Content::Mtp,
        "@interval" => Content::Interval,
        "@uptime" => Content::Uptime,
        "@time" => Content::Time,
        "@mac" => Content::Mac,
        "@address" => Content::Address,
        "@lan" => Content::Lan,
        "@ssid" => Content::Ssid,
        "@channel" => Content::Channel,
        "@counter" => Content::Counter,
        "@small" => Content::Small,
        "@noise" => Content::Noise,
        "#" => Content::Entries,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_understood() {
        let model = Model::new(false);
        let mut path = "";
        for line in ROWS.lines() {
            let Some(row) = line.strip_prefix(' ') else {
                path = line.split(' ').nth(1).unwrap();
                assert!(model.supported.object(path).is_some(), "{line}");
                continue;
            };
            let name = row.split(' ').next().unwrap();
            let schema = model.supported.object(path).unwrap();
            let is_there = match name {
                "k" => !schema.unique_keys.is_empty(),
                _ if name.ends_with('!') => schema.events.iter().any(|it| it.name == name),
                _ if name.ends_with("()") => schema.commands.iter().any(|it| it.name == name),
                _ => model.supported.parameter(path, name).is_some() && model.content(path, name).is_some(),
            };
            assert!(is_there, "{path} {row}");
        }
    }

    #[test]
    fn a_command_has_what_it_takes_and_gives() {
        let model = Model::new(false);
        let commands = &model.supported.object("Device.IP.Diagnostics.").unwrap().commands;
        let ping = commands.iter().find(|it| it.name == "IPPing()").unwrap();
        assert_eq!((ping.kind, ping.mandatory_inputs.as_slice()), (CmdType::Async, &["Host".to_owned()][..]));
        assert!(ping.inputs.iter().any(|it| it == "Timeout") && ping.outputs.iter().any(|it| it == "SuccessCount"));
    }

    #[test]
    fn a_small_agent_does_without_requests_and_keeps_what_it_is_known_by() {
        let slim = Model::new(true);
        assert!(slim.supported.object("Device.LocalAgent.Request.{i}.").is_none());
        assert!(slim.supported.parameter("Device.LocalAgent.Subscription.{i}.", "NotifExpiration").is_none());
        assert!(slim.supported.parameter("Device.DeviceInfo.", "SerialNumber").is_some());
        let keys = &slim.supported.object("Device.LocalAgent.Subscription.{i}.").unwrap().unique_keys;
        assert_eq!(keys, &[vec!["Recipient".to_owned(), "ID".to_owned()]]);
    }
}
