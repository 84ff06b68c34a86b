use sangam_auth::basic::BasicAuthorization;
use sangam_auth::digest::{
    Authorization, Challenges, Credential, DigestClient, DigestOptions, DigestServer, NonceKey, Refusal, RequestLine,
};
use sangam_types::Wall;

const LINE: RequestLine<'_> = RequestLine { method: "POST", target: "/cwmp" };

/// Headers by which somebody logs in, one a line: `Authorization` to a server of ours, `WWW-Authenticate` to a client. Nobody gets in
/// who was not challenged, and what our client answers can be read.
pub fn http_authentication(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut server = DigestServer::new("acs", NonceKey::new([7; 32]), DigestOptions::default()).expect("sound options");
    for line in text.lines() {
        let _: Result<BasicAuthorization, Refusal> = BasicAuthorization::parse(line);
        if let Ok(answer) = Authorization::parse(line) {
            let credential = Credential::password("password");
            let verdict = server.verify(LINE, &answer, Some(&credential), Wall::from_unix_secs(1_800_000_000));
            assert!(verdict.is_err(), "no nonce was given out");
        }
    }
    assert_eq!(server.nonces(), 0);
    answer(&Challenges::parse(text.lines()));
}

fn answer(challenges: &Challenges) {
    let mut client = DigestClient::new("user", "password");
    if client.challenged(challenges).is_err() {
        return assert!(challenges.digest.is_empty());
    }
    let header = client.authorize(LINE, [1; 16]).expect("it was challenged");
    let challenge = challenges.strongest().expect("one was answered");
    match Authorization::parse(&header) {
        Ok(read) => assert_eq!((read.username.as_str(), read.realm()), ("user", challenge.realm.as_str())),
        Err(refusal) => assert_eq!(refusal, Refusal::TooLong, "{header}"),
    }
}
