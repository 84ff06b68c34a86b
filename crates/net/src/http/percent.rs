/// A name as it stands in a URL's path or query: percent-encoded (RFC 3986 §2.1) but for unreserved characters.
#[must_use]
pub fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unreserved_characters_stand_for_themselves() {
        assert_eq!(percent_encoded("a-Z.0_~"), "a-Z.0_~");
        assert_eq!(percent_encoded("a/b&c ä%"), "a%2Fb%26c%20%C3%A4%25");
    }
}
