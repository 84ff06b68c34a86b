use super::goal::Goal;
use super::peer::{Kind, Peers};
use crate::bench::spread::{Spread, cell};

/// One figure of both servers, reading by reading.
pub(super) struct Row {
    pub(super) what: String,
    pub(super) ours: Vec<f64>,
    pub(super) node: Vec<f64>,
    pub(super) digits: usize,
    pub(super) goal: Option<Goal>,
}

/// The rows of one measure.
pub(super) struct Table {
    pub(super) title: String,
    pub(super) rows: Vec<Row>,
    /// What stands below it, a sentence each.
    pub(super) notes: Vec<String>,
}

impl Table {
    /// As Markdown, with how it was measured above it.
    pub(super) fn text(&self, heading: &str, peers: &Peers) -> String {
        let mut lines = vec![
            heading.to_owned(),
            String::new(),
            format!("| {} | {} | {} | ratio | goal |", self.title, peers.first, Kind::Node),
            "|---|---|---|---|---|".to_owned(),
        ];
        lines.extend(self.rows.iter().map(Row::text));
        for note in &self.notes {
            lines.extend([String::new(), note.clone()]);
        }
        lines.join("\n") + "\n"
    }

    /// Every goal that the middle readings miss, as a sentence.
    pub(super) fn missed(&self) -> Vec<String> {
        self.rows.iter().filter_map(Row::missed).collect()
    }
}

impl Row {
    fn text(&self) -> String {
        let Self { what, ours, node, digits, goal } = self;
        let ratio = cell(Spread::of_ratios(ours, node), 2);
        let [ours, node] = [ours, node].map(|readings| cell(Spread::of(readings.clone()), *digits));
        let goal = goal.map_or_else(|| "-".to_owned(), |goal| goal.to_string());
        format!("| {what} | {ours} | {node} | {ratio} | {goal} |")
    }

    fn missed(&self) -> Option<String> {
        let goal = self.goal?;
        let median = goal.missed_by(&self.ours, &self.node)?;
        Some(format!("{}: {median:.2}, not {goal}", self.what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(ours: &[f64], node: &[f64]) -> Table {
        let goal = Some(Goal::RatioAtMost(0.55));
        let row = Row { what: "CPU".to_owned(), ours: ours.to_vec(), node: node.to_vec(), digits: 1, goal };
        Table { title: "echo".to_owned(), rows: vec![row], notes: vec!["A note.".to_owned()] }
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        // The machine slows down for both in the second round: the ratio does not.
        let text = table(&[5.0, 45.0, 5.5], &[10.0, 90.0, 10.0])
            .text("how:", &Peers { first: Kind::Ours, with_node: true, with_product: true });
        assert_eq!(
            text,
            "how:\n\n| echo | sangam | Node | ratio | goal |\n|---|---|---|---|---|\n\
             | CPU | 5.0 / **5.5** / 45.0 | 10.0 / **10.0** / 90.0 | 0.50 / **0.50** / 0.55 | ratio at most 0.55 |\n\n\
             A note.\n"
        );
    }

    #[test]
    fn a_missed_goal_is_said_and_a_met_one_is_not() {
        assert_eq!(table(&[5.0], &[10.0]).missed(), Vec::<String>::new());
        assert_eq!(table(&[6.0], &[10.0]).missed(), ["CPU: 0.60, not ratio at most 0.55"]);
    }
}
