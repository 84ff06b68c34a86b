use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::RngExt as _;
use sangam_mesh_proto::gossip::{self, Delivery};
use sangam_mesh_proto::state::{GLOBAL, Merged};
use sangam_mesh_proto::{LinkId, PeerId, Profile};
use serde_json::Value;
use tokio::sync::mpsc;

use super::Engine;
use super::agents::AGENT_MESSAGES;

/// When our state is told for the first time, as in the original.
const FIRST_STATE: Duration = Duration::from_secs(10);

/// How often a node's record is told in a small mesh.
const OWN_RECORD_EVERY: Duration = Duration::from_secs(8);
/// In a larger one, each waits so long for each node there is: all hear one record in this time, however many they are.
const RECORD_PACE: Duration = Duration::from_secs(1);
/// But no node is silent for longer: one that is not heard of for ten minutes is forgotten.
const OWN_RECORD_PAUSE_MAX: Duration = Duration::from_secs(240);
/// Nodes that are told of at once, at most.
const UNTOLD_MAX: usize = 4_096;

/// What is to be told over the topics of channels.
#[derive(Debug, Default)]
pub(super) struct Untold {
    /// Nodes whose record only their neighbours know.
    nodes: BTreeSet<PeerId>,
    /// Channels whose content is another than the topic said.
    channels: BTreeSet<String>,
    /// When our own record is told again.
    ourselves_at: Option<Instant>,
}

/// How we heard of something, which says who else has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Over a topic: so did everybody.
    Topic,
    /// From a node like ours alone, which tells all of its own record.
    OneOfOurs,
    /// From an original alone, which knows no topics of ours.
    OneNode,
}

impl Untold {
    fn add(&mut self, channel: &str, content: bool, nodes: &[PeerId]) {
        if content {
            self.channels.insert(channel.to_owned());
        }
        let room = UNTOLD_MAX.saturating_sub(self.nodes.len());
        self.nodes.extend(nodes.iter().take(room).cloned());
    }
}

/// Who in this process hears of which topic.
#[derive(Debug, Default)]
pub(super) struct Subscribers {
    by_topic: BTreeMap<String, Vec<mpsc::Sender<Delivery>>>,
}

impl Subscribers {
    /// Whether the topic had nobody before.
    fn add(&mut self, topic: &str, to: mpsc::Sender<Delivery>) -> bool {
        let of_topic = self.by_topic.entry(topic.to_owned()).or_default();
        let is_first = of_topic.is_empty();
        of_topic.retain(|subscriber| !subscriber.is_closed());
        of_topic.push(to);
        is_first
    }

    /// Drops those that nobody hears any more. The topics that have nobody left.
    fn drop_closed(&mut self) -> Vec<String> {
        let emptied = self.by_topic.extract_if(.., |_, of_topic| {
            of_topic.retain(|subscriber| !subscriber.is_closed());
            of_topic.is_empty()
        });
        emptied.map(|(topic, _)| topic).collect()
    }

    /// Hands a message over. Whether nobody is left.
    pub(super) fn deliver(&mut self, delivery: &Delivery) -> bool {
        let Some(of_topic) = self.by_topic.get_mut(&delivery.topic) else { return false };
        of_topic.retain(|subscriber| match subscriber.try_send(delivery.clone()) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Full(_)) => {
                tracing::warn!(topic = %delivery.topic, "a subscriber is too slow: a message is lost to it");
                true
            }
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        });
        let is_empty = of_topic.is_empty();
        if is_empty {
            self.by_topic.remove(&delivery.topic);
        }
        is_empty
    }
}

/// How long a node that knows so many others waits until it tells of itself again.
fn record_pause(nodes: usize) -> Duration {
    let paced = RECORD_PACE.saturating_mul(u32::try_from(nodes).unwrap_or(u32::MAX));
    paced.clamp(OWN_RECORD_EVERY, OWN_RECORD_PAUSE_MAX)
}

/// The topic that carries a channel's object.
pub(super) fn state_topic(channel: &str) -> String {
    format!("channel:{channel}:state")
}

fn channel_of(topic: &str) -> Option<&str> {
    topic.strip_prefix("channel:")?.strip_suffix(":state")
}

impl Engine {
    pub(super) fn subscribe(&mut self, topic: String, to: mpsc::Sender<Delivery>) {
        let (_, now) = self.clock.now();
        let is_first = self.subscribers.add(&topic, to);
        if is_first && topic != AGENT_MESSAGES {
            self.gossip.handle_input(now, gossip::Input::Subscribe { topic });
        }
    }

    /// Nothing may ever come of a topic: whoever has gone is not found out by a message.
    pub(super) fn drop_subscribers(&mut self) {
        let (_, now) = self.clock.now();
        for topic in self.subscribers.drop_closed() {
            if channel_of(&topic).is_none() && topic != AGENT_MESSAGES {
                self.gossip.handle_input(now, gossip::Input::Unsubscribe { topic });
            }
        }
    }

    pub(super) fn on_delivery(&mut self, delivery: Delivery) {
        let (_, now) = self.clock.now();
        if let Some(channel) = channel_of(&delivery.topic)
            && let Ok(said) = serde_json::from_slice::<Value>(&delivery.payload)
        {
            let from = delivery.proven.then_some(&delivery.origin);
            let merged = self.state.merge(channel, &said, from, now.wall);
            self.on_merged(channel, &merged, Heard::Topic);
        }
        if self.subscribers.deliver(&delivery) && channel_of(&delivery.topic).is_none() {
            self.gossip.handle_input(now, gossip::Input::Unsubscribe { topic: delivery.topic });
        }
    }

    /// What others say of our channels comes over their topics.
    pub(super) fn hear_of_channels(&mut self) {
        let (instant, now) = self.clock.now();
        let channels: Vec<String> = self.state.channels().map(str::to_owned).collect();
        for channel in channels {
            self.gossip.handle_input(now, gossip::Input::Subscribe { topic: state_topic(&channel) });
            // Of `global` everybody begins with the same.
            self.untold.add(&channel, channel != GLOBAL, &[]);
        }
        self.wanted.state = Some(instant + FIRST_STATE);
    }

    /// Others made something newer.
    pub(super) fn on_merged(&mut self, channel: &str, merged: &Merged, heard: Heard) {
        match heard {
            Heard::Topic => {}
            Heard::OneOfOurs => self.untold.add(channel, merged.content, &[]),
            Heard::OneNode => self.untold.add(channel, merged.content, &merged.renewed),
        }
        self.see_nodes(&merged.renewed);
    }

    /// Originals are told each 8 to 12 seconds all that our channels hold, as they tell it. Nodes like ours know it from the
    /// beginning of their links, and hear over the topics what is new: the larger the mesh, the less often of ourselves.
    pub(super) fn tell_state(&mut self) {
        let (instant, now) = self.clock.now();
        self.state.touch(now.wall);
        self.tell_news();
        let originals = self.book.iter().filter(|(_, entry)| entry.is_up && entry.profile == Profile::Synapse);
        let originals: Vec<LinkId> = originals.map(|(link, _)| link).collect();
        let channels: Vec<String> = self.state.channels().map(str::to_owned).collect();
        for link in originals {
            for channel in &channels {
                self.send_packet(link, channel);
            }
        }
        let pause = Duration::from_millis(self.rng.random_range(8_000..12_000));
        self.wanted.state = Some(instant + pause);
    }

    fn tell_news(&mut self) {
        let (instant, _) = self.clock.now();
        let Untold { nodes, channels, ourselves_at } = &mut self.untold;
        let (nodes, channels) = (std::mem::take(nodes), std::mem::take(channels));
        let is_due = ourselves_at.is_none_or(|at| at <= instant);
        if is_due {
            let pause = record_pause(self.state.nodes().count());
            // Who began together do not tell together for ever.
            *ourselves_at = Some(instant + pause.mul_f64(self.rng.random_range(0.75..1.25)));
        }
        if is_due || !nodes.is_empty() {
            self.publish_object(GLOBAL, &self.state.records(&nodes));
        }
        for channel in channels {
            if let Some(content) = self.state.content(&channel) {
                self.publish_object(&channel, &content);
            }
        }
    }

    fn publish_object(&mut self, channel: &str, object: &Value) {
        let (_, now) = self.clock.now();
        let payload = Bytes::from(object.to_string());
        if let Err(error) = self.gossip.publish(now, &state_topic(channel), payload) {
            tracing::warn!(%channel, %error, "a channel is too large to be told");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mesh_hears_one_record_in_a_second_however_many_nodes_it_has_and_none_is_silent_until_it_is_forgotten() {
        for nodes in [10, 60, 200, 240] {
            let in_a_second = nodes as f64 / record_pause(nodes).as_secs_f64();
            assert!(in_a_second <= 1.25, "{nodes} nodes say {in_a_second} records a second");
        }
        let forgotten = sangam_mesh_proto::mesh::Options::default().forget_after;
        assert!(record_pause(usize::MAX) * 5 / 4 * 2 <= forgotten);
    }

    #[test]
    fn subscribers_that_have_gone_are_dropped_though_no_message_ever_comes() {
        let mut subscribers = Subscribers::default();
        let (to, stays) = mpsc::channel(1);
        assert!(subscribers.add("news", to));
        for _ in 0..100 {
            let (to, _) = mpsc::channel(1);
            assert!(!subscribers.add("news", to));
        }
        assert_eq!(subscribers.by_topic["news"].len(), 2);
        assert!(subscribers.drop_closed().is_empty());
        assert_eq!(subscribers.by_topic["news"].len(), 1);
        drop(stays);
        assert_eq!(subscribers.drop_closed(), ["news"]);
        assert!(subscribers.by_topic.is_empty());
    }
}
