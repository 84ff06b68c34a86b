use std::collections::VecDeque;

use crate::message::GetParameterValues;
use crate::session::Outcome;
use crate::{FaultCode, Message, ParameterValue};

/// How many values a CPE is asked for at once, and in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadOptions {
    /// Names in a request, at first: many CPEs break on long lists.
    pub batch: usize,
    /// Values held; past that the plan ends with what it has.
    pub values_max: usize,
}

impl Default for ReadOptions {
    /// 32 names, 100,000 values.
    fn default() -> Self {
        Self { batch: 32, values_max: 100_000 }
    }
}

/// Reads parameters in batches. A batch that is too much for the CPE (faults 9002 and 9004, a response past our bounds) halves all
/// that follow; one that holds a bad name (any other fault) is cut in halves until the name is found, and the rest is read.
#[derive(Debug)]
pub struct ReadValues {
    groups: VecDeque<Vec<String>>,
    asked: Vec<String>,
    batch: usize,
    values: Vec<ParameterValue>,
    unread: Vec<Unread>,
    values_max: usize,
    is_cut: bool,
}

/// A name whose values were not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// As it was asked for.
    pub name: String,
    /// The fault of the CPE; `None`: the response passed our bounds, was another, or never came.
    pub code: Option<FaultCode>,
}

impl ReadValues {
    /// Reads these: full paths, or partial ones that end in a dot.
    #[must_use]
    pub fn new(names: Vec<String>, options: ReadOptions) -> Self {
        let groups = if names.is_empty() { VecDeque::new() } else { VecDeque::from([names]) };
        Self {
            groups,
            asked: Vec::new(),
            batch: options.batch.max(1),
            values: Vec::new(),
            unread: Vec::new(),
            values_max: options.values_max,
            is_cut: false,
        }
    }

    /// The next request; `None`: there is none, or the last was not answered yet.
    pub fn next_request(&mut self) -> Option<Message> {
        if !self.asked.is_empty() {
            return None;
        }
        let mut group = self.groups.pop_front()?;
        if group.len() > self.batch {
            self.groups.push_front(group.split_off(self.batch));
        }
        self.asked = group;
        Some(GetParameterValues { names: self.asked.clone() }.into())
    }

    /// What came of the last request.
    pub fn handle_outcome(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Response(message) => match *message {
                Message::GetParameterValuesResponse(response) => self.take(response.parameters),
                _ => self.give_up(None),
            },
            Outcome::Fault(fault) => match fault.code() {
                Some(FaultCode::InternalError | FaultCode::ResourcesExceeded) | None => self.too_much(fault.code()),
                code => self.cut_in_halves(code),
            },
            Outcome::TooLarge => self.too_much(None),
            Outcome::NotSent(_) => self.cut_in_halves(None),
        }
    }

    /// The last request was not answered; it may be asked again, in another session.
    pub fn handle_unanswered(&mut self) {
        let asked = std::mem::take(&mut self.asked);
        if !asked.is_empty() {
            self.groups.push_front(asked);
        }
    }

    /// Whether all is read that can be.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.asked.is_empty() && self.groups.is_empty()
    }

    /// How many names a request holds by now: to be remembered for this kind of device.
    #[must_use]
    pub const fn batch(&self) -> usize {
        self.batch
    }

    /// What was read, what was not, and whether there were more values than are held.
    #[must_use]
    pub fn into_result(self) -> (Vec<ParameterValue>, Vec<Unread>, bool) {
        (self.values, self.unread, self.is_cut)
    }

    fn take(&mut self, values: Vec<ParameterValue>) {
        self.asked.clear();
        let room = self.values_max.saturating_sub(self.values.len());
        self.is_cut |= values.len() > room;
        self.values.extend(values.into_iter().take(room));
        if self.is_cut {
            self.groups.clear();
        }
    }

    fn too_much(&mut self, code: Option<FaultCode>) {
        if self.asked.len() > 1 {
            self.batch = self.asked.len().div_ceil(2).min(self.batch);
        }
        self.cut_in_halves(code);
    }

    fn cut_in_halves(&mut self, code: Option<FaultCode>) {
        if self.asked.len() <= 1 {
            return self.give_up(code);
        }
        let mut first = std::mem::take(&mut self.asked);
        let second = first.split_off(first.len().div_ceil(2));
        self.groups.push_front(second);
        self.groups.push_front(first);
    }

    fn give_up(&mut self, code: Option<FaultCode>) {
        let asked = std::mem::take(&mut self.asked);
        self.unread.extend(asked.into_iter().map(|name| Unread { name, code }));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::message::GetParameterValuesResponse;
    use crate::session::{NotSent, Outcome};
    use crate::{Fault, ValueKind};

    /// A CPE that bears so many names at once, and knows all but the bad ones. Gives how many requests it took.
    fn run(plan: &mut ReadValues, bears: usize, bad: &BTreeSet<String>) -> usize {
        let mut requests = 0;
        while let Some(Message::GetParameterValues(GetParameterValues { names })) = plan.next_request() {
            requests += 1;
            assert!(requests < 10_000, "it ends");
            let outcome = if names.len() > bears {
                Outcome::Fault(Box::new(Fault::new(FaultCode::ResourcesExceeded)))
            } else if names.iter().any(|name| bad.contains(name)) {
                Outcome::Fault(Box::new(Fault::new(FaultCode::InvalidParameterName)))
            } else {
                let parameters = names.iter().map(|it| ParameterValue::new(it, "v", ValueKind::String)).collect();
                Outcome::Response(Box::new(GetParameterValuesResponse { parameters }.into()))
            };
            plan.handle_outcome(outcome);
        }
        requests
    }

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|at| format!("Device.P{at}")).collect()
    }

    #[test]
    fn values_are_read_thirty_two_at_a_time() {
        let mut plan = ReadValues::new(names(70), ReadOptions::default());
        assert_eq!(run(&mut plan, 32, &BTreeSet::new()), 3);
        let (values, unread, is_cut) = plan.into_result();
        assert_eq!((values.len(), unread.len(), is_cut), (70, 0, false));
    }

    #[test]
    fn a_cpe_that_cannot_bear_it_is_asked_for_half_from_then_on() {
        let mut plan = ReadValues::new(names(64), ReadOptions::default());
        // 32 and 16 are refused, then eight requests of 8.
        assert_eq!(run(&mut plan, 8, &BTreeSet::new()), 10);
        assert_eq!(plan.batch(), 8);
        assert_eq!(plan.into_result().0.len(), 64);
    }

    #[test]
    fn a_response_past_our_bounds_halves_too_and_a_single_name_is_given_up() {
        let mut plan = ReadValues::new(names(2), ReadOptions::default());
        for expected in [2, 1, 1] {
            let Some(Message::GetParameterValues(request)) = plan.next_request() else { panic!("no request") };
            assert_eq!(request.names.len(), expected);
            plan.handle_outcome(Outcome::TooLarge);
        }
        assert!(plan.is_done());
        let (_, unread, _) = plan.into_result();
        assert_eq!(unread.iter().map(|it| it.code).collect::<Vec<_>>(), [None, None]);
    }

    #[test]
    fn a_bad_name_is_found_and_the_others_are_read() {
        let bad = BTreeSet::from(["Device.P5".to_owned(), "Device.P40".to_owned()]);
        let mut plan = ReadValues::new(names(64), ReadOptions::default());
        run(&mut plan, 64, &bad);
        assert_eq!(plan.batch(), 32, "a bad name says nothing of what the CPE bears");
        let (values, unread, _) = plan.into_result();
        assert_eq!(values.len(), 62);
        assert!(unread.iter().all(|it| bad.contains(&it.name) && it.code == Some(FaultCode::InvalidParameterName)));
        assert_eq!(unread.len(), 2);
    }

    #[test]
    fn what_was_not_answered_is_asked_again() {
        let mut plan = ReadValues::new(names(1), ReadOptions::default());
        let first = plan.next_request();
        assert_eq!(plan.next_request(), None, "one at a time");
        plan.handle_unanswered();
        assert_eq!(plan.next_request(), first);
        plan.handle_outcome(Outcome::NotSent(NotSent::NoRequest));
        assert!(plan.is_done());
    }

    #[test]
    fn no_more_values_are_held_than_may_be() {
        let mut plan = ReadValues::new(names(100), ReadOptions { batch: 10, values_max: 25 });
        assert_eq!(run(&mut plan, 10, &BTreeSet::new()), 3);
        let (values, _, is_cut) = plan.into_result();
        assert_eq!((values.len(), is_cut), (25, true));
    }

    proptest! {
        #[test]
        fn every_name_is_read_or_named_as_unread(
            count in 0_usize..150, bears in 1_usize..40, batch in 0_usize..50, bad in prop::collection::btree_set(0_usize..150, 0..6),
        ) {
            let bad: BTreeSet<String> = bad.into_iter().map(|at| format!("Device.P{at}")).collect();
            let mut plan = ReadValues::new(names(count), ReadOptions { batch, ..ReadOptions::default() });
            run(&mut plan, bears, &bad);
            let (values, unread, _) = plan.into_result();
            let seen = values.into_iter().map(|it| it.path).chain(unread.into_iter().map(|it| it.name));
            let mut seen: Vec<String> = seen.collect();
            let mut expected = names(count);
            seen.sort();
            expected.sort();
            prop_assert_eq!(seen, expected);
        }
    }
}
