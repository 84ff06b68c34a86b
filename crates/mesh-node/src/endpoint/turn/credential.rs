use secrecy::{ExposeSecret, SecretString};
use stun_types::attribute::{Nonce, Realm, Username};
use stun_types::message::{
    IntegrityAlgorithm, LongTermKeyCredentials, Message, MessageIntegrityCredentials, MessageWriteExt as _,
    MessageWriteVec, StunWriteError,
};

/// Who we are at a TURN server (RFC 8489 §9.2: the long-term credential), and what it last asked to be signed with.
pub(in super::super) struct Credential {
    username: String,
    password: SecretString,
    challenge: Option<Challenge>,
}

struct Challenge {
    realm: String,
    nonce: String,
    key: MessageIntegrityCredentials,
}

impl Credential {
    pub(in super::super) fn new(username: String, password: SecretString) -> Self {
        Self { username, password, challenge: None }
    }

    /// Takes realm and nonce of a 401 or 438. False if it has none.
    pub(super) fn challenge(&mut self, message: &Message<'_>) -> bool {
        let Ok(nonce) = message.attribute::<Nonce>() else { return false };
        let known = self.challenge.as_ref().map(|challenge| challenge.realm.clone());
        let told = message.attribute::<Realm>().ok().map(|realm| realm.realm().to_owned());
        let Some(realm) = told.or(known) else { return false };
        let (username, password) = (self.username.clone(), self.password.expose_secret().to_owned());
        let key = LongTermKeyCredentials::new(username, password, realm.clone()).into();
        self.challenge = Some(Challenge { realm, nonce: nonce.nonce().to_owned(), key });
        true
    }

    /// Signs a request, if the server has asked for it yet.
    pub(super) fn sign(&self, message: &mut MessageWriteVec) -> Result<(), StunWriteError> {
        let Some(Challenge { realm, nonce, key }) = &self.challenge else { return Ok(()) };
        message.add_attribute(&Username::new(&self.username)?)?;
        message.add_attribute(&Realm::new(realm)?)?;
        message.add_attribute(&Nonce::new(nonce)?)?;
        message.add_message_integrity(key, IntegrityAlgorithm::Sha1)
    }

    pub(super) fn is_challenged(&self) -> bool {
        self.challenge.is_some()
    }

    /// Whether the server signed it with our key.
    pub(super) fn is_signed(&self, message: &Message<'_>) -> bool {
        self.challenge.as_ref().is_some_and(|challenge| message.validate_integrity(&challenge.key).is_ok())
    }
}
