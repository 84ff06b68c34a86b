use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sangam_types::Mono;

/// Tickets in force. A ticket is 128 random bits in hex: it says that a registered socket asked for it, a short time ago,
/// and is forgotten after a few uses.
#[derive(Debug)]
pub(crate) struct Tickets {
    issued: Mutex<Issued>,
    max: usize,
}

#[derive(Debug, Default)]
struct Issued {
    by_text: BTreeMap<String, Ticket>,
    /// Oldest first. May name tickets that are used up.
    by_age: VecDeque<String>,
}

#[derive(Debug)]
struct Ticket {
    /// For whom credentials are minted.
    name: String,
    expires: Mono,
    uses_left: u8,
}

/// Whether another ticket had to go for a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Evicted {
    /// No.
    None,
    /// The oldest, before its time.
    Oldest,
}

impl Tickets {
    pub(crate) fn new(max: usize) -> Self {
        Self { issued: Mutex::default(), max: max.max(1) }
    }

    pub(crate) fn issue(&self, name: &str, now: Mono, ttl: Duration, uses: u8) -> (String, Evicted) {
        let mut text = String::with_capacity(32);
        for byte in rand::random::<[u8; 16]>() {
            text += &format!("{byte:02x}");
        }
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        issued.forget_old(now);
        let mut evicted = Evicted::None;
        if issued.by_age.len() >= self.max
            && let Some(oldest) = issued.by_age.pop_front()
            && issued.by_text.remove(&oldest).is_some()
        {
            evicted = Evicted::Oldest;
        }
        issued.by_age.push_back(text.clone());
        issued.by_text.insert(text.clone(), Ticket { name: name.to_owned(), expires: now + ttl, uses_left: uses });
        (text, evicted)
    }

    /// For whom the ticket is, if it is in force.
    pub(crate) fn redeem(&self, text: &str, now: Mono) -> Option<String> {
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        let ticket = issued.by_text.get_mut(text).filter(|ticket| now < ticket.expires && ticket.uses_left > 0)?;
        ticket.uses_left -= 1;
        let (name, used_up) = (ticket.name.clone(), ticket.uses_left == 0);
        if used_up {
            issued.by_text.remove(text);
        }
        Some(name)
    }
}

impl Issued {
    /// From the oldest to the first that is in force. One with a longer life before it is forgotten with it.
    fn forget_old(&mut self, now: Mono) {
        while let Some(oldest) = self.by_age.front() {
            if self.by_text.get(oldest).is_some_and(|ticket| now < ticket.expires) {
                return;
            }
            if let Some(oldest) = self.by_age.pop_front() {
                self.by_text.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_secs(60);

    #[test]
    fn a_ticket_serves_a_few_times_and_a_short_time() {
        let tickets = Tickets::new(8);
        let (text, _) = tickets.issue("a", Mono::ZERO, TTL, 2);
        assert_eq!(text.len(), 32);
        assert_eq!(tickets.redeem(&text, Mono::ZERO).as_deref(), Some("a"));
        assert_eq!(tickets.redeem(&text, Mono::ZERO).as_deref(), Some("a"));
        assert_eq!(tickets.redeem(&text, Mono::ZERO), None);
        let (text, _) = tickets.issue("a", Mono::ZERO, TTL, 2);
        assert_eq!(tickets.redeem(&text, Mono::ZERO + TTL), None);
        assert_eq!(tickets.redeem("", Mono::ZERO), None);
    }

    #[test]
    fn tickets_are_bounded_and_the_oldest_goes_first() {
        let tickets = Tickets::new(2);
        let (first, _) = tickets.issue("1", Mono::ZERO, TTL, 1);
        let (second, evicted) = tickets.issue("2", Mono::ZERO, TTL, 1);
        assert_eq!(evicted, Evicted::None);
        let (_, evicted) = tickets.issue("3", Mono::ZERO, TTL, 1);
        assert_eq!(evicted, Evicted::Oldest);
        assert_eq!(tickets.redeem(&first, Mono::ZERO), None);
        assert_eq!(tickets.redeem(&second, Mono::ZERO).as_deref(), Some("2"));
        let (_, evicted) = tickets.issue("4", Mono::ZERO + TTL, TTL, 1);
        assert_eq!(evicted, Evicted::None);
    }
}
