use std::collections::{BTreeMap, VecDeque};

use crate::message::GetParameterNames;
use crate::session::Outcome;
use crate::{FaultCode, Message};

/// How far a walk goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalkOptions {
    /// Objects asked for, a request each.
    pub objects_max: usize,
    /// Names held.
    pub names_max: usize,
    /// Dots in a path.
    pub depth_max: usize,
}

impl Default for WalkOptions {
    /// 4,096 objects, 100,000 names, 24 levels.
    fn default() -> Self {
        Self { objects_max: 4_096, names_max: 100_000, depth_max: 24 }
    }
}

/// What a walk found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Walked {
    /// Each path and whether it is writable. Objects end in a dot.
    pub names: BTreeMap<String, bool>,
    /// Objects that could not be looked into, with the fault.
    pub faults: Vec<(String, Option<FaultCode>)>,
    /// A bound was met: there is more.
    pub is_cut: bool,
    /// Names that do not lie below what was asked: left out.
    pub strays: usize,
}

/// Asks what there is below a path, level by level (GetParameterNames with `NextLevel`): each response stays small, and no object is
/// asked for twice, whatever a CPE answers.
#[derive(Debug)]
pub struct WalkNames {
    objects: VecDeque<String>,
    asked: Option<String>,
    asked_count: usize,
    found: Walked,
    options: WalkOptions,
}

impl WalkNames {
    /// Walks below a path that ends in a dot, or below the root for an empty one.
    #[must_use]
    pub fn new(path: impl Into<String>, options: WalkOptions) -> Self {
        let objects = VecDeque::from([path.into()]);
        Self { objects, asked: None, asked_count: 0, found: Walked::default(), options }
    }

    /// The next request; `None`: there is none, or the last was not answered yet.
    pub fn next_request(&mut self) -> Option<Message> {
        if self.asked.is_some() {
            return None;
        }
        if self.asked_count >= self.options.objects_max {
            self.found.is_cut |= !self.objects.is_empty();
            self.objects.clear();
        }
        let path = self.objects.pop_front()?;
        self.asked_count += 1;
        self.asked = Some(path.clone());
        Some(GetParameterNames { path, next_level: true }.into())
    }

    /// What came of the last request.
    pub fn handle_outcome(&mut self, outcome: Outcome) {
        let Some(asked) = self.asked.take() else { return };
        match outcome {
            Outcome::Response(message) => match *message {
                Message::GetParameterNamesResponse(response) => {
                    for info in response.parameters {
                        self.take(&asked, info.path, info.writable);
                    }
                }
                _ => self.found.faults.push((asked, None)),
            },
            Outcome::Fault(fault) => self.found.faults.push((asked, fault.code())),
            Outcome::TooLarge | Outcome::NotSent(_) => self.found.faults.push((asked, None)),
        }
    }

    /// The last request was not answered; it may be asked again, in another session.
    pub fn handle_unanswered(&mut self) {
        if let Some(asked) = self.asked.take() {
            self.asked_count = self.asked_count.saturating_sub(1);
            self.objects.push_front(asked);
        }
    }

    /// Whether all is found that can be.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.asked.is_none() && self.objects.is_empty()
    }

    /// What was found.
    #[must_use]
    pub fn into_result(self) -> Walked {
        self.found
    }

    fn take(&mut self, asked: &str, path: String, writable: bool) {
        // Some name the object itself among what lies below it.
        if path == asked || self.found.names.contains_key(&path) {
            return;
        }
        let below = path.strip_prefix(asked).filter(|rest| !rest.is_empty());
        if below.is_none() {
            self.found.strays += 1;
            return;
        }
        if self.found.names.len() >= self.options.names_max {
            self.found.is_cut = true;
            return;
        }
        if path.ends_with('.') {
            if path.matches('.').count() <= self.options.depth_max {
                self.objects.push_back(path.clone());
            } else {
                self.found.is_cut = true;
            }
        }
        self.found.names.insert(path, writable);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fault;
    use crate::message::{GetParameterNamesResponse, ParameterInfo};

    fn response(paths: &[String]) -> Outcome {
        let parameters = paths.iter().map(|path| ParameterInfo { path: path.clone(), writable: true }).collect();
        Outcome::Response(Box::new(GetParameterNamesResponse { parameters }.into()))
    }

    fn run(plan: &mut WalkNames, mut cpe: impl FnMut(&str) -> Outcome) -> Vec<String> {
        let mut asked = Vec::new();
        while let Some(Message::GetParameterNames(request)) = plan.next_request() {
            assert!(request.next_level);
            let outcome = cpe(&request.path);
            asked.push(request.path);
            assert!(asked.len() < 10_000, "it ends");
            plan.handle_outcome(outcome);
        }
        asked
    }

    fn paths(list: &[&str]) -> Vec<String> {
        list.iter().map(|path| (*path).to_owned()).collect()
    }

    #[test]
    fn every_object_is_looked_into_once() {
        let mut plan = WalkNames::new("", WalkOptions::default());
        let asked = run(&mut plan, |path| match path {
            "" => response(&paths(&["Device."])),
            "Device." => response(&paths(&["Device.", "Device.Uptime", "Device.WiFi.", "Device.WiFi."])),
            "Device.WiFi." => Outcome::Fault(Box::new(Fault::new(FaultCode::InvalidParameterName))),
            other => panic!("{other} does not exist"),
        });
        assert_eq!(asked, ["", "Device.", "Device.WiFi."]);
        let found = plan.into_result();
        assert_eq!(
            found.names.keys().map(String::as_str).collect::<Vec<_>>(),
            ["Device.", "Device.Uptime", "Device.WiFi."]
        );
        assert_eq!(found.faults, [("Device.WiFi.".to_owned(), Some(FaultCode::InvalidParameterName))]);
        assert!(!found.is_cut);
    }

    #[test]
    fn a_cpe_that_invents_levels_or_strays_leads_nowhere() {
        let mut plan = WalkNames::new("Device.", WalkOptions::default());
        let asked = run(&mut plan, |path| response(&[format!("{path}X."), "Device.".into(), "Other.Y".into()]));
        assert_eq!(asked.len(), 24);
        let found = plan.into_result();
        assert!(found.is_cut && found.strays > 0);
        assert!(found.names.keys().all(|path| path.starts_with("Device.")));

        let options = WalkOptions { objects_max: 3, ..WalkOptions::default() };
        let mut plan = WalkNames::new("Device.", options);
        let wide = |path: &str| response(&(0..9).map(|at| format!("{path}{at}.")).collect::<Vec<_>>());
        assert_eq!(run(&mut plan, wide).len(), 3);
        assert!(plan.into_result().is_cut);

        let mut plan = WalkNames::new("Device.", WalkOptions { names_max: 20, ..WalkOptions::default() });
        run(&mut plan, wide);
        let found = plan.into_result();
        assert_eq!((found.names.len(), found.is_cut), (20, true));
    }

    #[test]
    fn what_was_not_answered_is_asked_again() {
        let mut plan = WalkNames::new("Device.", WalkOptions { objects_max: 1, ..WalkOptions::default() });
        let first = plan.next_request();
        assert_eq!(plan.next_request(), None, "one at a time");
        plan.handle_unanswered();
        assert_eq!(plan.next_request(), first);
    }
}
