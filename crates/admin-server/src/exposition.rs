use std::borrow::Cow;

use http::HeaderMap;
use http::header::ACCEPT;

/// The text in which metrics are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exposition {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// Prometheus text format 0.0.4: what a browser, `curl` and older scrapers read.
    Prometheus,
}

impl Exposition {
    /// OpenMetrics for whoever asks for it by name at least as eagerly as for plain text (RFC 9110 §12.5.1).
    pub(crate) fn wanted(headers: &HeaderMap) -> Self {
        let accept: Vec<_> = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
        let open = quality(&accept, "application/openmetrics-text");
        let plain = quality(&accept, "text/plain");
        if open > 0.0 && open >= plain { Self::OpenMetrics } else { Self::Prometheus }
    }

    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// Writes what OpenMetrics text says in this text.
    pub(crate) fn render(self, open_metrics: String) -> String {
        match self {
            Self::OpenMetrics => open_metrics,
            Self::Prometheus => plain(&open_metrics),
        }
    }
}

/// The highest `q` at which `accept` names `media_type`; 0 if it does not. Versions are not told apart: there is
/// one of each.
fn quality(accept: &[&str], media_type: &str) -> f32 {
    let ranges = accept.iter().flat_map(|value| value.split(','));
    let named = ranges.filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        parts.next()?.eq_ignore_ascii_case(media_type).then(|| {
            let q = parts.find_map(|parameter| parameter.strip_prefix("q=").or(parameter.strip_prefix("Q=")));
            q.map_or(1.0, |q| q.parse().unwrap_or(0.0))
        })
    });
    named.fold(0.0, f32::max)
}

/// Prometheus text from OpenMetrics text: the older format describes a counter under the name of its samples,
/// has no `info`, `unknown` and `stateset`, no units, no exemplars and no end mark.
fn plain(open_metrics: &str) -> String {
    let mut text = String::with_capacity(open_metrics.len());
    // HELP comes before TYPE, and the name it needs depends on the type: it waits for it.
    let mut help: Option<(&str, &str)> = None;
    for line in open_metrics.lines() {
        match line.strip_prefix("# ").map(|comment| comment.split_once(' ').unwrap_or((comment, ""))) {
            Some(("HELP", rest)) => help = rest.split_once(' ').or(Some((rest, ""))),
            Some(("TYPE", rest)) => {
                let (name, kind) = rest.split_once(' ').unwrap_or((rest, "unknown"));
                let (name, kind) = plain_type(name, kind);
                if let Some((_, words)) = help.take() {
                    text.extend(["# HELP ", &name, " ", words, "\n"]);
                }
                text.extend(["# TYPE ", &name, " ", kind, "\n"]);
            }
            Some(_) => {}
            None => text.extend([without_exemplar(line), "\n"]),
        }
    }
    text
}

/// A sample up to its exemplar: ` #` outside of quotes.
fn without_exemplar(line: &str) -> &str {
    let (mut quoted, mut escaped) = (false, false);
    let exemplar = line.bytes().position(|byte| {
        let here = byte == b'#' && !quoted;
        quoted ^= byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        here
    });
    exemplar.map_or(line, |at| line[..at].trim_end())
}

fn plain_type<'a>(name: &'a str, kind: &'a str) -> (Cow<'a, str>, &'a str) {
    match kind {
        "counter" => (format!("{name}_total").into(), kind),
        "info" => (format!("{name}_info").into(), "gauge"),
        "stateset" => (name.into(), "gauge"),
        "unknown" => (name.into(), "untyped"),
        _ => (name.into(), kind),
    }
}

#[cfg(test)]
mod tests;
