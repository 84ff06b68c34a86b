use std::fs;

use anyhow::{Context, Result, bail};

use super::spread::Spread;
use crate::repository::Repository;

/// One measured quantity and the goal it is held to.
pub(super) struct Reading {
    pub(super) what: &'static str,
    pub(super) unit: &'static str,
    /// In `unit`; the median may not be above it.
    pub(super) goal: Option<f64>,
    pub(super) spread: Spread,
}

impl Reading {
    pub(super) fn meets_goal(&self) -> bool {
        self.goal.is_none_or(|goal| self.spread.median() <= goal)
    }

    fn row(&self) -> String {
        let Self { what, unit, spread, .. } = self;
        let goal = self.goal.map_or_else(|| "-".to_owned(), |goal| format!("{goal:.0} {unit}"));
        format!(
            "| {what} | {:.1} | **{:.1}** | {:.1} | {unit} | {} | {goal} |",
            spread.min(),
            spread.median(),
            spread.max(),
            spread.runs()
        )
    }
}

/// The readings as a Markdown table, with where and how they were taken above it.
pub(super) fn table(machine: &str, command: &str, readings: &[Reading]) -> String {
    let mut lines = vec![
        format!("`{command}` on {machine}:"),
        String::new(),
        "| | min | median | max | unit | runs | goal, at most |".to_owned(),
        "|---|---|---|---|---|---|---|".to_owned(),
    ];
    lines.extend(readings.iter().map(Reading::row));
    lines.join("\n") + "\n"
}

/// Puts `body` between `<!-- section -->` and `<!-- /section -->` of docs/BENCHMARKS.md.
pub(super) fn publish(repository: &Repository, section: &str, body: &str) -> Result<()> {
    let file = repository.path("docs/BENCHMARKS.md");
    let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    fs::write(&file, replace(&text, section, body)?).with_context(|| format!("cannot write {}", file.display()))
}

/// Finds out before a long measurement whether [`publish`] will find its place.
pub(super) fn check_section(repository: &Repository, section: &str) -> Result<()> {
    let file = repository.path("docs/BENCHMARKS.md");
    let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    replace(&text, section, "").map(drop)
}

fn replace(text: &str, section: &str, body: &str) -> Result<String> {
    let (opening, closing) = (format!("<!-- {section} -->\n"), format!("<!-- /{section} -->"));
    let Some((before, rest)) = text.split_once(&opening) else {
        bail!("docs/BENCHMARKS.md has no line `{}`", opening.trim());
    };
    let Some((_, after)) = rest.split_once(&closing) else {
        bail!("docs/BENCHMARKS.md has no line `{closing}` after `{}`", opening.trim());
    };
    Ok(format!("{before}{opening}{body}{closing}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_section_is_replaced() {
        let text = "a\n<!-- x -->\nold\n<!-- /x -->\nb\n<!-- y -->\n<!-- /y -->\n";
        assert_eq!(replace(text, "x", "new\n").unwrap(), text.replace("old", "new"));
        assert!(replace(text, "z", "").is_err());
        assert!(replace("<!-- x -->\n", "x", "").is_err());
    }

    #[test]
    fn the_median_is_held_to_the_goal() {
        let reading =
            |goal| Reading { what: "time", unit: "ms", goal, spread: Spread::of(vec![1.0, 2.0, 9.0]).unwrap() };
        assert!(reading(Some(2.0)).meets_goal());
        assert!(!reading(Some(1.9)).meets_goal());
        assert!(reading(None).meets_goal());
        assert_eq!(reading(Some(5.0)).row(), "| time | 1.0 | **2.0** | 9.0 | ms | 3 | 5 ms |");
    }
}
