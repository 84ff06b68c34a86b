use std::fmt;
use std::ops::AddAssign;

/// How many tests ended how, summed over runners.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Counts {
    /// Reads the summary line of nextest, of `cargo test`, or one line of a TAP summary (`node --test`).
    /// Every other line is `None`.
    pub(crate) fn of_line(line: &str) -> Option<Self> {
        of_nextest(line).or_else(|| of_cargo_test(line)).or_else(|| of_tap(line))
    }

    pub(crate) fn ran(&self) -> u64 {
        self.passed + self.failed
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// `Summary [ 1.2s] 9 tests run: 7 passed (1 slow), 1 failed, 1 timed out, 2 skipped`
fn of_nextest(line: &str) -> Option<Counts> {
    let rest = line.trim_start().strip_prefix("Summary [")?;
    let (_, ends) = rest.split_once(" run: ")?;
    Some(count_words(ends, ", "))
}

/// `test result: ok. 7 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s`
fn of_cargo_test(line: &str) -> Option<Counts> {
    let (_, ends) = line.strip_prefix("test result: ")?.split_once(". ")?;
    Some(count_words(ends, "; "))
}

fn count_words(ends: &str, separator: &str) -> Counts {
    let mut counts = Counts::default();
    for end in ends.split(separator) {
        let mut words = end.split_whitespace();
        let number: u64 = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
        match words.next() {
            Some("passed") => counts.passed += number,
            Some("failed" | "exec" | "timed") => counts.failed += number,
            Some("skipped" | "ignored") => counts.skipped += number,
            Some(_) | None => {}
        }
    }
    counts
}

/// `# pass 12`, `# fail 0`, `# cancelled 0`, `# skipped 1`
fn of_tap(line: &str) -> Option<Counts> {
    let (word, number) = line.strip_prefix("# ")?.split_once(' ')?;
    let number = number.parse().ok()?;
    match word {
        "pass" => Some(Counts { passed: number, ..Counts::default() }),
        "fail" | "cancelled" => Some(Counts { failed: number, ..Counts::default() }),
        "skipped" | "todo" => Some(Counts { skipped: number, ..Counts::default() }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: Option<(u64, u64, u64)>) {
        let expected = expected.map(|(passed, failed, skipped)| Counts { passed, failed, skipped });
        assert_eq!(Counts::of_line(line), expected, "{line}");
    }

    #[test]
    fn summaries_of_all_runners_are_read() {
        check("     Summary [   0.004s] 12 tests run: 12 passed, 0 skipped", Some((12, 0, 0)));
        check(
            "     Summary [   9.1s] 9 tests run: 6 passed (1 slow), 2 failed, 1 timed out, 4 skipped",
            Some((6, 3, 4)),
        );
        check("     Summary [   9.1s] 5/9 tests run: 4 passed, 1 exec failed, 0 skipped", Some((4, 1, 0)));
        check(
            "test result: FAILED. 7 passed; 2 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.0s",
            Some((7, 2, 1)),
        );
        check("# pass 12", Some((12, 0, 0)));
        check("# cancelled 2", Some((0, 2, 0)));
        check("# duration_ms 41", None);
        check("a test printed: Summary [", None);
    }
}
