/// How deep lists and objects of a JSON text are nested: brackets outside strings. Whether they match is the parser's
/// business.
pub(crate) fn depth(json: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::depth;

    #[test]
    fn brackets_in_strings_are_not_counted() {
        assert_eq!(depth(br#"[{"a":"[[[\"[["},[]]"#), 2);
        assert_eq!(depth(b"]]][["), 2);
        assert_eq!(depth(b""), 0);
    }
}
