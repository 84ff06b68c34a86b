//! A connection request over HTTP, both ends of Digest being `sangam-auth`'s: that the two fit is the driver's concern in the end,
//! and shown here.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends that way")]

use sangam_auth::digest::{
    Algorithm, Authorization, Challenges, Credential, DigestClient, DigestOptions, DigestServer, NonceKey, Refusal,
    RequestLine,
};
use sangam_cwmp_proto::connection_request::Verdict;
use sangam_cwmp_proto::connection_request::http::{Answer, ConnectionRequestUrl, Exchange, HttpRequest, Step};
use sangam_types::Wall;

const NOW: Wall = Wall::from_unix_secs(1_800_000_000);

/// A CPE that takes connection requests, as old ones do: MD5, with `qop` or without.
struct Cpe {
    server: DigestServer,
    password: &'static str,
    has_qop: bool,
}

impl Cpe {
    fn new(password: &'static str, has_qop: bool) -> Self {
        let options =
            DigestOptions { algorithms: vec![Algorithm::Md5], allow_without_qop: true, ..DigestOptions::default() };
        let server = DigestServer::new("cpe", NonceKey::new([3; 32]), options).unwrap();
        Self { server, password, has_qop }
    }

    fn answer(&mut self, exchange: &Exchange) -> Result<u16, String> {
        let line = RequestLine { method: "GET", target: &exchange.target };
        let verified = match exchange.authorization.as_deref().map(Authorization::parse) {
            None => Err(Refusal::Missing),
            Some(Err(refusal)) => Err(refusal),
            Some(Ok(answer)) => {
                let credential = Credential::password(self.password);
                self.server.verify(line, &answer, Some(&credential), NOW)
            }
        };
        verified.map(|_| 204).map_err(|refusal| {
            let challenge = self.server.challenges(NOW, [1; 8], refusal).remove(0);
            if self.has_qop { challenge } else { challenge.replace(r#" qop="auth","#, "") }
        })
    }
}

fn run(cpe: &mut Cpe, password: &str) -> (Verdict, u32) {
    let url = ConnectionRequestUrl::parse("http://192.0.2.7:7547/a1b2c3").unwrap();
    let (mut request, mut exchange) = HttpRequest::new(url);
    let mut client = DigestClient::new("acs", password);
    let mut authorizer = |challenges: &[&str], method: &str, target: &str| {
        client.challenged(&Challenges::parse(challenges.iter().copied())).ok()?;
        client.authorize(RequestLine { method, target }, [5; 16])
    };
    let mut exchanges = 0;
    loop {
        exchanges += 1;
        let answer = cpe.answer(&exchange);
        let challenge = answer.as_ref().err().map(String::as_str);
        let challenges: Vec<&str> = challenge.into_iter().collect();
        let status = answer.as_ref().map_or(401, |status| *status);
        let answer = Answer::Response { status, challenges: &challenges, retry_after: None };
        match request.handle_answer(&answer, &mut authorizer) {
            Step::Send(next) => exchange = next,
            Step::Done(verdict) => return (verdict, exchanges),
        }
    }
}

#[test]
fn a_cpe_is_asked_challenges_and_believes_the_answer() {
    for has_qop in [true, false] {
        assert_eq!(run(&mut Cpe::new("right", has_qop), "right"), (Verdict::Accepted, 2), "qop: {has_qop}");
    }
}

#[test]
fn a_wrong_password_is_tried_once() {
    for has_qop in [true, false] {
        let outcome = run(&mut Cpe::new("right", has_qop), "wrong");
        assert_eq!(outcome, (Verdict::AuthenticationRefused, 2), "qop: {has_qop}");
    }
}
