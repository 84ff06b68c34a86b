use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::order::{BadOrder, Value};

/// What a test takes: its command, which of its inputs must be there, and how the data model calls each (TR-181 `Device.IP.Diagnostics.`).
struct Known {
    name: &'static str,
    command: &'static str,
    needs: &'static [&'static str],
    inputs: &'static [(&'static str, &'static str)],
}

const COMMON: [(&str, &str); 5] = [
    ("interface", "Interface"),
    ("dscp", "DSCP"),
    ("repetitions", "NumberOfRepetitions"),
    ("timeout_ms", "Timeout"),
    ("block_bytes", "DataBlockSize"),
];

const KNOWN: [Known; 6] = [
    Known { name: "ping", command: "IPPing()", needs: &["host"], inputs: &[("host", "Host")] },
    Known {
        name: "traceroute",
        command: "TraceRoute()",
        needs: &["host"],
        inputs: &[("host", "Host"), ("tries", "NumberOfTries"), ("hops_max", "MaxHopCount")],
    },
    Known {
        name: "download",
        command: "DownloadDiagnostics()",
        needs: &["url"],
        inputs: &[("url", "DownloadURL"), ("connections", "NumberOfConnections")],
    },
    Known {
        name: "upload",
        command: "UploadDiagnostics()",
        needs: &["url", "file_bytes"],
        inputs: &[("url", "UploadURL"), ("file_bytes", "TestFileLength"), ("connections", "NumberOfConnections")],
    },
    Known {
        name: "udpecho",
        command: "UDPEchoDiagnostics()",
        needs: &["host", "port"],
        inputs: &[("host", "Host"), ("port", "Port"), ("interval_ms", "InterTransmissionTime")],
    },
    Known {
        name: "serverselection",
        command: "ServerSelectionDiagnostics()",
        needs: &["hosts"],
        inputs: &[("hosts", "HostList"), ("protocol", "Protocol")],
    },
];

/// A test: one that is known by its name, or any by its object or command.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Test {
    Named(Named),
    Other(Other),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Named {
    test: String,
    #[serde(default)]
    inputs: Map<String, Json>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Other {
    /// The object of the test, with its dot, or its command: `Device.IP.Diagnostics.IPPing.`
    object: String,
    #[serde(default)]
    inputs: Vec<Value>,
}

impl Test {
    /// The command that runs it, and what that takes.
    pub(super) fn command(self) -> Result<(String, BTreeMap<String, String>), BadOrder> {
        match self {
            Self::Named(named) => named.command(),
            Self::Other(Other { object, inputs }) => {
                let command =
                    if object.ends_with("()") { object } else { format!("{}()", object.trim_end_matches('.')) };
                Ok((command, inputs.into_iter().map(|input| (input.path, input.value)).collect()))
            }
        }
    }
}

impl Named {
    fn command(self) -> Result<(String, BTreeMap<String, String>), BadOrder> {
        let known = KNOWN.iter().find(|known| known.name == self.test);
        let known = known.ok_or(BadOrder::Wrong("there is no test of that name"))?;
        if !known.needs.iter().all(|name| self.inputs.contains_key(*name)) {
            return Err(BadOrder::Wrong("an input is missing that the test needs"));
        }
        let mut args = BTreeMap::new();
        for (name, value) in self.inputs {
            let arg = known.inputs.iter().chain(&COMMON).find(|(known, _)| *known == name);
            let (_, arg) = arg.ok_or(BadOrder::Wrong("the test has no such input"))?;
            args.insert((*arg).to_owned(), text(&name, value).ok_or(BadOrder::Wrong("an input is no text or number"))?);
        }
        Ok((format!("Device.IP.Diagnostics.{}", known.command), args))
    }
}

/// As the data model writes it.
fn text(name: &str, value: Json) -> Option<String> {
    match value {
        Json::String(text) if name == "protocol" => {
            Some(if text == "udpecho" { "UDPEcho".to_owned() } else { "ICMP".to_owned() })
        }
        Json::String(text) => Some(text),
        Json::Number(number) => Some(number.to_string()),
        Json::Array(all) => {
            all.into_iter().map(|it| it.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>().map(|it| it.join(","))
        }
        Json::Null | Json::Bool(_) | Json::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn command(test: Json) -> Result<(String, Vec<(String, String)>), String> {
        let test: Test = serde_json::from_value(test).unwrap();
        test.command().map(|(command, args)| (command, args.into_iter().collect())).map_err(|why| why.to_string())
    }

    #[test]
    fn a_test_is_its_command_with_inputs_as_the_data_model_calls_them() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        for (test, called, args) in [
            (
                json!({ "test": "ping", "inputs": { "host": "192.0.2.9", "repetitions": 3 } }),
                "Device.IP.Diagnostics.IPPing()",
                vec![pair("Host", "192.0.2.9"), pair("NumberOfRepetitions", "3")],
            ),
            (
                json!({ "test": "upload", "inputs": { "url": "http://h/u", "file_bytes": 1000 } }),
                "Device.IP.Diagnostics.UploadDiagnostics()",
                vec![pair("TestFileLength", "1000"), pair("UploadURL", "http://h/u")],
            ),
            (
                json!({ "test": "serverselection", "inputs": { "hosts": ["a", "b"], "protocol": "icmp" } }),
                "Device.IP.Diagnostics.ServerSelectionDiagnostics()",
                vec![pair("HostList", "a,b"), pair("Protocol", "ICMP")],
            ),
            (
                json!({ "object": "Device.X.Test.", "inputs": [{ "path": "A", "value": "b" }] }),
                "Device.X.Test()",
                vec![pair("A", "b")],
            ),
        ] {
            assert_eq!(command(test), Ok((called.to_owned(), args)));
        }
    }

    #[test]
    fn a_test_without_what_it_needs_or_with_what_it_has_not_is_refused() {
        for (test, why) in [
            (json!({ "test": "ping" }), "missing"),
            (json!({ "test": "dance" }), "no test"),
            (json!({ "test": "ping", "inputs": { "host": "h", "volume": 11 } }), "no such input"),
            (json!({ "test": "ping", "inputs": { "host": { "a": 1 } } }), "no text"),
        ] {
            assert!(command(test).unwrap_err().contains(why), "{why}");
        }
    }
}
