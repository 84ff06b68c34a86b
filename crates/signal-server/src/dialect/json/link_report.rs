use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

/// Links that one `report` may tell of; the rest is not read.
pub(crate) const LINKS_MAX: usize = 64;
/// Nobody waits longer for a link: a longer time is none, and does not spoil the sum of all.
const TOOK_MAX: Duration = Duration::from_secs(3_600);

/// What became of one link, in words of ours whatever the client wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkReport {
    /// `established` or `failed`.
    pub outcome: &'static str,
    /// Why it failed; `none` for one that did not.
    pub reason: &'static str,
    /// The kind of the sender's candidate: `host`, `srflx`, `prflx`, `relay`; `none` if it failed.
    pub path: &'static str,
    /// How long it took to open.
    pub took: Option<Duration>,
}

const REASONS: [&str; 11] = [
    "none",
    "no_answer",
    "no_path",
    "handshake",
    "silence",
    "closed_by_peer",
    "closed_by_us",
    "replaced",
    "description",
    "identity",
    "unreachable",
];
const PATHS: [&str; 5] = ["none", "host", "srflx", "prflx", "relay"];

/// Reads `links` of a `report`. What is no list has none; an entry that is no object, or has another outcome, is left out. Words
/// that are none of ours become `other`.
pub(crate) fn read(links: &RawValue) -> Vec<LinkReport> {
    #[derive(Deserialize)]
    struct Entry {
        #[serde(default)]
        outcome: Option<String>,
        #[serde(default)]
        reason: Option<String>,
        #[serde(default)]
        path: Option<String>,
        #[serde(default)]
        connect_ms: Option<f64>,
    }
    let entries: Vec<&RawValue> = serde_json::from_str(links.get()).unwrap_or_default();
    let read = |entry: &&RawValue| {
        let Entry { outcome, reason, path, connect_ms } = serde_json::from_str(entry.get()).ok()?;
        let outcome = ["established", "failed"].into_iter().find(|it| Some(*it) == outcome.as_deref())?;
        let took = connect_ms.and_then(|millis| Duration::try_from_secs_f64(millis / 1e3).ok());
        let took = took.filter(|took| outcome == "established" && *took <= TOOK_MAX);
        let (reason, path) = (word(reason.as_deref(), &REASONS), word(path.as_deref(), &PATHS));
        Some(LinkReport { outcome, reason, path, took })
    };
    entries.iter().take(LINKS_MAX).filter_map(read).collect()
}

fn word(said: Option<&str>, words: &[&'static str]) -> &'static str {
    let Some(said) = said else { return "none" };
    words.iter().find(|word| **word == said).copied().unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reports(json: &str) -> Vec<LinkReport> {
        read(&RawValue::from_string(json.to_owned()).unwrap())
    }

    #[test]
    fn words_of_a_client_never_become_labels() {
        let told = reports(
            r#"[{"outcome":"established","path":"relay","protocol":"tls","connect_ms":420},
                {"outcome":"failed","reason":"my <script>","path":"carrier pigeon","connect_ms":1},
                {"outcome":"perhaps"}, 5, {"outcome":7}]"#,
        );
        let established = LinkReport {
            outcome: "established",
            reason: "none",
            path: "relay",
            took: Some(Duration::from_millis(420)),
        };
        let failed = LinkReport { outcome: "failed", reason: "other", path: "other", took: None };
        assert_eq!(told, [established, failed]);
        assert_eq!(reports(r#"{"outcome":"failed"}"#), []);
        let took = |millis: &str| reports(&format!(r#"[{{"outcome":"established","connect_ms":{millis}}}]"#))[0].took;
        assert_eq!(took("3600000"), Some(TOOK_MAX));
        assert_eq!(["-5", "3600001", "1e22", "1e300"].map(took), [None; 4]);
    }

    #[test]
    fn more_links_than_one_report_may_tell_of_are_not_read() {
        let many = vec![r#"{"outcome":"failed"}"#; LINKS_MAX + 5].join(",");
        assert_eq!(reports(&format!("[{many}]")).len(), LINKS_MAX);
    }
}
