use std::collections::{BTreeMap, BTreeSet};

use sangam_types::Wall;
use serde_json::{Map, Value, json};

use super::budget::{Budget, size};
use super::{Options, Refused};
use crate::{PeerId, timestamp};

/// What is in one channel, without the nodes' records.
///
/// Members that have no rule here are as an empty channel of Synapse-NG has them.
#[derive(Clone, Debug)]
pub(super) struct Channel {
    rest: Map<String, Value>,
    participants: Option<BTreeSet<String>>,
    /// Collections by the entries' ids: the newer `updated_at` wins.
    entries: BTreeMap<&'static str, BTreeMap<String, Value>>,
    /// Lists of entries with ids: all that anybody has, in the order they came.
    logs: BTreeMap<&'static str, Log>,
    /// Votes on operations, by operation and voter.
    votes: Option<BTreeMap<String, Value>>,
}

/// Entries in the order they came, and their ids.
#[derive(Clone, Debug, Default)]
struct Log {
    entries: Vec<Value>,
    ids: BTreeSet<String>,
}

/// What a merge needs beside the two sides.
struct Merging<'a> {
    options: &'a Options,
    budget: &'a mut Budget,
    refused: &'a mut Refused,
    now: Wall,
}

impl Channel {
    pub(super) fn global() -> Self {
        let rest = json!({
            "config": {}, "config_version": 0, "config_updated_at": null,
            "validator_set": [], "validator_set_updated_at": null,
            "last_executed_command_index": -1, "zkp_nullifiers": {}, "schemas": {}, "immune_system": {},
        });
        Self {
            rest: rest.as_object().cloned().unwrap_or_default(),
            participants: None,
            entries: BTreeMap::from([("proposals", BTreeMap::new())]),
            logs: BTreeMap::from([("execution_log", Log::default()), ("pending_operations", Log::default())]),
            votes: Some(BTreeMap::new()),
        }
    }

    pub(super) fn of_topic(us: &PeerId) -> Self {
        let rest = json!({
            "treasury_balance": 0, "composite_tasks": {}, "team_announcements": {}, "node_skills": {}, "common_tools": {},
        });
        Self {
            rest: rest.as_object().cloned().unwrap_or_default(),
            participants: Some(BTreeSet::from([us.as_str().to_owned()])),
            entries: BTreeMap::from([("tasks", BTreeMap::new()), ("proposals", BTreeMap::new())]),
            logs: BTreeMap::new(),
            votes: None,
        }
    }

    pub(super) fn participants(&self) -> impl Iterator<Item = &str> {
        self.participants.iter().flatten().map(String::as_str)
    }

    pub(super) fn to_json(&self) -> Map<String, Value> {
        let mut object = self.rest.clone();
        if let Some(participants) = &self.participants {
            object.insert("participants".into(), json!(participants));
        }
        for (name, entries) in &self.entries {
            object.insert((*name).into(), json!(entries));
        }
        for (name, log) in &self.logs {
            object.insert((*name).into(), json!(log.entries));
        }
        if let Some(votes) = &self.votes {
            object.insert("ratification_votes".into(), json!(votes));
        }
        object
    }

    pub(super) fn merge(
        &mut self,
        options: &Options,
        budget: &mut Budget,
        refused: &mut Refused,
        said: &Map<String, Value>,
        now: Wall,
    ) -> bool {
        let mut merging = Merging { options, budget, refused, now };
        let mut changed = self.merge_participants(&mut merging, said);
        for (name, entries) in &mut self.entries {
            for (id, entry) in said.get(*name).and_then(Value::as_object).into_iter().flatten() {
                changed |= merging.entry(entries, id, entry);
            }
        }
        for (name, log) in &mut self.logs {
            for entry in said.get(*name).and_then(Value::as_array).into_iter().flatten() {
                changed |= merging.log(log, entry);
            }
        }
        if let Some(votes) = &mut self.votes {
            for (id, cast) in said.get("ratification_votes").and_then(Value::as_object).into_iter().flatten() {
                changed |= merging.votes(votes, id, cast);
            }
            changed |= merging.newer(&mut self.rest, said, &["config", "config_updated_at"], "config_version");
            changed |= merging.newer(&mut self.rest, said, &["validator_set"], "validator_set_updated_at");
        }
        changed
    }

    fn merge_participants(&mut self, merging: &mut Merging<'_>, said: &Map<String, Value>) -> bool {
        let Some(participants) = &mut self.participants else { return false };
        let mut changed = false;
        for id in said.get("participants").and_then(Value::as_array).into_iter().flatten() {
            let Some(id) = id.as_str().filter(|id| PeerId::new(id).is_ok()) else {
                merging.refused.malformed += 1;
                continue;
            };
            if participants.contains(id) {
                continue;
            }
            if participants.len() >= merging.options.participants_max || !merging.budget.exchange(0, id.len() + 3) {
                merging.refused.full += 1;
                continue;
            }
            changed |= participants.insert(id.to_owned());
        }
        changed
    }

    /// Gives back what the channel took. Our own id was never counted; it may be given back: the budget is about right.
    pub(super) fn release(self, budget: &mut Budget) {
        let participants = self.participants().skip(1).map(|id| id.len() + 3).sum::<usize>();
        let entries = self.entries.values().flatten().map(|(id, entry)| cost(id, entry)).sum::<usize>();
        budget.release(participants + entries);
    }
}

impl Merging<'_> {
    /// The newer `updated_at` wins, as text; the votes of both are kept, the newcomer's where both have one.
    fn entry(&mut self, entries: &mut BTreeMap<String, Value>, id: &str, said: &Value) -> bool {
        if !said.is_object() || !self.is_fit(id, said) {
            self.refused.malformed += 1;
            return false;
        }
        let (known, time) = (entries.get(id), updated_at(said));
        if self.is_ahead(time) {
            self.refused.time += 1;
            return false;
        }
        let newer = known.is_none_or(|known| time > updated_at(known));
        let mut merged = if newer { said.clone() } else { known.cloned().unwrap_or_default() };
        let cast = [known, Some(said)].into_iter().flatten().filter_map(|entry| entry.get("votes")?.as_object());
        let votes: Map<String, Value> = cast.flatten().map(|(voter, vote)| (voter.clone(), vote.clone())).collect();
        if !votes.is_empty()
            && let Some(merged) = merged.as_object_mut()
        {
            merged.insert("votes".into(), votes.into());
        }
        if known == Some(&merged) || !self.is_fit(id, &merged) {
            return false;
        }
        self.put(entries, id, merged)
    }

    /// An entry with a new id is added.
    fn log(&mut self, log: &mut Log, said: &Value) -> bool {
        let Some(id) = log_id(said).filter(|id| self.is_fit(id, said)) else {
            self.refused.malformed += 1;
            return false;
        };
        if log.ids.contains(id) {
            return false;
        }
        if log.entries.len() >= self.options.entries_max || !self.budget.exchange(0, cost("", said)) {
            self.refused.full += 1;
            return false;
        }
        log.ids.insert(id.to_owned());
        log.entries.push(said.clone());
        true
    }

    /// Every voter's first vote stays.
    fn votes(&mut self, votes: &mut BTreeMap<String, Value>, id: &str, said: &Value) -> bool {
        let Some(cast) = said.as_object().filter(|_| self.is_fit(id, said)) else {
            self.refused.malformed += 1;
            return false;
        };
        let mut merged = votes.get(id).and_then(Value::as_object).cloned().unwrap_or_default();
        let before = merged.len();
        for (voter, vote) in cast {
            merged.entry(voter.clone()).or_insert_with(|| vote.clone());
        }
        let merged = Value::Object(merged);
        let grown = merged.as_object().map_or(0, Map::len) > before || !votes.contains_key(id);
        grown && self.is_fit(id, &merged) && self.put(votes, id, merged)
    }

    /// Members that are replaced together when what tells their age is larger.
    fn newer(&mut self, ours: &mut Map<String, Value>, said: &Map<String, Value>, names: &[&str], age: &str) -> bool {
        let Some(theirs) = said.get(age) else { return false };
        let is_newer = match (ours.get(age), theirs) {
            (Some(Value::Number(ours)), Value::Number(theirs)) => theirs.as_f64() > ours.as_f64(),
            (Some(Value::String(ours)), Value::String(theirs)) => theirs > ours,
            (Some(Value::Null), Value::String(_)) => true,
            _ => false,
        };
        if !is_newer || theirs.as_str().is_some_and(|theirs| self.is_ahead(theirs)) {
            return false;
        }
        let members = || names.iter().copied().chain([age]).filter_map(|name| Some((name, said.get(name)?)));
        let same_kind = |name: &str, value: &Value| {
            let kind = |value: &Value| (value.is_object(), value.is_array());
            ours.get(name).is_none_or(|ours| kind(ours) == kind(value))
        };
        let (old, new) = members()
            .fold((0, 0), |(old, new), (name, value)| (old + ours.get(name).map_or(0, size), new + size(value)));
        let fit = new <= self.options.entry_bytes_max && members().all(|(name, value)| same_kind(name, value));
        if !fit || !self.budget.exchange(old, new) {
            self.refused.malformed += 1;
            return false;
        }
        let members: Vec<_> = members().map(|(name, value)| (name.to_owned(), value.clone())).collect();
        ours.extend(members);
        true
    }

    /// Whether a time is of the future. What is no time is compared as text, as it is with what is known: it would stay for ever
    /// where nothing later can be said.
    fn is_ahead(&self, time: &str) -> bool {
        let latest = self.now + self.options.clock_skew_max;
        timestamp::parse(time).map_or_else(|| *time > *timestamp::python(latest), |at| at > latest)
    }

    fn put(&mut self, entries: &mut BTreeMap<String, Value>, id: &str, value: Value) -> bool {
        let known = entries.get(id).map(|known| cost(id, known));
        let full = known.is_none() && entries.len() >= self.options.entries_max;
        if full || !self.budget.exchange(known.unwrap_or(0), cost(id, &value)) {
            self.refused.full += 1;
            return false;
        }
        entries.insert(id.to_owned(), value);
        true
    }

    fn is_fit(&self, id: &str, entry: &Value) -> bool {
        PeerId::new(id).is_ok() && cost(id, entry) <= self.options.entry_bytes_max
    }
}

fn cost(id: &str, entry: &Value) -> usize {
    id.len() + 4 + size(entry)
}

fn updated_at(entry: &Value) -> &str {
    entry.get("updated_at").and_then(Value::as_str).unwrap_or_default()
}

fn log_id(entry: &Value) -> Option<&str> {
    ["id", "command_id", "operation_id", "proposal_id"].iter().find_map(|name| entry.get(*name)?.as_str())
}
