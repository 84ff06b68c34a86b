use super::{Item, Operator, Path, PathError, PathLimits, Step, Target, Term, TermStep};
use crate::endpoint_id::percent_decode;

pub(super) fn path(text: &str, limits: &PathLimits) -> Result<Path, PathError> {
    if text.len() > limits.bytes_max {
        return Err(PathError::TooLong);
    }
    let mut steps = Vec::new();
    let mut rest = text;
    loop {
        if steps.len() > limits.steps_max {
            return Err(PathError::TooLong);
        }
        if rest.is_empty() {
            let is_ended =
                matches!(steps.last(), Some(Step::Name(_) | Step::Instance(_) | Step::All | Step::Search(_)));
            return if is_ended { Ok(Path { steps, target: Target::Object }) } else { Err(PathError::Malformed) };
        }
        if let Some(inner) = rest.strip_prefix('[') {
            let (terms, after) = expression(inner, limits)?;
            steps.push(Step::Search(terms));
            rest = after.strip_prefix('.').ok_or(PathError::Malformed)?;
            continue;
        }
        match rest.split_once('.') {
            Some((part, after)) => {
                steps.push(step(part, steps.is_empty())?);
                rest = after;
            }
            None if steps.is_empty() => return Err(PathError::Malformed),
            None => return Ok(Path { steps, target: target(rest)? }),
        }
    }
}

fn step(part: &str, is_first: bool) -> Result<Step, PathError> {
    if is_name(part) {
        return Ok(Step::Name(part.to_owned()));
    }
    if is_first {
        return Err(PathError::Malformed);
    }
    if part == "*" {
        return Ok(Step::All);
    }
    if let Some(number) = positive(part) {
        return Ok(Step::Instance(number));
    }
    let (name, item) = followed(part).ok_or(PathError::Malformed)?;
    Ok(Step::Follow { name: name.to_owned(), item })
}

fn target(part: &str) -> Result<Target, PathError> {
    let named = |name: &str| is_name(name).then(|| part.to_owned()).ok_or(PathError::Malformed);
    if let Some(name) = part.strip_suffix("()") {
        return named(name).map(Target::Command);
    }
    if let Some(name) = part.strip_suffix('!') {
        return named(name).map(Target::Event);
    }
    named(part).map(Target::Parameter)
}

/// `Name+`, `Name#2+`, `Name#*+`.
fn followed(part: &str) -> Option<(&str, Item)> {
    let reference = part.strip_suffix('+')?;
    let (name, item) = match reference.split_once('#') {
        None => (reference, Item::Nth(1)),
        Some((name, "*")) => (name, Item::All),
        Some((name, number)) => (name, Item::Nth(positive(number)?)),
    };
    is_name(name).then_some((name, item))
}

/// The terms of an expression and what comes after its `]`.
fn expression<'a>(text: &'a str, limits: &PathLimits) -> Result<(Vec<Term>, &'a str), PathError> {
    let mut terms = Vec::new();
    let mut rest = text;
    loop {
        if terms.len() == limits.terms_max {
            return Err(PathError::TooLong);
        }
        let (term, after) = term(rest)?;
        terms.push(term);
        if let Some(after) = after.strip_prefix("&&") {
            rest = after;
        } else if let Some(after) = after.strip_prefix(']') {
            return Ok((terms, after));
        } else {
            return Err(PathError::BadExpression);
        }
    }
}

fn term(text: &str) -> Result<(Term, &str), PathError> {
    let end = text.find(['=', '!', '~', '<', '>', ' ', ']', '"']).ok_or(PathError::BadExpression)?;
    let (path, rest) = text.split_at(end);
    let (operator, rest) = operator(rest.trim_start_matches(' ')).ok_or(PathError::BadExpression)?;
    let path = path.split('.').map(term_step).collect::<Option<Vec<_>>>().ok_or(PathError::BadExpression)?;
    if path.last().is_none_or(|last| last.follow.is_some()) {
        return Err(PathError::BadExpression);
    }
    let rest = rest.trim_start_matches(' ');
    if let Some(text) = rest.strip_prefix('"') {
        let (text, after) = text.split_once('"').ok_or(PathError::BadExpression)?;
        let value = percent_decode(text).ok_or(PathError::BadExpression)?;
        return Ok((Term { path, operator, value, is_text: true }, after));
    }
    let end = rest.find(['&', ']', '|', '"', '[']).ok_or(PathError::BadExpression)?;
    let (value, after) = rest.split_at(end);
    let value = value.trim_end_matches(' ');
    if value.is_empty() {
        return Err(PathError::BadExpression);
    }
    Ok((Term { path, operator, value: value.to_owned(), is_text: false }, after))
}

fn term_step(part: &str) -> Option<TermStep> {
    if is_name(part) {
        return Some(TermStep { name: part.to_owned(), follow: None });
    }
    let (name, item) = followed(part)?;
    Some(TermStep { name: name.to_owned(), follow: Some(item) })
}

fn operator(text: &str) -> Option<(Operator, &str)> {
    const OPERATORS: [(&str, Operator); 7] = [
        ("==", Operator::Equal),
        ("!=", Operator::NotEqual),
        ("~=", Operator::Contains),
        ("<=", Operator::AtMost),
        (">=", Operator::AtLeast),
        ("<", Operator::Less),
        (">", Operator::Greater),
    ];
    OPERATORS.iter().find_map(|(sign, operator)| Some((*operator, text.strip_prefix(sign)?)))
}

fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A positive number without a leading zero.
fn positive(text: &str) -> Option<u32> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    is_number.then(|| text.parse().ok()).flatten()
}
