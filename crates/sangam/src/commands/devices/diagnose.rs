//! `sangam devices diagnose`: a test is ordered.

use anyhow::Context as _;
use http::Method;
use serde_json::{Map, Value, json};

use crate::cli::devices::DiagnoseArgs;
use crate::commands::api::Asked;

/// Inputs that are text, whatever they look like: a host may be a number.
const TEXTS: [&str; 4] = ["host", "url", "interface", "protocol"];

pub(super) fn path(test: &DiagnoseArgs) -> String {
    format!("{}/diagnostics", super::path(&test.device))
}

pub(super) fn ordered(test: &DiagnoseArgs) -> anyhow::Result<Asked> {
    let inputs: Map<String, Value> = test.inputs.iter().map(|text| input(text)).collect::<anyhow::Result<_>>()?;
    let body = json!({ "kind": test.kind, "inputs": inputs });
    Ok(Asked { method: Method::POST, path: path(test), body: Some(body) })
}

fn input(text: &str) -> anyhow::Result<(String, Value)> {
    let (name, value) = text
        .split_once('=')
        .with_context(|| format!("{text:?} is no input of a test; write a name and a value: host=192.0.2.1"))?;
    let number = || value.parse::<u64>().ok().filter(|_| !TEXTS.contains(&name));
    let value = match name {
        "hosts" => value.split(',').map(str::trim).collect(),
        _ => number().map_or_else(|| Value::from(value), Value::from),
    };
    Ok((name.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_stays_text_and_what_has_no_value_is_no_input() {
        assert_eq!(input("host=7").unwrap(), ("host".to_owned(), json!("7")));
        assert_eq!(input("dscp=7").unwrap(), ("dscp".to_owned(), json!(7)));
        assert_eq!(input("url=http://h/?a=b").unwrap(), ("url".to_owned(), json!("http://h/?a=b")));
        assert!(input("host").unwrap_err().to_string().contains("host=192.0.2.1"));
    }
}
