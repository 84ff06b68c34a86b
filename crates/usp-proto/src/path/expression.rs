use std::cmp::Ordering;

use super::Item;

/// A term of a search expression: a parameter relative to the instance, compared with a constant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// The parameter, by way of objects and references.
    pub path: Vec<TermStep>,
    /// How they compare.
    pub operator: Operator,
    /// The constant, unescaped.
    pub value: String,
    /// Whether it was written as text, in quotes.
    pub is_text: bool,
}

/// A step of a term's path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TermStep {
    /// An object or parameter by its name.
    pub name: String,
    /// Whether it is a reference that is followed, and which item of it.
    pub follow: Option<Item>,
}

/// How a parameter and a constant compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `~=`: the parameter is a list with commas, and the constant is an item of it.
    Contains,
    /// `<`
    Less,
    /// `>`
    Greater,
    /// `<=`
    AtMost,
    /// `>=`
    AtLeast,
}

impl Term {
    /// Whether a value satisfies it. Numbers compare as numbers, `1` and `true` are the same to a constant that is a
    /// boolean, times of one zone compare as text.
    #[must_use]
    pub fn holds(&self, value: &str) -> bool {
        match self.operator {
            Operator::Equal => self.equals(value),
            Operator::NotEqual => !self.equals(value),
            Operator::Contains => value.split(',').any(|item| self.equals(item.trim())),
            Operator::Less => self.compare(value).is_some_and(Ordering::is_lt),
            Operator::Greater => self.compare(value).is_some_and(Ordering::is_gt),
            Operator::AtMost => self.compare(value).is_some_and(Ordering::is_le),
            Operator::AtLeast => self.compare(value).is_some_and(Ordering::is_ge),
        }
    }

    fn equals(&self, value: &str) -> bool {
        if self.is_text {
            return value == self.value;
        }
        if let (Some(one), Some(other)) = (truth(value), truth(&self.value))
            && (is_word(value) || is_word(&self.value))
        {
            return one == other;
        }
        match (number(value), number(&self.value)) {
            (Some(one), Some(other)) => one == other,
            _ => value == self.value,
        }
    }

    /// `None` where there is no order: texts and booleans have none.
    fn compare(&self, value: &str) -> Option<Ordering> {
        if self.is_text || is_word(&self.value) {
            return None;
        }
        match (number(value), number(&self.value)) {
            (Some(one), Some(other)) => Some(one.cmp(&other)),
            _ => Some(value.cmp(&self.value)),
        }
    }
}

fn number(text: &str) -> Option<i128> {
    text.parse().ok()
}

fn is_word(text: &str) -> bool {
    matches!(text, "true" | "false")
}

fn truth(text: &str) -> Option<bool> {
    match text {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_compare_by_what_they_are() {
        use Operator::{AtLeast, AtMost, Contains, Equal, Greater, Less, NotEqual};
        let table = [
            (Equal, "up", true, "up", true),
            (Equal, "up", true, "Up", false),
            (Equal, "1", true, "01", false),
            (Equal, "123", false, "+123", true),
            (Equal, "123", false, "0123", true),
            (Equal, "1", false, "true", true),
            (Equal, "true", false, "1", true),
            (Equal, "false", false, "1", false),
            (NotEqual, "up", true, "down", true),
            (Less, "10", false, "9", true),
            (Greater, "9", false, "10", true),
            (AtMost, "-1", false, "-1", true),
            (AtLeast, "5", false, "4", false),
            (Less, "2021-06-06T08:00:00Z", false, "2021-06-06T07:59:59Z", true),
            (Less, "b", true, "a", false),
            (Greater, "false", false, "true", false),
            (Contains, "b", true, "a, b", true),
            (Contains, "b", true, "ab", false),
            (Contains, "5", false, "1,05", true),
        ];
        for (operator, constant, is_text, value, holds) in table {
            let term = Term { path: vec![], operator, value: constant.into(), is_text };
            assert_eq!(term.holds(value), holds, "{value} {operator:?} {constant}");
        }
    }
}
