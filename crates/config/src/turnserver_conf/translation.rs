use std::fmt;

use toml::Value;

use super::gathered::{Gathered, Outcome};
use super::line::{Line, lines};
use super::meaning::{Meaning, long_name, meaning_of, names};
use crate::catalogue::nearest;

/// What becomes of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It sets one of our keys, though perhaps not as the operator thinks.
    Honoured,
    /// It is not honoured.
    NotHonoured,
    /// coturn does not know it either.
    Unknown,
}

/// Something an operator should know about an option. Holds no value of a secret option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// Counted from one; none if it is about the file as a whole.
    pub line: Option<usize>,
    /// As written.
    pub option: String,
    /// What becomes of it.
    pub verdict: Verdict,
    /// Why, and what to use.
    pub text: String,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { option, text, .. } = self;
        match self.verdict {
            Verdict::Honoured if self.line.is_none() => f.write_str(text),
            Verdict::Honoured => write!(f, "`{option}` is honoured: {text}"),
            Verdict::NotHonoured => write!(f, "`{option}` is not honoured: {text}"),
            Verdict::Unknown => write!(f, "`{option}` is unknown: {text}"),
        }
    }
}

/// One of our keys, as a `turnserver.conf` sets it.
pub(crate) struct TranslatedSetting {
    /// `section.key`.
    pub(crate) key: &'static str,
    /// Fits the key's kind.
    pub(crate) value: Value,
    /// A list has one line for each entry. Empty: what coturn does without the option.
    pub(crate) lines: Vec<usize>,
}

/// An option that would be honoured if its value could be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// Counted from one.
    pub(crate) line: usize,
    /// As written.
    pub(crate) option: String,
    /// What is wrong and what to write. Holds no value of a secret option.
    pub(crate) cause: String,
}

/// A `turnserver.conf` in our words.
#[derive(Default)]
pub struct Translation {
    pub(crate) settings: Vec<TranslatedSetting>,
    pub(crate) mistakes: Vec<Mistake>,
    /// What the operator should know, in the order of the lines.
    pub remarks: Vec<Remark>,
    /// Lines that set a key of ours.
    pub honoured: usize,
    /// Lines that ask for what is so anyway.
    pub always: usize,
}

impl fmt::Debug for Translation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The settings hold secrets.
        let Self { settings: _, mistakes, remarks, honoured, always } = self;
        f.debug_struct("Translation")
            .field("mistakes", mistakes)
            .field("remarks", remarks)
            .field("honoured", honoured)
            .field("always", always)
            .finish_non_exhaustive()
    }
}

impl Translation {
    /// Lines whose value cannot be used.
    #[must_use]
    pub fn mistakes(&self) -> usize {
        self.mistakes.len()
    }

    /// One sentence about the whole.
    #[must_use]
    pub fn summary(&self) -> String {
        let count = |verdict| self.remarks.iter().filter(|remark| remark.verdict == verdict).count();
        let (not_honoured, unknown) = (count(Verdict::NotHonoured), count(Verdict::Unknown));
        let lines = self.honoured + self.always + self.mistakes.len() + not_honoured + unknown;
        let unusable = match self.mistakes.len() {
            0 => String::new(),
            mistakes => format!(", {mistakes} with a value that cannot be used"),
        };
        format!(
            "{lines} options read: {} honoured, {} so anyway, {not_honoured} not honoured, {unknown} unknown{unusable}",
            self.honoured, self.always
        )
    }
}

/// Says in our words what a `turnserver.conf` says.
#[must_use]
pub fn translate(text: &str) -> Translation {
    let mut translation = Translation::default();
    let mut gathered = Gathered::default();
    for line in lines(text) {
        let outcome = meaning_of(line.option).map(|meaning| outcome(&line, meaning, &mut gathered));
        translation.note(&line, outcome);
    }
    gathered.finish(&mut translation);
    translation
}

fn outcome(line: &Line<'_>, meaning: Meaning, gathered: &mut Gathered) -> Outcome {
    match meaning {
        Meaning::Honoured(_) if line.value.contains(char::REPLACEMENT_CHARACTER) => {
            Outcome::Mistake("it is not UTF-8; save the file in that encoding".to_owned())
        }
        Meaning::Honoured(read) => gathered.take(line, read),
        Meaning::Foreign(why) => Outcome::NotHonoured(why.to_owned()),
        Meaning::AlwaysIfOn(_) => switched(line, || Outcome::Always),
        Meaning::ForeignIfOn(why) => switched(line, || Outcome::NotHonoured(why.to_owned())),
    }
}

/// What a switch asks for; off is what coturn does without the line, and asks for nothing.
pub(super) fn switched(line: &Line<'_>, on: impl FnOnce() -> Outcome) -> Outcome {
    match line.switch() {
        Some(true) => on(),
        Some(false) => Outcome::Always,
        None => Outcome::Mistake("it is neither on nor off; write it alone, or =0 to switch it off".to_owned()),
    }
}

impl Translation {
    fn note(&mut self, line: &Line<'_>, outcome: Option<Outcome>) {
        let option = line.shown_option();
        match outcome {
            Some(Outcome::Honoured) => self.honoured += 1,
            Some(Outcome::HonouredBut(text)) => {
                self.honoured += 1;
                self.remark(line, Verdict::Honoured, text);
            }
            Some(Outcome::Always) => self.always += 1,
            Some(Outcome::NotHonoured(text)) => self.remark(line, Verdict::NotHonoured, text),
            Some(Outcome::Mistake(cause)) => self.mistakes.push(Mistake { line: line.number, option, cause }),
            None => {
                self.remark(line, Verdict::Unknown, unknown(option.trim_start_matches('-')));
            }
        }
    }

    fn remark(&mut self, line: &Line<'_>, verdict: Verdict, text: String) {
        self.remarks.push(Remark { line: Some(line.number), option: line.shown_option(), verdict, text });
    }
}

fn unknown(option: &str) -> String {
    if let Some(long) = long_name(option) {
        return format!("coturn takes the short form on its command line only; write `{long}`");
    }
    match nearest(option, names()) {
        None => "coturn does not know it either; remove the line".to_owned(),
        Some(known) => format!("coturn does not know it either; did you mean `{known}`?"),
    }
}

#[cfg(test)]
mod tests;
