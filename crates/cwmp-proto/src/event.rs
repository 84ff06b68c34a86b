use std::fmt;

/// An event of an Inform (`EventStruct`, TR-069 Amendment 6 Annex A.3.3.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventStruct {
    /// Why the session is there.
    pub code: EventCode,
    /// For events that a request of the ACS caused: that request's key. At most 32 characters; else empty.
    pub command_key: String,
}

/// A cause of a session (TR-069 Amendment 6 §3.7.1.5).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventCode {
    /// `0 BOOTSTRAP`: first contact, or the first since the URL of the ACS changed.
    Bootstrap,
    /// `1 BOOT`: power on, or a reset.
    Boot,
    /// `2 PERIODIC`.
    Periodic,
    /// `3 SCHEDULED`: a ScheduleInform is due.
    Scheduled,
    /// `4 VALUE CHANGE`: parameters with notification changed.
    ValueChange,
    /// `5 KICKED`: somebody behind the CPE was sent to the ACS.
    Kicked,
    /// `6 CONNECTION REQUEST`: the ACS asked for it.
    ConnectionRequest,
    /// `7 TRANSFER COMPLETE`: a transfer ended, well or not.
    TransferComplete,
    /// `8 DIAGNOSTICS COMPLETE`.
    DiagnosticsComplete,
    /// `9 REQUEST DOWNLOAD`: a RequestDownload follows.
    RequestDownload,
    /// `10 AUTONOMOUS TRANSFER COMPLETE`: a transfer ended that the ACS did not ask for.
    AutonomousTransferComplete,
    /// `11 DU STATE CHANGE COMPLETE`.
    DuStateChangeComplete,
    /// `12 AUTONOMOUS DU STATE CHANGE COMPLETE`.
    AutonomousDuStateChangeComplete,
    /// `13 WAKEUP`: back from standby.
    Wakeup,
    /// `M <method>`: what a request with this name caused. Holds the method.
    Method(String),
    /// `X <OUI> …`: a vendor's own. Holds what follows `X `.
    Vendor(String),
    /// Nothing of this; the whole text.
    Other(String),
}

impl EventCode {
    /// Reads a code. The number in front decides: devices differ in how they write the words after it.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let text = text.trim();
        if let Some(method) = text.strip_prefix("M ").map(str::trim_start).filter(|it| !it.is_empty()) {
            return Self::Method(method.to_owned());
        }
        if let Some(rest) = text.strip_prefix("X ").map(str::trim_start).filter(|it| !it.is_empty()) {
            return Self::Vendor(rest.to_owned());
        }
        let number = text.split(' ').next().unwrap_or_default();
        let index = (number.len() <= 2).then(|| number.parse::<usize>().ok()).flatten();
        let numbered = index.filter(|_| number.bytes().all(|it| it.is_ascii_digit())).and_then(|at| NUMBERED.get(at));
        numbered.map_or_else(|| Self::Other(text.to_owned()), |(code, _)| code.clone())
    }

    /// 0 to 13 for the standard's numbered codes.
    #[must_use]
    pub fn number(&self) -> Option<u8> {
        let index = NUMBERED.iter().position(|(code, _)| code == self)?;
        u8::try_from(index).ok()
    }

    /// The standard's code with this number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        NUMBERED.get(usize::from(number)).map(|(code, _)| code.clone())
    }
}

impl Default for EventCode {
    /// None was said.
    fn default() -> Self {
        Self::Other(String::new())
    }
}

impl fmt::Display for EventCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Method(method) => write!(f, "M {method}"),
            Self::Vendor(rest) => write!(f, "X {rest}"),
            Self::Other(text) => f.write_str(text),
            numbered => f.write_str(NUMBERED.iter().find(|(code, _)| code == numbered).map_or("", |(_, text)| text)),
        }
    }
}

/// TR-069 Amendment 6 §3.7.1.5; `EventCodeType` of the schemas.
const NUMBERED: &[(EventCode, &str)] = &[
    (EventCode::Bootstrap, "0 BOOTSTRAP"),
    (EventCode::Boot, "1 BOOT"),
    (EventCode::Periodic, "2 PERIODIC"),
    (EventCode::Scheduled, "3 SCHEDULED"),
    (EventCode::ValueChange, "4 VALUE CHANGE"),
    (EventCode::Kicked, "5 KICKED"),
    (EventCode::ConnectionRequest, "6 CONNECTION REQUEST"),
    (EventCode::TransferComplete, "7 TRANSFER COMPLETE"),
    (EventCode::DiagnosticsComplete, "8 DIAGNOSTICS COMPLETE"),
    (EventCode::RequestDownload, "9 REQUEST DOWNLOAD"),
    (EventCode::AutonomousTransferComplete, "10 AUTONOMOUS TRANSFER COMPLETE"),
    (EventCode::DuStateChangeComplete, "11 DU STATE CHANGE COMPLETE"),
    (EventCode::AutonomousDuStateChangeComplete, "12 AUTONOMOUS DU STATE CHANGE COMPLETE"),
    (EventCode::Wakeup, "13 WAKEUP"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_numbered_code_is_read_as_it_is_written() {
        for (at, (code, text)) in NUMBERED.iter().enumerate() {
            assert_eq!(EventCode::parse(text), *code);
            assert_eq!(code.to_string(), *text);
            assert_eq!(code.number().map(usize::from), Some(at));
        }
    }

    #[test]
    fn the_number_decides_whatever_words_follow() {
        assert_eq!(EventCode::parse(" 4 VALUECHANGE\n"), EventCode::ValueChange);
        assert_eq!(EventCode::parse("2"), EventCode::Periodic);
    }

    #[test]
    fn what_has_no_number_of_the_standard_is_kept() {
        assert_eq!(EventCode::parse("M Download"), EventCode::Method("Download".into()));
        assert_eq!(EventCode::parse("X 00D09E Door open"), EventCode::Vendor("00D09E Door open".into()));
        for text in ["14 LATER", "", "+6 CONNECTION REQUEST", "006 X", "M", "X ", "12345678901234567890"] {
            assert_eq!(EventCode::parse(text), EventCode::Other(text.trim().into()));
        }
    }
}
