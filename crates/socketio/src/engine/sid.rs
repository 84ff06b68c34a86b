use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sangam_types::Text;

/// Names a session: 20 characters of base64url, 120 bits that nobody can guess. Who knows it is the session's client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Sid([u8; Self::BYTES]);

impl Sid {
    const BYTES: usize = 15;

    /// From the thread's generator, which the system seeds.
    pub(crate) fn random() -> Self {
        Self(rand::random())
    }

    /// As the query names it; `None` for what names no session of ours.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; Self::BYTES];
        let len = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
        (len == Self::BYTES).then_some(Self(bytes))
    }

    pub(crate) fn text(self) -> Text {
        Text::from(URL_SAFE_NO_PAD.encode(self.0))
    }

    /// Spreads sessions over parts of a table.
    pub(crate) fn shard(self, shards: usize) -> usize {
        usize::from(self.0[0]) % shards
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sid_is_twenty_characters_of_a_url_and_reads_as_it_was() {
        let sid = Sid::random();
        let text = sid.text();
        assert_eq!(text.as_str().len(), 20);
        assert!(text.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
        assert_eq!(Sid::parse(text.as_str()), Some(sid));
        assert_ne!(sid, Sid::random());
    }

    #[test]
    fn what_is_no_sid_names_nothing() {
        for text in ["", "abc", "AAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAA/", "é"] {
            assert_eq!(Sid::parse(text), None, "{text}");
        }
    }
}
