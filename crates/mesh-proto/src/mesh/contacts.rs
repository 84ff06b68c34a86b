use sangam_types::Mono;

use super::{Contact, Source};

/// Sources of one peer at most.
const CONTACTS_MAX: usize = 16;

/// Where a peer was seen, and when last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Contacts(Vec<Contact>);

impl Contacts {
    pub(crate) fn seen(&mut self, source: Source, at: Mono) {
        if let Some(known) = self.0.iter_mut().find(|contact| contact.source == source) {
            known.at = at;
        } else if self.0.len() < CONTACTS_MAX {
            self.0.push(Contact { source, at });
        }
    }

    /// It signalled to us: that counts as a source only while there is no other.
    pub(crate) fn signalled(&mut self, at: Mono) {
        if self.0.is_empty() || self.0.iter().any(|contact| contact.source == Source::Contact) {
            self.seen(Source::Contact, at);
        }
    }

    /// That source has it no longer; with the last of them goes the knowledge that it signalled once.
    pub(crate) fn left(&mut self, source: Source) {
        self.0.retain(|contact| contact.source != source);
        if self.0.iter().all(|contact| contact.source == Source::Contact) {
            self.0.clear();
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all that is known of it comes from signaling servers, where candidates travel by themselves.
    pub(crate) fn only_signaling(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(|contact| matches!(contact.source, Source::Signaling(_)))
    }

    pub(crate) fn to_vec(&self) -> Vec<Contact> {
        self.0.clone()
    }
}
