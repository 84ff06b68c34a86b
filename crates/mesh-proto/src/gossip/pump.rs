use std::mem;
use std::sync::Arc;

use sangam_types::{Mono, Now};

use super::cache::{Cache, Encoded};
use super::forward::{body_of, envelope_of};
use super::link::{Link, Speech};
use super::queue::Carried;
use super::{Gossip, Options, Output, offers};
use crate::LinkId;
use crate::channel::{self, Chunk, EnvelopeKind, Told, told_fitting};

impl Gossip {
    /// Sends what there is to send, as far as there is room.
    pub(super) fn pump_dirty(&mut self, now: Now) {
        while let Some(id) = self.dirty.pop_first() {
            self.pump(now, id);
        }
    }

    fn pump(&mut self, now: Now, id: LinkId) {
        loop {
            let Some(link) = self.links.get_mut(&id) else { return };
            while let Some((frame, carried)) = link.queue.pop(link.room) {
                link.room -= frame.bytes.len();
                let bytes = frame.bytes.len() as u64;
                self.stats.sent_bytes += bytes;
                match carried {
                    Carried::Control => self.stats.sent_control_bytes += bytes,
                    Carried::Other => self.stats.sent_other_bytes += bytes,
                    Carried::Message => {}
                }
                self.outputs.push_back(Output::Send { link: id, frame });
            }
            // What is made next is as new as can be: it is made when there is room for it, not before.
            if link.queue.has_control() || !self.refill(now, id) {
                return;
            }
        }
    }

    /// Makes what the link shall hear next; whether there was anything.
    fn refill(&mut self, now: Now, id: LinkId) -> bool {
        let Some(link) = self.links.get_mut(&id) else { return false };
        match link.speech {
            Speech::Ours { heard: true } => self.refill_ours(now.mono, id),
            Speech::Envelopes => self.refill_text(now, id),
            Speech::Ours { heard: false } | Speech::Unknown | Speech::Agent => false,
        }
    }

    fn refill_ours(&mut self, now: Mono, id: LinkId) -> bool {
        let Some(link) = self.links.get_mut(&id) else { return false };
        let mut made = false;
        if let Some(ask) = offers::ask(id, link, now, &self.options, &self.seen, &mut self.wants) {
            link.queue.push_control(channel::i_want(&ask));
            made = true;
        }
        if link.heard_due > 0 && link.heard_due as usize >= self.options.ids_max.max(1) {
            link.queue.push_control(channel::heard(mem::take(&mut link.heard_due)));
            made = true;
        }
        if link.tell_at.is_some_and(|at| at <= now) {
            let told = told(link, now, &self.cache, &self.options);
            if !told.is_empty() {
                // At most as many as the credit, which has 32 bits.
                link.ahead = link.ahead.saturating_add(told.len() as u32);
                link.queue.push_control(channel::i_have(&told));
                made = true;
            }
        }
        self.answer(id) || made
    }

    /// Queues one message that the link asked for; whether there was one and room.
    fn answer(&mut self, id: LinkId) -> bool {
        let Some(link) = self.links.get_mut(&id) else { return false };
        if link.queue.data_bytes() >= self.options.waiting_bytes_max {
            return false;
        }
        let Some(message) = link.pop_owed() else { return false };
        let Some(encoded) = self.cache.get(&message).map(|entry| entry.encoded.clone()) else { return true };
        let frame_bytes_max = link.frame_bytes_max;
        let encoded = if encoded.largest <= frame_bytes_max {
            Some(encoded)
        } else {
            let transfer = self.next_transfer();
            body_of(&encoded).and_then(|(whole, _)| Chunk::cut(&whole, transfer, frame_bytes_max)).map(Encoded::new)
        };
        if let (Some(link), Some(encoded)) = (self.links.get_mut(&id), encoded) {
            link.queue.push_data(Some(message), encoded, true);
            self.cache.set_known(&message, link.slot);
            self.stats.forwarded += 1;
        }
        true
    }

    fn refill_text(&mut self, now: Now, id: LinkId) -> bool {
        let Some(link) = self.links.get_mut(&id) else { return false };
        link.heard_due = 0;
        if let Some(ask) = offers::ask(id, link, now.mono, &self.options, &self.seen, &mut self.wants) {
            let topic = link.topics.first().cloned().unwrap_or_else(|| Arc::from("keepalive"));
            self.say(now, id, topic, EnvelopeKind::IWant(ask.ids));
            return true;
        }
        if link.queue.data_bytes() >= self.options.waiting_bytes_max {
            return false;
        }
        let Some(message) = link.pop_owed() else { return false };
        let Some(entry) = self.cache.get(&message) else { return true };
        match body_of(&entry.encoded).and_then(|(_, body)| envelope_of(&body)) {
            Some(encoded) if encoded.bytes <= link.frame_bytes_max => {
                link.queue.push_data(Some(message), encoded, false);
                self.stats.forwarded += 1;
            }
            _ => self.stats.unsuited += 1,
        }
        true
    }
}

/// What a link is told next: what is kept that it has not, as much as it takes now.
fn told(link: &mut Link, now: Mono, cache: &Cache, options: &Options) -> Vec<Told> {
    let most =
        told_fitting(link.frame_bytes_max).min(options.ids_max).min(link.ahead_max.saturating_sub(link.ahead) as usize);
    let mut told = Vec::new();
    link.told = link.told.max(cache.first());
    while told.len() < most {
        let Some(entry) = cache.at(link.told) else {
            link.tell_at = None;
            break;
        };
        let age = now.saturating_since(entry.born);
        let is_told = !Cache::is_known(entry, link.slot) && age < options.cache_time;
        if is_told && let Some(until) = cache.held_until(link.told, now) {
            link.tell_at = Some(until);
            break;
        }
        link.told += 1;
        if is_told {
            let bytes = u32::try_from(entry.encoded.bytes).unwrap_or(u32::MAX);
            told.push(Told { id: entry.id, age, bytes });
        }
    }
    told
}
