//! HTTP Digest with MD5, as devices in the field do it (RFC 2617).

use std::fmt::Write as _;

use anyhow::{Context, Result};
use md5::{Digest as _, Md5};

/// A nonce that a server gave, and how often it was used.
#[derive(Clone, Debug)]
pub(crate) struct Nonce {
    realm: String,
    nonce: String,
    count: u32,
}

impl Nonce {
    /// From the challenges of a 401: the one for MD5.
    pub(crate) fn of(challenges: &[String]) -> Result<Self> {
        let is_md5 = |it: &&String| it.starts_with("Digest ") && it.contains("algorithm=MD5");
        let challenge = challenges.iter().find(is_md5).context("no challenge for MD5")?;
        let field = |name: &str| {
            let (_, after) = challenge.split_once(name)?;
            Some(after.split_once('"')?.0.to_owned())
        };
        let (realm, nonce) = field("realm=\"").zip(field("nonce=\"")).context("a challenge without a nonce")?;
        Ok(Self { realm, nonce, count: 0 })
    }

    /// The header of the next POST.
    pub(crate) fn authorization(&mut self, user: &str, password: &str) -> String {
        self.count += 1;
        let Self { realm, nonce, count } = self;
        let (count, cnonce) = (format!("{count:08x}"), "0a4f113b");
        let login = hex(&[user, realm, password]);
        let response = hex(&[&login, nonce, &count, cnonce, "auth", &hex(&["POST", "/"])]);
        format!(
            "Authorization: Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"/\", \
             response=\"{response}\", algorithm=MD5, qop=auth, nc={count}, cnonce=\"{cnonce}\"\r\n"
        )
    }
}

/// MD5 of the parts with colons between them.
fn hex(parts: &[&str]) -> String {
    let digest = Md5::digest(parts.join(":").as_bytes());
    digest.iter().fold(String::with_capacity(32), |mut text, byte| {
        // A String takes everything.
        write!(text, "{byte:02x}").ok();
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 2617 §3.5.
    #[test]
    fn the_example_of_the_standard_comes_out() {
        let login = hex(&["Mufasa", "testrealm@host.com", "Circle Of Life"]);
        let line = hex(&["GET", "/dir/index.html"]);
        let nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093";
        let response = hex(&[&login, nonce, "00000001", "0a4f113b", "auth", &line]);
        assert_eq!(response, "6629fae49393a05397450978507c4ef1");
    }

    #[test]
    fn the_challenge_for_md5_is_taken_and_its_nonce_counted() {
        let challenge = |algorithm| format!("Digest realm=\"r\", qop=\"auth\", nonce=\"n\", algorithm={algorithm}");
        let mut nonce = Nonce::of(&[challenge("SHA-256"), challenge("MD5")]).unwrap();
        nonce.authorization("u", "p");
        assert!(nonce.authorization("u", "p").contains("nonce=\"n\", uri=\"/\""));
        assert_eq!(nonce.count, 2);
        assert!(Nonce::of(&[challenge("SHA-256")]).is_err());
    }
}
