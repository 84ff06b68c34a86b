//! What a scrape shows, for tests.

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

/// The text that a registry gives.
pub(super) fn exposition(registry: &Registry) -> String {
    let mut text = String::new();
    encode(&mut text, registry).unwrap();
    text
}

/// Each of these lines stands in it.
#[track_caller]
pub(super) fn check(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.lines().any(|found| found == *line), "{line} in\n{text}");
    }
}
