use std::collections::BTreeSet;

use super::{CandidateLine, SdpError, check, is_end_marker, lines, ufrags};
use crate::Candidate;

/// The description with candidates that came by themselves written into their media sections, each once: by
/// [`Candidate::mid`], else by [`Candidate::line_index`], else into the first. Candidates of another ICE generation, end
/// markers and what cannot be read are left out.
///
/// # Errors
/// It is no description, or is or would be beyond a bound.
pub fn fold(sdp: &str, candidates: &[Candidate]) -> Result<String, SdpError> {
    folded(sdp, candidates, false)
}

/// As [`fold`], and each section says that these are all (`a=end-of-candidates`): what a peer gets that takes no candidates
/// by themselves.
///
/// # Errors
/// It is no description, or is or would be beyond a bound.
pub fn whole(sdp: &str, candidates: &[Candidate]) -> Result<String, SdpError> {
    folded(sdp, candidates, true)
}

/// The description without its candidates, and without the word that these were all.
#[must_use]
pub fn without_candidates(sdp: &str) -> String {
    written(lines(sdp).filter(|line| !line.starts_with("a=candidate:") && *line != END))
}

/// The description with those of its candidates that can be read and that `keep` says yes to.
#[must_use]
pub fn retain_candidates(sdp: &str, mut keep: impl FnMut(&CandidateLine) -> bool) -> String {
    written(lines(sdp).filter(|line| {
        !line.starts_with("a=candidate:") || CandidateLine::parse(line).is_ok_and(|candidate| keep(&candidate))
    }))
}

fn folded(sdp: &str, candidates: &[Candidate], ended: bool) -> Result<String, SdpError> {
    check(sdp)?;
    let mut sections = sections(sdp);
    let generations: BTreeSet<&str> = ufrags(sdp).collect();
    for candidate in candidates {
        let Some(line) = usable(candidate, &generations) else { continue };
        let place = place(&sections, candidate);
        if let Some(section) = sections.get_mut(place) {
            section.add(line);
        }
    }
    if ended {
        sections.iter_mut().skip(1).for_each(Section::end);
    }
    let text = written(sections.iter().flat_map(|section| section.lines.iter().map(String::as_str)));
    check(&text)?;
    Ok(text)
}

/// The candidate as a line of SDP, if it belongs to this description.
fn usable(candidate: &Candidate, generations: &BTreeSet<&str>) -> Option<String> {
    if is_end_marker(&candidate.line) {
        return None;
    }
    let parsed = CandidateLine::parse(&candidate.line).ok()?;
    let ufrag = candidate.ufrag.as_deref().or(parsed.ufrag.as_deref()).filter(|ufrag| !ufrag.is_empty());
    let ours = ufrag.is_none_or(|ufrag| generations.is_empty() || generations.contains(ufrag));
    ours.then(|| format!("a={parsed}"))
}

/// The section a candidate names; the first if it names none that is there.
fn place(sections: &[Section], candidate: &Candidate) -> usize {
    let by_mid = candidate.mid.as_deref().and_then(|mid| sections.iter().position(|section| section.is_named(mid)));
    let by_index = candidate.line_index.map(|index| usize::from(index) + 1).filter(|place| *place < sections.len());
    by_mid.or(by_index).unwrap_or(1)
}

/// A media section's lines, or those before the first.
struct Section {
    lines: Vec<String>,
}

impl Section {
    fn is_named(&self, mid: &str) -> bool {
        self.lines.iter().any(|line| line.strip_prefix("a=mid:").is_some_and(|name| name.trim() == mid))
    }

    /// Adds a candidate's line before the word that these were all.
    fn add(&mut self, line: String) {
        let same = |known: &String| match (CandidateLine::parse(known), CandidateLine::parse(&line)) {
            (Ok(known), Ok(line)) => known.same_path(&line),
            _ => false,
        };
        if self.lines.iter().any(same) {
            return;
        }
        let place = self.lines.iter().position(|line| line == END).unwrap_or(self.lines.len());
        self.lines.insert(place, line);
    }

    fn end(&mut self) {
        if !self.lines.iter().any(|line| line == END) {
            self.lines.push(END.to_owned());
        }
    }
}

impl CandidateLine {
    /// Whether both say the same of the same address: written twice, one of them adds nothing.
    fn same_path(&self, other: &Self) -> bool {
        (&self.host, self.port, self.transport, self.kind, self.tcptype)
            == (&other.host, other.port, other.transport, other.kind, other.tcptype)
    }
}

/// The lines before the first `m=`, then each media section.
fn sections(sdp: &str) -> Vec<Section> {
    let mut sections = vec![Section { lines: Vec::new() }];
    for line in lines(sdp).filter(|line| !line.is_empty()) {
        if line.starts_with("m=") {
            sections.push(Section { lines: Vec::new() });
        }
        if let Some(section) = sections.last_mut() {
            section.lines.push(line.to_owned());
        }
    }
    sections
}

fn written<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for line in lines.filter(|line| !line.is_empty()) {
        text.push_str(line);
        text.push_str("\r\n");
    }
    text
}

const END: &str = "a=end-of-candidates";
