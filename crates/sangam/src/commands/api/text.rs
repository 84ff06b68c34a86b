//! Answers of the API as text.

use serde_json::Value;

/// Columns as wide as their widest cell.
pub(in crate::commands) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let padded = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(padded).collect()
}

/// An object in one line.
pub(in crate::commands) fn line(member: &Value) -> String {
    let Some(members) = member.as_object() else { return String::new() };
    let pairs = members.iter().map(|(key, value)| match value {
        Value::String(text) => format!("{key} {}", escaped(text)),
        _ => format!("{key} {value}"),
    });
    format!("{}\n", pairs.collect::<Vec<_>>().join(", "))
}

/// Clients choose their names, which must not steer the terminal.
pub(in crate::commands) fn escaped(text: &str) -> String {
    let shown = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(shown).collect()
}
