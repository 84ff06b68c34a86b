/// Bytes as they are written down here: hexadecimal digits, `'text'`, and `( … )` for a length in one or two bytes and what
/// it is the length of. A tag is `field number << 3 | wire type`: `0a` is field 1 with a length, `15` field 2 with four
/// bytes, `18` field 3 with a number.
pub(crate) fn bytes(text: &str) -> Vec<u8> {
    let mut open = vec![Vec::new()];
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        let here = open.last_mut().expect("one is open to the end");
        match character {
            '\'' => here.extend(rest.by_ref().take_while(|it| *it != '\'').collect::<String>().bytes()),
            '(' => open.push(Vec::new()),
            ')' => {
                let inner = open.pop().expect("a parenthesis was open");
                let outer = open.last_mut().expect("it was within something");
                assert!(inner.len() < 1 << 14);
                if inner.len() < 128 {
                    outer.push(inner.len() as u8);
                } else {
                    outer.extend([inner.len() as u8 & 0x7f | 0x80, (inner.len() >> 7) as u8]);
                }
                outer.extend(inner);
            }
            high if high.is_ascii_hexdigit() => {
                let low = rest.next().and_then(|low| low.to_digit(16)).expect("two digits");
                here.push((high.to_digit(16).expect("a digit") << 4 | low) as u8);
            }
            other => assert!(other.is_whitespace(), "{other}"),
        }
    }
    assert_eq!(open.len(), 1, "each parenthesis is closed");
    open.pop().expect("one is left")
}
