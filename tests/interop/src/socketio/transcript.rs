use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// What the clients of the suite saw, case by case.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Transcript {
    /// By `set / subject: case`.
    cases: BTreeMap<String, Value>,
}

/// Lines before and after a difference that are shown with it.
const CONTEXT_LINES: usize = 2;

impl Transcript {
    /// Reads what the runner printed.
    ///
    /// # Errors
    /// A line of JSON is broken, or the summary is missing: the suite did not come to its end.
    pub(crate) fn read(set: &str, output: &str) -> Result<Self> {
        let mut cases = BTreeMap::new();
        let mut whole = false;
        for line in output.lines().filter(|line| line.starts_with('{')) {
            let mut line: Value = serde_json::from_str(line).with_context(|| format!("broken: {line}"))?;
            whole |= line.get("summary").is_some();
            if let Some(case) = line.get("case").and_then(Value::as_str) {
                cases.insert(format!("{set} / {case}"), line["result"].take());
            }
        }
        whole.then_some(Self { cases }).with_context(|| format!("the suite did not come to its end:\n{output}"))
    }

    pub(crate) fn append(&mut self, mut other: Self) {
        self.cases.append(&mut other.cases);
    }

    /// Whether it holds no case.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cases.is_empty()
    }

    /// How many cases it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cases.len()
    }

    /// The cases that could not be finished, and why.
    #[must_use]
    pub fn failed(&self) -> Vec<String> {
        let why = |(name, result): (&String, &Value)| Some(format!("{name}: {}", result.get("failed")?));
        self.cases.iter().filter_map(why).collect()
    }

    /// The same with what is meant to be otherwise: a case, named without its set, and what is seen in it instead.
    ///
    /// # Errors
    /// There is no such case, or that is what is seen in it already.
    pub fn departing(&self, departures: &BTreeMap<&str, Value>) -> Result<Self> {
        let mut departed = self.clone();
        for (case, result) in departures {
            let mut differs = false;
            for (_, seen) in departed.cases.iter_mut().filter(|(name, _)| without_set(name) == *case) {
                differs |= seen != result;
                seen.clone_from(result);
            }
            ensure!(differs, "{case} is no departure any more");
        }
        Ok(departed)
    }

    /// The cases that differ, or that only one holds, by `set / subject: case`.
    #[must_use]
    pub fn differing<'a>(&'a self, other: &'a Self) -> Vec<&'a str> {
        let names: BTreeSet<_> = self.cases.keys().chain(other.cases.keys()).collect();
        names.into_iter().filter(|name| self.cases.get(*name) != other.cases.get(*name)).map(String::as_str).collect()
    }

    /// What differs, to be read: lines with `-` are this transcript's, lines with `+` the other's. Empty if nothing does.
    #[must_use]
    pub fn difference(&self, other: &Self) -> String {
        let mut text = String::new();
        for name in self.differing(other) {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name}");
            text.push_str(&changed_lines(&pretty(self.cases.get(name)), &pretty(other.cases.get(name))));
        }
        text
    }
}

fn without_set(name: &str) -> &str {
    name.split_once(" / ").map_or(name, |(_set, case)| case)
}

fn pretty(result: Option<&Value>) -> String {
    result.map_or_else(|| "not run".to_owned(), |result| format!("{result:#}"))
}

/// The lines in which two texts differ, with a little of what is around them.
fn changed_lines(one: &str, other: &str) -> String {
    let (one, other): (Vec<_>, Vec<_>) = (one.lines().collect(), other.lines().collect());
    let before = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
    let after = one[before..].iter().rev().zip(other[before..].iter().rev()).take_while(|(a, b)| a == b).count();
    let (one_end, other_end) = (one.len() - after, other.len() - after);
    let parts = [
        (' ', &one[before.saturating_sub(CONTEXT_LINES)..before]),
        ('-', &one[before..one_end]),
        ('+', &other[before..other_end]),
        (' ', &one[one_end..one.len().min(one_end + CONTEXT_LINES)]),
    ];
    parts.iter().flat_map(|(mark, lines)| lines.iter().map(move |line| format!("  {mark} {line}\n"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transcript(lines: &str) -> Transcript {
        Transcript::read("set", &format!("{lines}\n{{\"summary\":{{}}}}")).unwrap()
    }

    #[test]
    fn equal_transcripts_have_no_difference() {
        let one = transcript(r#"{"case":"a","result":[1,2]}"#);
        assert_eq!((one.len(), one.difference(&one.clone())), (1, String::new()));
    }

    #[test]
    fn a_difference_shows_the_case_and_only_the_lines_about_it() {
        let one = transcript(r#"{"case":"a","result":[1,2,3,4,5,6,7]}"#);
        let other = transcript(r#"{"case":"a","result":[1,2,3,"x",5,6,7]}"#);
        let shown = "set / a\n      2,\n      3,\n  -   4,\n  +   \"x\",\n      5,\n      6,\n";
        assert_eq!(one.difference(&other), shown);
    }

    #[test]
    fn a_departure_is_one_result_and_no_other_and_goes_when_nothing_differs() {
        let [one, other] = [1, 2].map(|seen| transcript(&format!(r#"{{"case":"a","result":{seen}}}"#)));
        let departing = |case, seen: i32| one.departing(&BTreeMap::from([(case, seen.into())]));
        assert_eq!(departing("a", 2).unwrap(), other);
        assert_ne!(departing("a", 3).unwrap(), other);
        assert!(departing("a", 1).is_err());
        assert!(departing("b", 2).is_err());
    }

    #[test]
    fn a_case_that_only_one_ran_is_a_difference() {
        let one = transcript(r#"{"case":"a","result":1}"#);
        assert_eq!(one.difference(&transcript("")), "set / a\n  - 1\n  + not run\n");
    }

    #[test]
    fn a_run_without_its_summary_did_not_come_to_its_end() {
        assert!(Transcript::read("set", r#"{"case":"a","result":1}"#).is_err());
    }

    #[test]
    fn failed_cases_are_named_with_the_reason() {
        let one = transcript(r#"{"case":"a","result":{"failed":"waited in vain"}}"#);
        assert_eq!(one.failed(), [r#"set / a: "waited in vain""#]);
    }
}
