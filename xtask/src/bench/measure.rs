use clap::ValueEnum;

/// What a benchmark can be asked for alone: each has a table of its own.
pub(super) trait Measure: ValueEnum + Copy + PartialEq {
    /// The benchmark: the marks of its tables in docs/BENCHMARKS.md begin with it.
    const BENCH: &'static str;

    /// As `--only` calls it.
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// Its marks in docs/BENCHMARKS.md.
    fn section(self) -> String {
        format!("{}-{}", Self::BENCH, self.name())
    }

    /// Those that are named, in the usual order; all if none is.
    fn wanted(only: &[Self]) -> Vec<Self> {
        let all = Self::value_variants().iter().copied();
        all.filter(|measure| only.is_empty() || only.contains(measure)).collect()
    }

    /// What to type to have just these: nothing for all.
    fn flag(only: &[Self]) -> String {
        if only.is_empty() {
            return String::new();
        }
        let names: Vec<String> = only.iter().map(|measure| measure.name()).collect();
        format!(" --only {}", names.join(","))
    }
}

/// Each of its tables has a place in the document.
#[cfg(test)]
#[track_caller]
pub(super) fn check_sections<M: Measure>() {
    let document = include_str!("../../../docs/BENCHMARKS.md");
    for section in M::wanted(&[]).into_iter().map(Measure::section) {
        assert!(document.contains(&format!("<!-- {section} -->")), "{section} has no place in docs/BENCHMARKS.md");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
    enum Question {
        One,
        #[value(name = "w2")]
        Two,
    }

    impl Measure for Question {
        const BENCH: &'static str = "mesh";
    }

    #[test]
    fn what_is_named_is_measured_in_the_usual_order_and_everything_if_nothing_is() {
        assert_eq!(Question::wanted(&[]), [Question::One, Question::Two]);
        assert_eq!(Question::wanted(&[Question::Two, Question::One]), [Question::One, Question::Two]);
        assert_eq!(Question::wanted(&[Question::Two]), [Question::Two]);
    }

    #[test]
    fn a_measure_is_called_and_marked_as_the_command_line_calls_it() {
        assert_eq!(
            Question::wanted(&[]).into_iter().map(Measure::section).collect::<Vec<_>>(),
            ["mesh-one", "mesh-w2"]
        );
        assert_eq!(Question::flag(&[Question::Two, Question::One]), " --only w2,one");
        assert_eq!(Question::flag(&[]), "");
    }
}
