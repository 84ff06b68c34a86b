use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use super::algorithm::hex;
use super::fields::quoted;
use super::response::{ResponseParts, response};
use super::{Challenges, DigestChallenge, Ha1, RequestLine};

/// The client's end of Digest: answers a server's challenges, counting the uses of each nonce.
pub struct DigestClient {
    username: String,
    password: SecretString,
    current: Option<Current>,
    /// Challenges in a row that called the nonce stale.
    stale_in_row: u32,
}

/// The challenge that is being answered.
struct Current {
    challenge: DigestChallenge,
    key: Ha1,
    /// Uses of its nonce so far.
    uses: u32,
}

/// Why a challenge is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientRefusal {
    /// No Digest among them that we could answer.
    #[error("the server offers no Digest with MD5 or SHA-256 and qop auth")]
    NoUsableChallenge,
    /// Name or password was wrong: the server asks again, and not because its nonce is old.
    #[error("the server refused name or password")]
    Refused,
    /// It calls each new nonce stale.
    #[error("the server called {0} nonces in a row stale")]
    AlwaysStale(u32),
}

impl DigestClient {
    /// So many challenges in a row may call the nonce stale.
    pub const STALE_MAX: u32 = 3;

    /// A client that was not challenged yet.
    #[must_use]
    pub fn new(username: impl Into<String>, password: impl Into<String>) -> Self {
        let password = SecretString::from(password.into());
        Self { username: username.into(), password, current: None, stale_in_row: 0 }
    }

    /// A 401 came with these challenges. From now on the strongest of them is answered.
    ///
    /// # Errors
    ///
    /// There is nothing to answer, or there is no use in it.
    pub fn challenged(&mut self, challenges: &Challenges) -> Result<(), ClientRefusal> {
        let challenge = challenges.strongest().ok_or(ClientRefusal::NoUsableChallenge)?;
        let answered = self.current.as_ref().is_some_and(|current| current.uses > 0);
        if answered && !challenge.stale {
            return Err(ClientRefusal::Refused);
        }
        if answered {
            self.stale_in_row += 1;
            if self.stale_in_row > Self::STALE_MAX {
                return Err(ClientRefusal::AlwaysStale(self.stale_in_row));
            }
        }
        let password = self.password.expose_secret();
        let key = Ha1::derive(challenge.algorithm, &self.username, &challenge.realm, password);
        self.current = Some(Current { challenge: challenge.clone(), key, uses: 0 });
        Ok(())
    }

    /// The server took the last answer.
    pub fn accepted(&mut self) {
        self.stale_in_row = 0;
    }

    /// The value of `Authorization` for the next request; `None` before the first challenge, and once a nonce was used
    /// 2^32 - 1 times. `cnonce` is random.
    pub fn authorize(&mut self, request: RequestLine<'_>, cnonce: [u8; 16]) -> Option<String> {
        let current = self.current.as_mut()?;
        current.uses = current.uses.checked_add(1)?;
        let (nc, cnonce) = (format!("{:08x}", current.uses), hex(&cnonce));
        let challenge = &current.challenge;
        let counted = challenge.has_qop.then_some((nc.as_str(), cnonce.as_str(), "auth"));
        let parts = ResponseParts { method: request.method, uri: request.target, nonce: &challenge.nonce, counted };
        let answer = response(&current.key, &parts);
        let mut text = format!(
            r#"Digest username={}, realm={}, nonce={}, uri={}, response="{}""#,
            quoted(&self.username),
            quoted(&challenge.realm),
            quoted(&challenge.nonce),
            quoted(request.target),
            *answer
        );
        if challenge.names_algorithm {
            text.push_str(&format!(", algorithm={}", challenge.algorithm));
        }
        if challenge.has_qop {
            text.push_str(&format!(r#", qop=auth, nc={nc}, cnonce="{cnonce}""#));
        }
        if let Some(opaque) = &challenge.opaque {
            text.push_str(&format!(", opaque={}", quoted(opaque)));
        }
        Some(text)
    }
}

impl fmt::Debug for DigestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let challenge = self.current.as_ref().map(|current| &current.challenge);
        f.debug_struct("DigestClient")
            .field("username", &self.username)
            .field("challenge", &challenge)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Authorization;
    use super::*;

    const LINE: RequestLine<'_> = RequestLine { method: "GET", target: "/dir/index.html" };

    fn client(challenge: &str) -> DigestClient {
        let mut client = DigestClient::new("Mufasa", "Circle Of Life");
        client.challenged(&Challenges::parse([challenge])).unwrap();
        client
    }

    #[test]
    fn an_answer_counts_up_and_says_back_what_it_was_told() {
        let mut client = client(r#"Digest realm="r", nonce="n", qop="auth", algorithm=MD5, opaque="o\"p""#);
        let first = client.authorize(LINE, [0xab; 16]).unwrap();
        assert!(
            first.starts_with(r#"Digest username="Mufasa", realm="r", nonce="n", uri="/dir/index.html", response=""#)
        );
        let cnonce = "ab".repeat(16);
        let end = format!(r#", algorithm=MD5, qop=auth, nc=00000001, cnonce="{cnonce}", opaque="o\"p""#);
        assert!(first.ends_with(&end), "{first}");
        assert!(client.authorize(LINE, [0; 16]).unwrap().contains("nc=00000002"));
        assert!(Authorization::parse(&first).is_ok());
    }

    #[test]
    fn a_challenge_without_qop_is_answered_as_rfc_2069_has_it() {
        let mut client = DigestClient::new("Mufasa", "CircleOfLife");
        let challenge = r#"Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093""#;
        client.challenged(&Challenges::parse([challenge])).unwrap();
        let answer = client.authorize(LINE, [0; 16]).unwrap();
        assert!(answer.ends_with(r#"response="1949323746fe6a43ef61f9606e7febea""#), "{answer}");
    }

    #[test]
    fn a_server_that_calls_every_nonce_stale_is_given_up() {
        let stale = Challenges::parse(["Digest nonce=n, qop=auth, stale=true"]);
        let mut client = client("Digest nonce=n, qop=auth");
        for _ in 0..DigestClient::STALE_MAX {
            client.authorize(LINE, [0; 16]).unwrap();
            assert_eq!(client.challenged(&stale), Ok(()));
        }
        client.authorize(LINE, [0; 16]).unwrap();
        assert_eq!(client.challenged(&stale), Err(ClientRefusal::AlwaysStale(4)));
    }

    #[test]
    fn without_a_challenge_there_is_no_answer() {
        let mut client = DigestClient::new("u", "p");
        assert_eq!(client.authorize(LINE, [0; 16]), None);
        assert_eq!(client.challenged(&Challenges::parse(["Basic realm=x"])), Err(ClientRefusal::NoUsableChallenge));
    }
}
