use http::Uri;

/// The first parameter of that name, decoded. `None`: there is none, or it is no UTF-8.
pub(crate) fn text(uri: &Uri, name: &str) -> Option<String> {
    let pairs = uri.query()?.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.filter(|(key, _)| decoded(key).as_deref() == Some(name)).find_map(|(_, value)| decoded(value))
}

/// As forms write it: `+` is a space, `%41` is `A`; a percent sign that begins nothing stands for itself.
fn decoded(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let pair = bytes.get(at + 1..at + 3).and_then(|pair| std::str::from_utf8(pair).ok());
        let escaped = pair.filter(|pair| byte == b'%' && pair.bytes().all(|digit| digit.is_ascii_hexdigit()));
        if let Some(escaped) = escaped.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            out.push(escaped);
            at += 3;
        } else {
            out.push(if byte == b'+' { b' ' } else { byte });
            at += 1;
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_decoded_as_forms_write_it() {
        for (query, expected) in [
            ("", None),
            ("dbId=a", Some("a")),
            ("x=1&dbId=a%20b+c", Some("a b c")),
            ("dbId=%C3%A9", Some("é")),
            ("dbId=%ff", None),
            ("dbId=%", Some("%")),
            ("dbId=%4", Some("%4")),
            ("dbId=%+1", Some("% 1")),
            ("dbId", Some("")),
            ("db%49d=a&dbId=b", Some("a")),
        ] {
            let uri = format!("/v1/stats?{query}").parse().unwrap();
            assert_eq!(text(&uri, "dbId").as_deref(), expected, "{query}");
        }
    }
}
