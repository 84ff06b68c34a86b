/// Finds the empty line that ends a request's headers (RFC 9112 §2.1), or what else ends in an empty line: bodies do, too.
/// A line may end in LF alone, as the parser takes it (§2.2).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct HeadEnds {
    /// The last two bytes of what came before.
    before: [u8; 2],
}

impl HeadEnds {
    /// Whether `bytes`, which came next, end in an empty line and hold no other. Then a request without a body whose
    /// headers ended in them was the last that came.
    pub(super) fn ends_with_the_only(&mut self, bytes: &[u8]) -> bool {
        let [mut earlier, mut last] = self.before;
        // How both ended, the last byte first.
        let mut tail = bytes.iter().rev().copied().chain([last, earlier]);
        let [end, second, third] = std::array::from_fn(|_| tail.next().unwrap_or_default());
        self.before = [second, end];
        let at_empty_line =
            |byte, last, earlier| byte == b'\n' && (last == b'\n' || (last == b'\r' && earlier == b'\n'));
        // Most of what does not end so is a body, which may be large: it is not looked through.
        if bytes.is_empty() || !at_empty_line(end, second, third) {
            return false;
        }
        let mut empty_lines = 0;
        for &byte in bytes {
            empty_lines += u32::from(at_empty_line(byte, last, earlier));
            (earlier, last) = (last, byte);
        }
        empty_lines == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(pieces: &[&str]) -> bool {
        let mut ends = HeadEnds::default();
        pieces.iter().map(|piece| ends.ends_with_the_only(piece.as_bytes())).last().unwrap()
    }

    #[test]
    fn a_request_ends_where_its_only_empty_line_does() {
        assert!(ends(&["GET / HTTP/1.1\r\nHost: a\r\n\r\n"]));
        assert!(ends(&["GET / HTTP/1.1\nHost: a\n\n"]));
        assert!(!ends(&["GET / HTTP/1.1\r\nHost: a\r\n"]));
        assert!(!ends(&["GET / HTTP/1.1\r\nHost: a\r\n\r\nG"]));
        assert!(!ends(&["GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"]));
        assert!(!ends(&["GET / HTTP/1.1\nHost: a\n\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"]));
        assert!(!ends(&[""]));
    }

    #[test]
    fn an_empty_line_may_come_in_pieces() {
        let whole = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        for at in 1..whole.len() {
            let (first, second) = whole.split_at(at);
            assert!(ends(&[first, second]), "{at}");
            assert!(!ends(&[first]), "{at}");
        }
        let bytes: Vec<_> = (0..whole.len()).map(|at| &whole[at..=at]).collect();
        assert!(ends(&bytes));
    }

    #[test]
    fn what_ends_another_request_in_the_same_piece_is_seen_wherever_the_pieces_part() {
        let whole = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
        let next = "GET /b HTTP/1.1\r\nHost: b\r\n\r\n";
        for at in 1..whole.len() {
            let (first, second) = whole.split_at(at);
            assert!(!ends(&[first, &format!("{second}{next}")]), "{at}");
        }
    }
}
