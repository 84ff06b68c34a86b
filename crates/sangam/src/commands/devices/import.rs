//! Sends a file of devices in parts that the API takes.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use anyhow::Context as _;
use http::Method;
use sangam_probe::{ApiAnswer, ApiRequest};
use serde_json::{Value, json};

use crate::Verdict;
use crate::cli::api::ApiArgs;
use crate::commands::api::{self, Subject};

pub(super) const PATH: &str = "/devices/import";
/// Lines that are sent at once.
const LINES: usize = 1_000;
/// Bytes that are sent at once; the API takes twice as many.
const BYTES: usize = 512 << 10;

pub(super) fn run(args: &ApiArgs, subject: Subject, file: &Path) -> anyhow::Result<Verdict> {
    let token = api::token(args)?;
    let path = format!("{}{PATH}", subject.base);
    let mut lines = open(file)?;
    let (mut all, mut first) = (json!({ "data": [], "meta": {} }), 1);
    loop {
        let (part, count) = part(&mut *lines).with_context(|| format!("{} cannot be read on", file.display()))?;
        if count == 0 {
            break;
        }
        let request = ApiRequest { method: Method::POST, path: &path, body: part, idempotency_key: None };
        let sent = || {
            format!(
                "lines {first} to {} of {} may be imported or not; import it again, which does nothing twice",
                first + count - 1,
                file.display()
            )
        };
        let answer = api::ask(args, token.as_ref(), request).with_context(sent)?;
        if !(200..300).contains(&answer.status) {
            return api::told(args, subject, &answer);
        }
        join(&mut all, answer.body, first);
        first += count;
    }
    let refused = all["meta"]["refused"].as_u64().unwrap_or(0);
    api::told(args, subject, &ApiAnswer { status: 200, body: all })?;
    Ok(if refused == 0 { Verdict::Fine } else { Verdict::No })
}

fn open(file: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    if file == Path::new("-") {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    let opened = File::open(file).with_context(|| format!("{} cannot be read", file.display()))?;
    Ok(Box::new(BufReader::new(opened)))
}

/// The next lines, and how many they are.
fn part(lines: &mut dyn BufRead) -> io::Result<(Vec<u8>, usize)> {
    let (mut bytes, mut count) = (Vec::new(), 0);
    while count < LINES && bytes.len() < BYTES {
        if lines.read_until(b'\n', &mut bytes)? == 0 {
            break;
        }
        count += 1;
    }
    Ok((bytes, count))
}

/// Adds what became of a part that began at that line.
fn join(all: &mut Value, part: Value, first: usize) {
    for key in ["count", "created", "changed", "unchanged", "refused"] {
        let sum = all["meta"][key].as_u64().unwrap_or(0) + part["meta"][key].as_u64().unwrap_or(0);
        all["meta"][key] = json!(sum);
    }
    let Value::Array(results) = part["data"].clone() else { return };
    for mut result in results {
        let line = result["line"].as_u64().unwrap_or(0) + first as u64 - 1;
        result["line"] = json!(line);
        if let Some(data) = all["data"].as_array_mut() {
            data.push(result);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_goes_in_parts_and_its_lines_keep_their_numbers() {
        let text = "{}\n".repeat(LINES + 2);
        let mut lines = text.as_bytes();
        assert_eq!(part(&mut lines).unwrap().1, LINES);
        assert_eq!(part(&mut lines).unwrap(), (b"{}\n{}\n".to_vec(), 2));
        assert_eq!(part(&mut lines).unwrap().1, 0);
        let mut all = json!({ "data": [], "meta": {} });
        let answer = json!({ "data": [{ "line": 2 }], "meta": { "count": 1, "refused": 1 } });
        join(&mut all, answer.clone(), 1);
        join(&mut all, answer, 1_001);
        assert_eq!(all["data"], json!([{ "line": 2 }, { "line": 1_002 }]));
        assert_eq!(
            (&all["meta"]["count"], &all["meta"]["refused"], &all["meta"]["created"]),
            (&json!(2), &json!(2), &json!(0))
        );
    }
}
