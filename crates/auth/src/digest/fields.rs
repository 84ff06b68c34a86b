//! `name=value` lists of authentication headers (RFC 9110 §11.2), read as leniently as can be without two readings.

use std::borrow::Cow;

/// The fields of one challenge or answer, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fields<'a>(Vec<(&'a str, Cow<'a, str>)>);

impl<'a> Fields<'a> {
    /// More fields than anybody sends are refused.
    const MAX: usize = 32;

    /// Reads the whole text. Between fields may stand commas, white space or both; around `=` white space; a value may be
    /// quoted or not. `None`: a field without a name or value, an open quote, a name that comes twice, too many.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let mut fields = Self::default();
        let mut rest = skip_separators(text);
        while !rest.is_empty() {
            let (name, value, after) = field(rest)?;
            if !fields.push(name, value) {
                return None;
            }
            rest = skip_separators(after);
        }
        Some(fields)
    }

    /// The value of a field, whatever the case of its name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_ref())
    }

    /// Takes one more field; not if it is there already, or there is no room.
    pub(super) fn push(&mut self, name: &'a str, value: Cow<'a, str>) -> bool {
        let room = self.0.len() < Self::MAX && self.get(name).is_none();
        if room {
            self.0.push((name, value));
        }
        room
    }
}

/// One field at the start of `text`, and what follows it.
pub(super) fn field(text: &str) -> Option<(&str, Cow<'_, str>, &str)> {
    let (name, rest) = token(text)?;
    let rest = rest.trim_start().strip_prefix('=')?.trim_start();
    if let Some(quoted) = rest.strip_prefix('"') {
        let (value, rest) = quoted_string(quoted)?;
        return Some((name, value, rest));
    }
    let end = rest.find(|c: char| c == ',' || c.is_ascii_whitespace()).unwrap_or(rest.len());
    let (value, rest) = rest.split_at_checked(end)?;
    (!value.contains('"')).then_some((name, Cow::Borrowed(value), rest))
}

/// A token of RFC 9110 §5.6.2 at the start of `text`, and what follows it.
pub(super) fn token(text: &str) -> Option<(&str, &str)> {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let end = text.find(|c| !is_token(c)).unwrap_or(text.len());
    text.split_at_checked(end).filter(|(name, _)| !name.is_empty())
}

/// White space and commas gone from the start.
pub(super) fn skip_separators(text: &str) -> &str {
    text.trim_start_matches(|c: char| c == ',' || c.is_ascii_whitespace())
}

/// The scheme at the start of a header's value, and the rest.
pub(crate) fn split_scheme(value: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = token(value.trim_start())?;
    (rest.is_empty() || rest.starts_with(|c: char| c.is_ascii_whitespace())).then(|| (scheme, rest.trim()))
}

/// The value up to the closing quote, and what follows that. A backslash escapes only a quote or another backslash:
/// before any other character it is a character of the value, as those mean it who write `DOMAIN\user`.
fn quoted_string(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut value = Cow::Borrowed("");
    let mut start = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => {
                append(&mut value, text.get(start..at)?);
                return Some((value, text.get(at + 1..)?));
            }
            '\\' if chars.peek().is_some_and(|(_, next)| matches!(next, '"' | '\\')) => {
                append(&mut value, text.get(start..at)?);
                start = at + 1;
                chars.next();
            }
            _ => {}
        }
    }
    None
}

fn append<'a>(value: &mut Cow<'a, str>, part: &'a str) {
    if value.is_empty() {
        *value = Cow::Borrowed(part);
    } else {
        value.to_mut().push_str(part);
    }
}

/// A value as it stands between quotes (RFC 9110 §5.6.4).
pub(crate) fn quoted(value: &str) -> String {
    let mut text = String::with_capacity(value.len() + 2);
    text.push('"');
    for c in value.chars() {
        if matches!(c, '"' | '\\') {
            text.push('\\');
        }
        text.push(c);
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: Option<&[(&str, &str)]>) {
        let fields = Fields::parse(text);
        let pairs = fields.as_ref().map(|fields| fields.0.iter().map(|(n, v)| (*n, v.as_ref())).collect::<Vec<_>>());
        assert_eq!(pairs.as_deref(), expected, "{text:?}");
    }

    #[test]
    fn fields_are_read_quoted_or_not_with_any_spacing_and_separators() {
        let expected: &[(&str, &str)] = &[("username", "u"), ("nc", "00000001"), ("qop", "auth")];
        for text in [
            r#"username="u", nc=00000001, qop=auth"#,
            r#"username="u",nc=00000001,qop="auth""#,
            "username = \"u\"\t,nc =00000001 , qop= auth ,",
            "username=u nc=00000001 qop=auth",
            ", ,username=\"u\"\r\n nc=\"00000001\",,qop=auth",
        ] {
            check(text, Some(expected));
        }
        check("", Some(&[]));
    }

    #[test]
    fn escapes_are_undone_and_lone_backslashes_kept() {
        check(r#"a="x\"y\\z""#, Some(&[("a", r#"x"y\z"#)]));
        check(r#"a="\"",b="""#, Some(&[("a", "\""), ("b", "")]));
        check(r#"a="\"\"""#, Some(&[("a", "\"\"")]));
        check(r#"a="DOMAIN\user""#, Some(&[("a", r"DOMAIN\user")]));
        check(r#"uri="/a?b=c,d""#, Some(&[("uri", "/a?b=c,d")]));
        check("uri=/a?b=c", Some(&[("uri", "/a?b=c")]));
    }

    #[test]
    fn what_could_be_read_two_ways_is_refused() {
        for text in [r#"a="x"#, "a", "a=1,a=2", "a=1,A=2", "=x", r#"a=x"y"#, r#""a"="b""#] {
            check(text, None);
        }
        let many: String = (0..33).map(|n| format!("f{n}=1,")).collect();
        check(&many, None);
    }

    proptest! {
        #[test]
        fn any_text_comes_back_out_of_its_quotes(value in "\\PC*") {
            // A lone backslash is kept as it is; written by us it is always escaped.
            let text = format!("a={}", quoted(&value));
            let fields = Fields::parse(&text).unwrap();
            prop_assert_eq!(fields.get("A"), Some(value.as_str()));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "[a-z=\",\\\\ \t]*|\\PC*") {
            let _: Option<Fields<'_>> = Fields::parse(&text);
            let _: Option<(&str, &str)> = split_scheme(&text);
        }
    }
}
