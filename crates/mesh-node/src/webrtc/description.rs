use super::{LinkError, LinkOptions};

/// A peer's description, split into what the stack takes and what is taken by hand.
///
/// The stack drops a candidate line without a word if its extensions come in an order it does not know, so candidates never
/// go through it; and of several fingerprints (RFC 8122 §5) only that of SHA-256 is left.
#[derive(Debug)]
pub(super) struct Described {
    /// Without candidates, with one fingerprint.
    pub(super) sdp: String,
    /// `candidate:…`, as many as a link may have.
    pub(super) candidates: Vec<String>,
    /// How many were left out because there were too many.
    pub(super) candidates_over: usize,
    /// The peer's ICE user fragment.
    pub(super) fragment: String,
    /// The password of its checks.
    pub(super) password: String,
    /// Of its certificate, upper case hexadecimal with colons.
    pub(super) fingerprint: String,
    /// What it says about the size of messages; zero is no bound (RFC 8841 §6.1).
    pub(super) message_bytes_max: Option<u64>,
}

impl Described {
    pub(super) fn read(text: &str, options: &LinkOptions) -> Result<Self, LinkError> {
        if text.len() > options.description_bytes_max {
            return Err(LinkError::TooLarge(options.description_bytes_max));
        }
        let mut described = Self {
            sdp: String::with_capacity(text.len()),
            candidates: Vec::new(),
            candidates_over: 0,
            fragment: String::new(),
            password: String::new(),
            fingerprint: String::new(),
            message_bytes_max: None,
        };
        for line in text.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
            described.line(line, options)?;
        }
        if described.fingerprint.is_empty() {
            return Err(LinkError::Description("it has no SHA-256 fingerprint".into()));
        }
        if described.fragment.is_empty() || described.password.is_empty() {
            return Err(LinkError::Description("it has no ICE user fragment or password".into()));
        }
        Ok(described)
    }

    fn line(&mut self, line: &str, options: &LinkOptions) -> Result<(), LinkError> {
        let Some(attribute) = line.strip_prefix("a=") else {
            self.keep(line);
            return Ok(());
        };
        let (name, value) = attribute.split_once(':').unwrap_or((attribute, ""));
        match name {
            "candidate" if self.candidates.len() < options.candidates_max => self.candidates.push(attribute.to_owned()),
            "candidate" => self.candidates_over += 1,
            // The second is an association made by signaling (draft-hancke-tsvwg-snap): the stack would take it up, and refuse
            // later descriptions over it. A session that is made anew cannot give the answer that was given before.
            "end-of-candidates" | "sctp-init" => {}
            "fingerprint" => return self.take_fingerprint(value),
            "ice-ufrag" => {
                if self.fragment.is_empty() {
                    value.clone_into(&mut self.fragment);
                }
                self.keep(line);
            }
            "ice-pwd" => {
                if self.password.is_empty() {
                    value.clone_into(&mut self.password);
                }
                self.keep(line);
            }
            "max-message-size" => {
                self.message_bytes_max = value.trim().parse().ok();
                self.keep(line);
            }
            _ => self.keep(line),
        }
        Ok(())
    }

    fn keep(&mut self, line: &str) {
        self.sdp.push_str(line);
        self.sdp.push_str("\r\n");
    }

    /// Sections may repeat the one fingerprint; a second one would be of another certificate.
    fn take_fingerprint(&mut self, value: &str) -> Result<(), LinkError> {
        let Some((hash, digits)) = value.trim().split_once(' ') else {
            return Err(LinkError::Description("a fingerprint is malformed".into()));
        };
        if !hash.eq_ignore_ascii_case("sha-256") {
            return Ok(());
        }
        let digits = digits.trim().to_ascii_uppercase();
        if digits.len() != 95 {
            return Err(LinkError::Description("a fingerprint is malformed".into()));
        }
        if !self.fingerprint.is_empty() && self.fingerprint != digits {
            return Err(LinkError::Description("it has two fingerprints".into()));
        }
        self.keep(&format!("a=fingerprint:sha-256 {digits}"));
        self.fingerprint = digits;
        Ok(())
    }
}

/// One of our own descriptions, as the stack wrote it.
#[derive(Debug)]
pub(super) struct Ours {
    /// As it is sent: candidates without the extension `ufrag`, which some parsers stumble over.
    pub(super) sdp: String,
    /// Our ICE user fragment in it.
    pub(super) fragment: String,
    /// The name of its one media section.
    pub(super) mid: String,
}

impl Ours {
    pub(super) fn read(text: &str) -> Self {
        let mut ours = Self { sdp: String::with_capacity(text.len()), fragment: String::new(), mid: String::new() };
        for line in text.lines() {
            if let Some(fragment) = line.strip_prefix("a=ice-ufrag:") {
                fragment.clone_into(&mut ours.fragment);
            }
            if let Some(mid) = line.strip_prefix("a=mid:") {
                mid.clone_into(&mut ours.mid);
            }
            let line = if line.starts_with("a=candidate:") { plain(line) } else { line };
            ours.sdp.push_str(line);
            ours.sdp.push_str("\r\n");
        }
        ours
    }
}

/// What the one media section of our offers is called, as in those of browsers and agents. An agent takes the offer of a node that
/// was started anew into the connection it has with that id, and ends its process over a section of another name.
pub(super) const SECTION: &str = "0";

/// The description with another name for its one media section.
pub(super) fn renamed(text: &str, from: &str, to: &str) -> String {
    let line = |line: &str| match line.split_once(['=', ':', ' ']) {
        Some(("a", attribute)) if attribute.strip_prefix("mid:") == Some(from) => format!("a=mid:{to}\r\n"),
        Some(("a", attribute)) if attribute.strip_prefix("group:BUNDLE ") == Some(from) => {
            format!("a=group:BUNDLE {to}\r\n")
        }
        _ => format!("{line}\r\n"),
    };
    text.lines().map(line).collect()
}

/// A candidate line of the stack without its last extension, `ufrag`.
pub(super) fn plain(line: &str) -> &str {
    line.split_once(" ufrag ").map_or(line, |(plain, _)| plain)
}
