/// What a session is about, from what may wait longest to what may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// `2 PERIODIC`, `3 SCHEDULED`, and what nobody knows.
    Routine,
    /// `0 BOOTSTRAP`, `1 BOOT`, `13 WAKEUP`: after a power cut everybody comes with these.
    Boot,
    /// `4 VALUE CHANGE`, `5 KICKED`, `9 REQUEST DOWNLOAD`, and events of the vendor.
    Change,
    /// The end of something that was ordered: transfers, diagnostics, deployment units, `M` of any method.
    Result,
    /// `6 CONNECTION REQUEST`, or a task that somebody waits for: an operator sits in front of it.
    Operator,
}

impl Class {
    /// All, from what is shed first.
    pub const ALL: [Self; 5] = [Self::Routine, Self::Boot, Self::Change, Self::Result, Self::Operator];

    /// For metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Routine => "routine",
            Self::Boot => "boot",
            Self::Change => "change",
            Self::Result => "result",
            Self::Operator => "operator",
        }
    }

    /// Of one event code as it stands in an Inform (TR-069 Table 37).
    #[must_use]
    pub fn of_code(code: &str) -> Self {
        let word = code.split_whitespace().next().unwrap_or_default();
        match word {
            "0" | "1" | "13" => Self::Boot,
            "4" | "5" | "9" | "X" => Self::Change,
            "7" | "8" | "10" | "11" | "12" | "M" => Self::Result,
            "6" => Self::Operator,
            _ => Self::Routine,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_event_that_counts_most_says_what_a_session_is_about() {
        let table: [(&[&str], Class); 9] = [
            (&[], Class::Routine),
            (&["2 PERIODIC"], Class::Routine),
            (&["1 BOOT", "2 PERIODIC"], Class::Boot),
            (&["0 BOOTSTRAP", "1 BOOT"], Class::Boot),
            (&["2 PERIODIC", "4 VALUE CHANGE"], Class::Change),
            (&["X 00D09E something"], Class::Change),
            (&["1 BOOT", "M Download", "7 TRANSFER COMPLETE"], Class::Result),
            (&["1 BOOT", "M Reboot"], Class::Result),
            (&["2 PERIODIC", "6 CONNECTION REQUEST"], Class::Operator),
        ];
        for (codes, class) in table {
            let most = codes.iter().map(|code| Class::of_code(code)).max();
            assert_eq!(most.unwrap_or(Class::Routine), class, "{codes:?}");
        }
    }
}
