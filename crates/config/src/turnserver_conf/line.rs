/// One line that says something.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    /// Counted from one.
    pub(super) number: usize,
    /// As written.
    pub(super) option: &'a str,
    /// Without the quotes around it; empty if there is none.
    pub(super) value: &'a str,
}

/// Takes a file apart as coturn does: an option and its value are parted by blanks, equals signs or both; a line that
/// begins with `#` says nothing, and a `#` further on is part of the value; a quote at the beginning of a value and at
/// its end is dropped. There are only the long names.
pub(super) fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let numbered = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    let saying = numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    saying.map(|(number, line)| {
        let end = line.find(PARTING).unwrap_or(line.len());
        let (option, rest) = line.split_at(end);
        Line { number, option, value: unquoted(rest.trim_start_matches(PARTING)) }
    })
}

const PARTING: [char; 3] = [' ', '=', '\t'];

fn unquoted(value: &str) -> &str {
    let Some(inner) = value.strip_prefix('"') else { return value };
    inner.strip_suffix('"').unwrap_or(inner)
}

impl Line<'_> {
    /// The value as coturn reads a number: its digits at the beginning.
    pub(super) fn number(&self) -> Option<u64> {
        let digits = self.value.bytes().take_while(u8::is_ascii_digit).count();
        self.value.get(..digits)?.parse().ok()
    }

    /// The value as coturn reads a switch, by its first letter; `on` and `off` in full. Without a value it is on.
    pub(super) fn switch(&self) -> Option<bool> {
        match (self.value.as_bytes().first(), self.value) {
            (None | Some(b'1'..=b'9' | b'y' | b'Y' | b't' | b'T'), _) | (_, "on" | "ON" | "On") => Some(true),
            (Some(b'0' | b'n' | b'N' | b'f' | b'F'), _) | (_, "off" | "OFF" | "Off") => Some(false),
            _ => None,
        }
    }

    /// The option as it may be shown: a line of another form could hold a secret further on.
    pub(super) fn shown_option(&self) -> String {
        let is_of_a_name = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let name: String = self.option.chars().take_while(is_of_a_name).take(SHOWN_MAX).collect();
        if name.len() == self.option.len() { name } else { format!("{name}…") }
    }
}

/// The longest name of an option has 35 letters.
const SHOWN_MAX: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> (String, String) {
        let mut lines = lines(text);
        let line = lines.next().unwrap();
        assert!(lines.next().is_none());
        (line.option.to_owned(), line.value.to_owned())
    }

    #[test]
    fn lines_are_taken_apart_as_coturn_does() {
        for (text, option, value) in [
            ("realm=example.org", "realm", "example.org"),
            ("  realm  =  example.org  ", "realm", "example.org"),
            ("realm example.org\r\n", "realm", "example.org"),
            ("realm\t= \"two words\" ", "realm", "two words"),
            ("realm==x", "realm", "x"),
            ("user=a:b=c", "user", "a:b=c"),
            ("cipher-list=\"open", "cipher-list", "open"),
            ("fingerprint", "fingerprint", ""),
            ("# a comment\n\n   # another\nverbose\n", "verbose", ""),
            ("max-bps=500000  # per client", "max-bps", "500000  # per client"),
        ] {
            assert_eq!(one(text), (option.to_owned(), value.to_owned()), "{text:?}");
        }
    }

    #[test]
    fn lines_are_counted_from_one_with_those_that_say_nothing() {
        let numbers: Vec<usize> = lines("#\nverbose\n\n\nfingerprint").map(|line| line.number).collect();
        assert_eq!(numbers, [2, 5]);
    }

    #[test]
    fn numbers_and_switches_are_read_as_coturn_reads_them() {
        let with = |value| Line { number: 1, option: "x", value };
        for (value, number) in [("600", Some(600)), ("200  # MB", Some(200)), ("64K", Some(64)), ("many", None)] {
            assert_eq!(with(value).number(), number, "{value}");
        }
        for (value, switch) in [
            ("", Some(true)),
            ("1", Some(true)),
            ("yes", Some(true)),
            ("on", Some(true)),
            ("0", Some(false)),
            ("false", Some(false)),
            ("off", Some(false)),
            ("perhaps", None),
        ] {
            assert_eq!(with(value).switch(), switch, "{value}");
        }
    }

    #[test]
    fn what_is_shown_of_an_option_ends_where_a_name_ends() {
        let shown = |option| Line { number: 1, option, value: "" }.shown_option();
        assert_eq!(shown("no-tlsv1_1"), "no-tlsv1_1");
        assert_eq!(shown("static-auth-secret:hunter2"), "static-auth-secret…");
    }
}
