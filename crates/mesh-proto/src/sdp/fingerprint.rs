use super::bounded;

/// A certificate's digest (RFC 8122 §5).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint {
    /// `sha-256`, in lower case.
    pub algorithm: String,
    /// The digest.
    pub digest: Vec<u8>,
}

impl Fingerprint {
    /// Reads `sha-256 AB:CD:…`; digits in any case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (algorithm, digits) = text.trim().split_once(' ')?;
        let digest = digits.trim().split(':').map(byte).collect::<Option<Vec<u8>>>()?;
        let fits = algorithm.len() <= 16 && (1..=64).contains(&digest.len());
        fits.then(|| Self { algorithm: algorithm.to_ascii_lowercase(), digest })
    }
}

/// Every fingerprint of a description that can be read, in order, at most 16; none of a description that is too large.
#[must_use]
pub fn fingerprints(sdp: &str) -> Vec<Fingerprint> {
    bounded(sdp)
        .filter_map(|line| line.strip_prefix("a=fingerprint:"))
        .filter_map(Fingerprint::parse)
        .take(FINGERPRINTS_MAX)
        .collect()
}

fn byte(digits: &str) -> Option<u8> {
    let two = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    if two { u8::from_str_radix(digits, 16).ok() } else { None }
}

/// aiortc writes three for each media section.
const FINGERPRINTS_MAX: usize = 16;
