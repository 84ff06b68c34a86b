use http::{HeaderMap, header};

/// Which part of a file is answered (RFC 9110 §14).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// From the first byte to the last, both included.
    Some(u64, u64),
    /// None: what was asked for lies behind its end.
    Unsatisfiable,
}

impl Part {
    /// What a request asks for. Several ranges, other units and what cannot be read are answered with the whole, as is a range that is
    /// wanted only of a file that this one is no more (RFC 9110 §13.1.5; dates are not compared, as none is told).
    pub(super) fn of(headers: &HeaderMap, etag: &str, bytes: u64) -> Self {
        let text = |name| headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
        if headers.contains_key(header::IF_RANGE) && text(header::IF_RANGE).map(str::trim) != Some(etag) {
            return Self::Whole;
        }
        text(header::RANGE).and_then(|range| Self::parse(range, bytes)).unwrap_or(Self::Whole)
    }

    fn parse(range: &str, bytes: u64) -> Option<Self> {
        let (unit, set) = range.split_once('=')?;
        let (first, last) = set.split_once('-')?;
        let (first, last) = (first.trim(), last.trim());
        if !unit.trim().eq_ignore_ascii_case("bytes") || set.contains(',') {
            return None;
        }
        if first.is_empty() {
            let wanted = number(last)?;
            let is_some = wanted > 0 && bytes > 0;
            return Some(if is_some {
                Self::Some(bytes.saturating_sub(wanted), bytes - 1)
            } else {
                Self::Unsatisfiable
            });
        }
        let first = number(first)?;
        let last = if last.is_empty() { u64::MAX } else { number(last)? };
        if last < first {
            return None;
        }
        Some(if first < bytes { Self::Some(first, last.min(bytes - 1)) } else { Self::Unsatisfiable })
    }
}

/// More digits than fit are as good as the most.
fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(range: &str, if_range: Option<&str>) -> Part {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, range.parse().unwrap());
        if let Some(text) = if_range {
            headers.insert(header::IF_RANGE, text.parse().unwrap());
        }
        Part::of(&headers, "\"e\"", 10)
    }

    #[test]
    fn one_range_is_answered_as_far_as_there_is_something() {
        for (range, expected) in [
            ("bytes=0-0", Part::Some(0, 0)),
            ("bytes=2-5", Part::Some(2, 5)),
            ("Bytes=2-", Part::Some(2, 9)),
            ("bytes=8-99999999999999999999", Part::Some(8, 9)),
            ("bytes=-3", Part::Some(7, 9)),
            ("bytes=-99", Part::Some(0, 9)),
            ("bytes=10-", Part::Unsatisfiable),
            ("bytes=99999999999999999999-", Part::Unsatisfiable),
            ("bytes=-0", Part::Unsatisfiable),
        ] {
            assert_eq!(part(range, None), expected, "{range}");
        }
    }

    #[test]
    fn several_ranges_and_what_cannot_be_read_are_answered_with_the_whole() {
        for range in ["bytes=0-1,3-4", "lines=1-2", "bytes=5-2", "bytes", "bytes=-", "bytes=a-b", "bytes=+1-2"] {
            assert_eq!(part(range, None), Part::Whole, "{range}");
        }
    }

    #[test]
    fn a_range_of_another_file_is_not_answered() {
        assert_eq!(part("bytes=2-5", Some("\"e\"")), Part::Some(2, 5));
        for other in ["\"f\"", "W/\"e\"", "Sat, 29 Oct 1994 19:43:31 GMT"] {
            assert_eq!(part("bytes=2-5", Some(other)), Part::Whole, "{other}");
        }
    }
}
