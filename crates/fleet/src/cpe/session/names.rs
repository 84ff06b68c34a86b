use std::collections::BTreeMap;

use sangam_cwmp_proto::FaultCode;
use sangam_cwmp_proto::message::{
    GetParameterAttributes, GetParameterAttributesResponse, GetParameterNames, GetParameterNamesResponse, Notification,
    ParameterAttribute, ParameterInfo, SetParameterAttribute, SetParameterAttributes, SetParameterAttributesResponse,
};

use super::super::device::{Context, Device};
use super::super::model::{Content, Model};
use super::super::tree::{Slot, Tree, Watched};
use super::answers::Answered;
use super::values::{PARAMETERS_MAX, named};

/// Parameters with attributes of their own that a device keeps.
const WATCHED_MAX: usize = 256;

impl Device {
    /// TR-069 Amendment 6 Annex A.3.2.3.
    pub(super) fn get_names(&self, cx: &Context<'_>, request: &GetParameterNames) -> Answered {
        let tree = self.tree(cx.world, cx.now);
        let (path, root) = (request.path.as_str(), tree.model.root);
        let is_object = path.is_empty() || path.ends_with('.');
        if !is_object && request.next_level {
            return Err(FaultCode::InvalidArguments);
        }
        let slots = named(&tree, path).ok_or(FaultCode::InvalidParameterName)?;
        let parameters = if path.is_empty() && request.next_level {
            vec![ParameterInfo { path: root.to_owned(), writable: false }]
        } else if request.next_level {
            next_level(&tree, path, &slots)
        } else {
            all_levels(&tree, path, &slots)
        };
        if parameters.len() > PARAMETERS_MAX {
            return Err(FaultCode::ResourcesExceeded);
        }
        Ok(GetParameterNamesResponse { parameters }.into())
    }

    pub(super) fn get_attributes(&self, cx: &Context<'_>, request: &GetParameterAttributes) -> Answered {
        let tree = self.tree(cx.world, cx.now);
        let mut parameters = Vec::new();
        for name in &request.names {
            let slots = named(&tree, name).ok_or(FaultCode::InvalidParameterName)?;
            parameters.extend(slots.into_iter().map(|slot| self.attribute(&tree, slot)));
            if parameters.len() > PARAMETERS_MAX {
                return Err(FaultCode::ResourcesExceeded);
            }
        }
        Ok(GetParameterAttributesResponse { parameters }.into())
    }

    fn attribute(&self, tree: &Tree<'_>, slot: Slot) -> ParameterAttribute {
        let watched = self.differences.watched.iter().find(|it| it.slot == slot);
        let access = watched.map_or(Some(SUBSCRIBER), |it| it.access.as_deref());
        ParameterAttribute {
            path: tree.path(slot).into_owned(),
            notification: Notification::from_number(
                watched
                    .map_or_else(|| u32::from(is_told_always(tree.model, slot)) * 2, |it| u32::from(it.notification)),
            ),
            access_list: access.into_iter().flat_map(|it| it.split(',')).map(str::to_owned).collect(),
        }
    }

    /// All or nothing.
    pub(super) fn set_attributes(&mut self, cx: &mut Context<'_>, request: &SetParameterAttributes) -> Answered {
        let tree = self.tree(cx.world, cx.now);
        let mut changes = Vec::new();
        for change in &request.parameters {
            let slots = named(&tree, &change.path).ok_or(FaultCode::InvalidParameterName)?;
            let notification = change.notification.map(Notification::number);
            if notification.is_some_and(|it| it > 6) {
                return Err(FaultCode::InvalidArguments);
            }
            // A value that is never the same is nothing to be told of at once.
            let is_restless = |slot: &Slot| {
                tree.parameter(*slot).is_some_and(|it| matches!(it.content, Content::Uptime | Content::Time))
            };
            if notification == Some(2) && slots.iter().any(is_restless) {
                return Err(FaultCode::NotificationRequestRejected);
            }
            changes.extend(slots.into_iter().map(|slot| (slot, change, Box::<str>::from(tree.value(slot)))));
        }
        let new = changes.iter().filter(|(slot, ..)| !self.differences.watched.iter().any(|it| it.slot == *slot));
        if self.differences.watched.len() + new.count() > WATCHED_MAX {
            return Err(FaultCode::ResourcesExceeded);
        }
        let model = cx.world.model(self.facts.number);
        for (slot, change, value) in changes {
            self.watch(model, slot, change, value);
        }
        self.plan_watch(cx.world, cx.now);
        Ok(SetParameterAttributesResponse.into())
    }

    fn watch(&mut self, model: &Model, slot: Slot, change: &SetParameterAttribute, value: Box<str>) {
        let watched = &mut self.differences.watched;
        let at = watched.iter().position(|it| it.slot == slot).unwrap_or_else(|| {
            let notification = u8::from(is_told_always(model, slot)) * 2;
            watched.push(Watched { slot, notification, access: Some(SUBSCRIBER.into()), told: value });
            watched.len() - 1
        });
        let Some(it) = watched.get_mut(at) else { return };
        if let Some(notification) = change.notification {
            it.notification = notification.number() as u8;
        }
        if let Some(access) = &change.access_list {
            it.access = (!access.is_empty()).then(|| access.join(",").into());
        }
    }
}

const SUBSCRIBER: &str = "Subscriber";

/// Parameters whose changes are told although nobody asked.
fn is_told_always(model: &Model, slot: Slot) -> bool {
    slot.instance == 0 && (slot.index == model.named.address || slot.index == model.named.software)
}

/// What stands right under an object: parameters, and objects once each.
fn next_level(tree: &Tree<'_>, path: &str, slots: &[Slot]) -> Vec<ParameterInfo> {
    let mut found = BTreeMap::new();
    for slot in slots {
        let full = tree.path(*slot);
        let Some(rest) = full.strip_prefix(path) else { continue };
        match rest.split_once('.') {
            Some((object, _)) => {
                let object = format!("{path}{object}.");
                found.entry(object).or_insert_with_key(|object| is_object_writable(tree, object));
            }
            None => {
                found.insert(full.into_owned(), tree.parameter(*slot).is_some_and(|it| it.is_writable));
            }
        }
    }
    found.into_iter().map(|(path, writable)| ParameterInfo { path, writable }).collect()
}

/// An object with all that is under it.
fn all_levels(tree: &Tree<'_>, path: &str, slots: &[Slot]) -> Vec<ParameterInfo> {
    let mut found = BTreeMap::new();
    for slot in slots {
        let full = tree.path(*slot);
        for (at, _) in full.match_indices('.') {
            let object = full.get(..=at).unwrap_or_default();
            if object.len() >= path.len() && !found.contains_key(object) {
                found.insert(object.to_owned(), is_object_writable(tree, object));
            }
        }
        found.insert(full.into_owned(), tree.parameter(*slot).is_some_and(|it| it.is_writable));
    }
    if path.ends_with('.') {
        found.entry(path.to_owned()).or_insert_with_key(|object| is_object_writable(tree, object));
    }
    found.into_iter().map(|(path, writable)| ParameterInfo { path, writable }).collect()
}

/// Whether an object can be added to, or be deleted.
fn is_object_writable(tree: &Tree<'_>, object: &str) -> bool {
    tree.model.tables.iter().any(|table| {
        let rest = object.strip_prefix(&*table.path);
        rest.is_some_and(|rest| rest.is_empty() || rest.strip_suffix('.').is_some_and(|it| it.parse::<u32>().is_ok()))
    })
}
