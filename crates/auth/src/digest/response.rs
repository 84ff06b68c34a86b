use zeroize::Zeroizing;

use super::Ha1;

/// What is hashed beside the key, as the client wrote each part.
pub(super) struct ResponseParts<'a> {
    pub(super) method: &'a str,
    pub(super) uri: &'a str,
    pub(super) nonce: &'a str,
    /// `nc`, `cnonce` and `qop`; `None` is the answer of RFC 2069.
    pub(super) counted: Option<(&'a str, &'a str, &'a str)>,
}

/// The `response` in lower-case hex (RFC 7616 §3.4.1; without `qop` that of RFC 2069 §2.1.2).
pub(super) fn response(key: &Ha1, parts: &ResponseParts<'_>) -> Zeroizing<String> {
    let algorithm = key.algorithm();
    let request = algorithm.hash(&[parts.method, parts.uri]);
    match parts.counted {
        Some((nc, cnonce, qop)) => algorithm.hash(&[key.expose_hex(), parts.nonce, nc, cnonce, qop, &request]),
        None => algorithm.hash(&[key.expose_hex(), parts.nonce, &request]),
    }
}

/// Whether two texts are equal, in a time that depends on their lengths alone.
pub(crate) fn is_equal(left: &str, right: &str) -> bool {
    let differing = left.bytes().zip(right.bytes()).fold(0_u8, |sum, (a, b)| sum | (a ^ b));
    left.len() == right.len() && std::hint::black_box(differing) == 0
}

#[cfg(test)]
mod tests {
    use super::super::Algorithm;
    use super::*;

    const URI: &str = "/dir/index.html";

    fn check(key: &Ha1, nonce: &str, counted: Option<(&str, &str, &str)>, expected: &str) {
        assert_eq!(*response(key, &ResponseParts { method: "GET", uri: URI, nonce, counted }), expected);
    }

    #[test]
    fn the_responses_of_rfc_7616_section_3_9_1_come_out() {
        let nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
        let counted = Some(("00000001", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "auth"));
        let key = |algorithm| Ha1::derive(algorithm, "Mufasa", "http-auth@example.org", "Circle of Life");
        check(&key(Algorithm::Md5), nonce, counted, "8ca523f5e9506fed4657c9700eebdbec");
        let expected = "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1";
        check(&key(Algorithm::Sha256), nonce, counted, expected);
    }

    #[test]
    fn the_response_of_rfc_2617_section_3_5_comes_out() {
        let key = Ha1::derive(Algorithm::Md5, "Mufasa", "testrealm@host.com", "Circle Of Life");
        let counted = Some(("00000001", "0a4f113b", "auth"));
        check(&key, "dcd98b7102dd2f0e8b11d0f600bfb0c093", counted, "6629fae49393a05397450978507c4ef1");
    }

    #[test]
    fn the_response_of_rfc_2069_section_2_4_as_corrected_by_its_erratum_comes_out() {
        let key = Ha1::derive(Algorithm::Md5, "Mufasa", "testrealm@host.com", "CircleOfLife");
        check(&key, "dcd98b7102dd2f0e8b11d0f600bfb0c093", None, "1949323746fe6a43ef61f9606e7febea");
    }

    #[test]
    fn texts_are_equal_only_if_each_byte_and_the_length_are() {
        assert!(is_equal("", "") && is_equal("abc", "abc"));
        assert!(!is_equal("abc", "abd") && !is_equal("abc", "ab") && !is_equal("", "a"));
    }
}
