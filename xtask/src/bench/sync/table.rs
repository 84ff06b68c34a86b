use std::collections::{BTreeMap, BTreeSet};

use super::contender::Contender;
use super::goal::Goal;
use crate::bench::spread::{Spread, cell};

/// One quantity, contender by contender; the nth reading of one belongs to the nth of another.
#[derive(Clone, Debug, Default)]
pub(super) struct Figures {
    readings: BTreeMap<Contender, Vec<f64>>,
}

impl Figures {
    pub(super) fn new(readings: impl IntoIterator<Item = (Contender, Vec<f64>)>) -> Self {
        Self { readings: readings.into_iter().filter(|(_, figures)| !figures.is_empty()).collect() }
    }

    /// Nothing, of who was not measured.
    pub(super) fn of(&self, contender: Contender) -> &[f64] {
        self.readings.get(&contender).map_or(&[], Vec::as_slice)
    }
}

pub(super) struct Row {
    pub(super) what: String,
    pub(super) figures: Figures,
    pub(super) digits: usize,
    pub(super) goals: Vec<Goal>,
}

/// The rows of one measure.
pub(super) struct Table {
    pub(super) title: String,
    pub(super) rows: Vec<Row>,
    /// What stands below it, a sentence each.
    pub(super) notes: Vec<String>,
}

impl Table {
    /// As Markdown, with how it was measured above it. Who has no figure in any row has no column.
    pub(super) fn text(&self, heading: &str) -> String {
        let measured: BTreeSet<Contender> =
            self.rows.iter().flat_map(|row| row.figures.readings.keys().copied()).collect();
        let others: Vec<Contender> = measured.into_iter().filter(|&who| who != Contender::Ours).collect();
        let head: String = others.iter().map(|other| format!(" {other} | sangam to it |")).collect();
        let mut lines = vec![
            heading.to_owned(),
            String::new(),
            format!("| {} | sangam |{head} goal | met |", self.title),
            format!("|---|---|{}---|---|", "---|---|".repeat(others.len())),
        ];
        lines.extend(self.rows.iter().map(|row| row.text(&others)));
        for note in &self.notes {
            lines.extend([String::new(), note.clone()]);
        }
        lines.join("\n") + "\n"
    }

    /// Every goal that the middle readings miss, as a sentence.
    pub(super) fn missed(&self) -> Vec<String> {
        self.rows.iter().flat_map(Row::missed).collect()
    }
}

impl Row {
    fn text(&self, others: &[Contender]) -> String {
        let Self { what, figures, digits, goals } = self;
        let ours = figures.of(Contender::Ours);
        let readings = |who| cell(Spread::of(figures.of(who).to_vec()), *digits);
        let cells: String = others
            .iter()
            .map(|&other| format!(" {} | {} |", readings(other), cell(Spread::of_ratios(ours, figures.of(other)), 2)))
            .collect();
        let goal = or_dash(goals.iter().map(ToString::to_string).collect());
        let met = or_dash(goals.iter().map(|goal| self.verdict(*goal).to_owned()).collect());
        format!("| {what} | {} |{cells} {goal} | {met} |", readings(Contender::Ours))
    }

    fn verdict(&self, goal: Goal) -> &'static str {
        match goal.figure(&self.figures) {
            Some(figure) if goal.is_met_by(figure) => "yes",
            Some(_) => "**no**",
            None => "not measured",
        }
    }

    fn missed(&self) -> Vec<String> {
        let missed = self.goals.iter().filter_map(|goal| {
            let figure = goal.figure(&self.figures).filter(|&figure| !goal.is_met_by(figure))?;
            Some(format!("{}: {figure:.2}, not {goal}", self.what))
        });
        missed.collect()
    }
}

fn or_dash(texts: Vec<String>) -> String {
    if texts.is_empty() { "-".to_owned() } else { texts.join("; ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(ours: &[f64], pouch: &[f64], sqlite: &[f64]) -> Table {
        let figures = Figures::new([
            (Contender::Ours, ours.to_vec()),
            (Contender::Pouch, pouch.to_vec()),
            (Contender::Sqlite, sqlite.to_vec()),
        ]);
        let goals = vec![Goal::AtLeast(10.0), Goal::TimesAtLeast(2.0, Contender::Sqlite)];
        let row = Row { what: "operations/s".to_owned(), figures, digits: 0, goals };
        Table { title: "push".to_owned(), rows: vec![row], notes: vec!["A note.".to_owned()] }
    }

    #[test]
    fn ratios_are_taken_within_a_round_and_who_was_not_there_has_no_column() {
        // The machine slows down for both in the second round: the ratio does not.
        let text = table(&[20.0, 12.0, 21.0], &[], &[10.0, 4.0, 10.0]).text("how:");
        assert_eq!(
            text,
            "how:\n\n| push | sangam | SQLite | sangam to it | goal | met |\n|---|---|---|---|---|---|\n\
             | operations/s | 12 / **20** / 21 | 4 / **10** / 10 | 2.00 / **2.10** / 3.00 | \
             at least 10; at least 2 × SQLite | yes; yes |\n\nA note.\n"
        );
    }

    #[test]
    fn each_missed_goal_is_said_and_a_met_one_is_not() {
        assert_eq!(table(&[20.0], &[1.0], &[10.0]).missed(), Vec::<String>::new());
        assert_eq!(table(&[12.0], &[1.0], &[10.0]).missed(), ["operations/s: 1.20, not at least 2 × SQLite"]);
        assert_eq!(table(&[8.0], &[], &[]).missed(), ["operations/s: 8.00, not at least 10"]);
        assert!(table(&[8.0], &[], &[]).text("").contains("| **no**; not measured |"));
    }
}
