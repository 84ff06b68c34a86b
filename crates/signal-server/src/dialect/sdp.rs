//! Text of session descriptions ([RFC 8866](https://www.rfc-editor.org/rfc/rfc8866)): where a candidate stands in it, and
//! whether more are to come. Everything else in it is the peers' business and stays as it is.

use std::ops::Range;

/// RFC 8840 §8.2: no more candidates follow.
const END: &str = "a=end-of-candidates";

/// Where a candidate belongs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place<'a> {
    /// `sdpMid`: the section with this `a=mid`.
    pub(crate) mid: Option<&'a str>,
    /// `sdpMLineIndex`: the section at this place, counted from zero.
    pub(crate) index: Option<usize>,
}

/// Writes a candidate line (`candidate:…`, with or without `a=`) into the section it belongs to: the one so named, else
/// the one at that place, else the first. A line that stands there already is not written again. `None` if there is no such
/// section, or the text is no candidate.
pub(crate) fn with_candidate(sdp: &str, candidate: &str, place: Place<'_>) -> Option<String> {
    let candidate = candidate.trim();
    let candidate = candidate.strip_prefix("a=").unwrap_or(candidate);
    if !candidate.starts_with("candidate:") || candidate.chars().any(char::is_control) {
        return None;
    }
    let sections = sections(sdp);
    let named = place.mid.filter(|mid| !mid.is_empty()).map(|mid| format!("a=mid:{mid}"));
    let by_name =
        named.and_then(|line| sections.iter().find(|section| lines(&sdp[(*section).clone()]).any(|it| it == line)));
    let section = by_name.or_else(|| sections.get(place.index.unwrap_or(0)))?;
    let line = format!("a={candidate}");
    if lines(&sdp[section.clone()]).any(|it| it == line) {
        return Some(sdp.to_owned());
    }
    Some(with_line(sdp, section, &line))
}

/// Says in every section that no candidate follows.
pub(crate) fn with_end(sdp: &str) -> String {
    let mut sdp = sdp.to_owned();
    // From the last to the first, so that the places of those before it stay.
    for section in sections(&sdp).into_iter().rev() {
        if !has_ended(&sdp[section.clone()]) {
            sdp = with_line(&sdp, &section, END);
        }
    }
    sdp
}

/// Whether no candidate follows: every section that gathers says so, or candidates stand in it and trickling
/// (`a=ice-options:trickle`, RFC 8840 §3.1) is not spoken of.
pub(crate) fn ends_candidates(sdp: &str) -> bool {
    let sections = sections(sdp);
    let bundled = bundled(sdp);
    let gathers = |section: &&Range<usize>| {
        !lines(&sdp[(*section).clone()])
            .any(|line| line.strip_prefix("a=mid:").is_some_and(|mid| bundled.contains(&mid)))
    };
    let mut gathering = sections.iter().filter(gathers).peekable();
    let has_sections = gathering.peek().is_some();
    let all_ended = has_sections && gathering.all(|section| has_ended(&sdp[section.clone()]));
    let trickles = lines(sdp)
        .filter_map(|line| line.strip_prefix("a=ice-options:"))
        .any(|options| options.split([' ', ',']).any(|option| option == "trickle"));
    all_ended || !trickles && lines(sdp).any(|line| line.starts_with("a=candidate:"))
}

/// The names of sections that use the transport of another: all of a BUNDLE group but the first (RFC 9143 §7).
fn bundled(sdp: &str) -> Vec<&str> {
    let groups = lines(sdp).filter_map(|line| line.strip_prefix("a=group:BUNDLE "));
    groups.flat_map(|group| group.split_ascii_whitespace().skip(1)).collect()
}

fn has_ended(section: &str) -> bool {
    lines(section).any(|line| line == END)
}

/// Writes a line at the end of a section, before its end of candidates.
fn with_line(sdp: &str, section: &Range<usize>, line: &str) -> String {
    let newline = if sdp.contains("\r\n") { "\r\n" } else { "\n" };
    let end = starts(sdp).find(|start| section.contains(start) && is_line(&sdp[*start..], END));
    let at = end.unwrap_or(section.end);
    let (before, after) = sdp.split_at(at);
    let gap = if before.is_empty() || before.ends_with('\n') { "" } else { newline };
    format!("{before}{gap}{line}{newline}{after}")
}

/// The media sections: each from its `m=` line to the next.
fn sections(sdp: &str) -> Vec<Range<usize>> {
    let starts: Vec<usize> = starts(sdp).filter(|start| sdp[*start..].starts_with("m=")).collect();
    let ends = starts.iter().skip(1).copied().chain([sdp.len()]);
    starts.iter().copied().zip(ends).map(|(start, end)| start..end).collect()
}

/// Where lines begin.
fn starts(sdp: &str) -> impl Iterator<Item = usize> {
    let after = sdp.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
    std::iter::once(0).chain(after).filter(|start| *start < sdp.len())
}

fn is_line(text: &str, line: &str) -> bool {
    lines(text).next() == Some(line)
}

/// The lines, whichever way they end.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line))
}

#[cfg(test)]
mod tests;
