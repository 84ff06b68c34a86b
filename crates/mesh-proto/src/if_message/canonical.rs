use std::cmp::Ordering;

use serde_json::{Map, Value};

/// What an agent signs: `JSON.stringify` (ECMA-262 §25.5.2) of the message's members that are in `signed_fields`, sorted by
/// UTF-16 code units, with these names as its property list. The list applies at every level: of any object within, only
/// members with one of these names are there, in the list's order. Arrays keep their elements.
#[must_use]
pub fn of_agents(message: &Map<String, Value>, signed_fields: &[&str]) -> String {
    let mut names: Vec<&str> = signed_fields.iter().copied().filter(|name| message.contains_key(*name)).collect();
    names.sort_by(|a, b| by_utf16(a, b));
    names.dedup();
    let mut text = String::with_capacity(256);
    write_members(
        &mut text,
        names.iter().filter_map(|name| Some((*name, message.get(*name)?))),
        &Order::Listed(&names),
    );
    text
}

/// What our own signature covers: the whole message but its signatures, members sorted by UTF-16 code units at every level,
/// no white space, numbers and texts as ECMAScript writes them: RFC 8785 §3.2, of the object without `signature` and
/// `sangam_signature`, after the line `sangam-if-message-1`.
#[must_use]
pub fn sound(message: &Map<String, Value>) -> String {
    let mut text = String::from("sangam-if-message-1\n");
    let covered = message.iter().filter(|(name, _)| *name != "signature" && *name != super::SOUND_SIGNATURE);
    let mut members: Vec<(&str, &Value)> = covered.map(|(name, value)| (name.as_str(), value)).collect();
    members.sort_by(|a, b| by_utf16(a.0, b.0));
    write_members(&mut text, members.into_iter(), &Order::Sorted);
    text
}

/// A number as ECMAScript writes it (ECMA-262 §6.1.6.1.20): every number is a double there.
#[must_use]
pub fn number(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    if !value.is_finite() {
        return "null".into();
    }
    // The shortest digits that read back as the value: `-d.ddde±x`.
    let text = format!("{:e}", value.abs());
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let digits = digits.replace('.', "");
    let point = exponent.parse::<i32>().unwrap_or(0) + 1;
    let sign = if value < 0.0 { "-" } else { "" };
    format!("{sign}{}", placed(&digits, point))
}

/// The digits with the decimal point after `point` of them, or with an exponent where that is far off.
fn placed(digits: &str, point: i32) -> String {
    let count = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    let zeros = |n: i32| "0".repeat(usize::try_from(n).unwrap_or(0));
    if (count..=21).contains(&point) {
        return format!("{digits}{}", zeros(point - count));
    }
    if (1..=21).contains(&point) {
        let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or(0));
        return format!("{whole}.{fraction}");
    }
    if (-5..=0).contains(&point) {
        return format!("0.{}{digits}", zeros(-point));
    }
    let (first, rest) = digits.split_at(1);
    let dot = if rest.is_empty() { "" } else { "." };
    format!("{first}{dot}{rest}e{:+}", point - 1)
}

/// Which members of an object are written, and in what order.
enum Order<'a> {
    Listed(&'a [&'a str]),
    Sorted,
}

fn write(text: &mut String, value: &Value, order: &Order<'_>) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(true) => text.push_str("true"),
        Value::Bool(false) => text.push_str("false"),
        Value::Number(value) => text.push_str(&number(value.as_f64().unwrap_or_default())),
        Value::String(value) => write_text(text, value),
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                text.push(if place == 0 { '[' } else { ',' });
                write(text, item, order);
            }
            text.push_str(if items.is_empty() { "[]" } else { "]" });
        }
        Value::Object(members) => match order {
            Order::Listed(names) => {
                write_members(text, names.iter().filter_map(|name| Some((*name, members.get(*name)?))), order);
            }
            Order::Sorted => {
                let mut members: Vec<(&str, &Value)> =
                    members.iter().map(|(name, value)| (name.as_str(), value)).collect();
                members.sort_by(|a, b| by_utf16(a.0, b.0));
                write_members(text, members.into_iter(), order);
            }
        },
    }
}

fn write_members<'a>(text: &mut String, members: impl Iterator<Item = (&'a str, &'a Value)>, order: &Order<'_>) {
    text.push('{');
    for (place, (name, value)) in members.enumerate() {
        if place > 0 {
            text.push(',');
        }
        write_text(text, name);
        text.push(':');
        write(text, value, order);
    }
    text.push('}');
}

/// Escapes as ECMA-262 §25.5.2.3 has them: `\b \t \n \f \r \" \\`, other control characters below U+0020 as `\u00xx`, all
/// else as it is.
fn write_text(text: &mut String, value: &str) {
    text.push('"');
    for character in value.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\u{8}' => text.push_str("\\b"),
            '\t' => text.push_str("\\t"),
            '\n' => text.push_str("\\n"),
            '\u{c}' => text.push_str("\\f"),
            '\r' => text.push_str("\\r"),
            control if control < ' ' => text.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => text.push(other),
        }
    }
    text.push('"');
}

fn by_utf16(a: &str, b: &str) -> Ordering {
    a.encode_utf16().cmp(b.encode_utf16())
}
