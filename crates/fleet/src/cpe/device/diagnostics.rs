use std::time::Duration;

use sangam_cwmp_proto::{EventCode, ValueKind};

use super::super::date::date_text;
use super::super::model::Content;
use super::super::tree::Slot;
use super::{Context, Device};

/// How long a diagnosis takes, and how much longer at most.
const TAKES: Duration = Duration::from_secs(1);
const SPREAD: Duration = Duration::from_secs(3);

impl Device {
    /// A parameter was set. If it is a `DiagnosticsState`, a diagnosis begins; another one beside it stops that.
    pub(crate) fn note_diagnostics(&mut self, cx: &Context<'_>, slot: Slot, value: &str) {
        let model = cx.world.model(self.facts.number);
        let Some(parameter) = model.at(slot.index) else { return };
        let (object, _) = parameter.path.rsplit_once('.').unwrap_or_default();
        if parameter.content == Content::Diagnostics {
            self.diagnostics.retain(|(_, running)| *running != slot);
            if value == "Requested" {
                let wait = TAKES + self.dice.within(SPREAD);
                self.diagnostics.push((cx.now.mono + wait, slot));
            }
        } else if let Some(state) = model.find(&format!("{object}.DiagnosticsState")).map(Slot::fixed)
            && !self.diagnostics.iter().any(|(_, running)| *running == state)
            && self.differences.get(state).is_some_and(|state| state != "Requested")
        {
            self.differences.set(state, "None");
        }
    }

    /// Writes the results of what has run.
    pub(crate) fn end_diagnostics(&mut self, cx: &mut Context<'_>) {
        let now = cx.now.mono;
        let ended: Vec<Slot> = self.diagnostics.extract_if(.., |(at, _)| *at <= now).map(|(_, slot)| slot).collect();
        for state in ended {
            self.write_results(cx, state);
            self.differences.set(state, "Complete");
            self.raise(cx.tally, EventCode::DiagnosticsComplete, "");
        }
    }

    fn write_results(&mut self, cx: &Context<'_>, state: Slot) {
        let model = cx.world.model(self.facts.number);
        let Some(path) = model.at(state.index).map(|it| &it.path) else { return };
        let object = path.strip_suffix("DiagnosticsState").unwrap_or(path);
        let repetitions = self.tree(cx.world, cx.now).find(&format!("{object}NumberOfRepetitions"));
        let repetitions = repetitions.map(|slot| self.tree(cx.world, cx.now).value(slot).into_owned());
        for index in model.under(object) {
            let Some(parameter) = model.at(index).filter(|it| !it.is_writable) else { continue };
            let name = parameter.path.rsplit('.').next().unwrap_or_default();
            let result = match (&parameter.kind, name) {
                (ValueKind::DateTime, _) => date_text(cx.now.wall),
                (_, "SuccessCount") => repetitions.clone().unwrap_or_default(),
                (_, "FailureCount") => "0".to_owned(),
                (_, "MinimumResponseTime") => "9".to_owned(),
                (_, "AverageResponseTime") => "12".to_owned(),
                (_, "MaximumResponseTime") => (20 + self.dice.below(20)).to_string(),
                (_, _) => (1_000_000 + self.dice.below(1_000_000)).to_string(),
            };
            self.differences.set(Slot::fixed(index), &result);
        }
    }
}
