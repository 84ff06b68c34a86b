use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use sangam_auth::token::Revoked;
use sangam_types::Wall;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::relay_sessions::{Revocation, RevocationError, RevocationStore};

/// Which tokens are revoked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevokedToken {
    /// The one of this name, with those that were renewed from it.
    Jti(String),
    /// All of this subject that were minted until then.
    Sub(String),
}

/// Tokens that are good no longer.
pub type TokenRevocation = Revocation<RevokedToken>;

/// The tokens that are revoked, for all who let somebody in with a token. A change is saved before it is in force.
///
/// A keyring made with [`revoked`](Self::revoked) refuses them at once. Who keeps something open that was let in by a token
/// keeps the token's `TokenIdentity` and a [`watch`](Self::watch), and asks `Keyring::is_revoked` after each change.
#[derive(Debug)]
pub struct TokenRevocations {
    revoked: Arc<ArcSwap<Revoked>>,
    all: Mutex<All>,
    changed: watch::Sender<()>,
    max: usize,
}

#[derive(Debug)]
struct All {
    revocations: BTreeMap<RevokedToken, TokenRevocation>,
    store: Option<Arc<dyn RevocationStore<RevokedToken>>>,
}

/// Tells one listener that the revoked tokens have changed.
#[derive(Clone, Debug)]
pub struct TokenRevocationWatch(watch::Receiver<()>);

impl TokenRevocations {
    /// How many are revoked at most unless told otherwise: each costs some hundred bytes of memory.
    pub const MAX: usize = 4_096;

    /// Those that were saved. Without a store they last as long as the process.
    #[must_use]
    pub fn new(saved: Vec<TokenRevocation>, store: Option<Arc<dyn RevocationStore<RevokedToken>>>, max: usize) -> Self {
        let revocations: BTreeMap<_, _> = saved.into_iter().map(|one| (one.name.clone(), one)).collect();
        let revoked = Arc::new(ArcSwap::from_pointee(revoked(&revocations)));
        Self { revoked, all: Mutex::new(All { revocations, store }), changed: watch::Sender::new(()), max }
    }

    /// What keyrings look at.
    #[must_use]
    pub fn revoked(&self) -> Arc<ArcSwap<Revoked>> {
        Arc::clone(&self.revoked)
    }

    /// Hears of every change from now on.
    #[must_use]
    pub fn watch(&self) -> TokenRevocationWatch {
        TokenRevocationWatch(self.changed.subscribe())
    }

    /// Those in force, names of tokens before subjects.
    #[must_use]
    pub fn list(&self, now: Wall) -> Vec<TokenRevocation> {
        self.all().revocations.values().filter(|one| is_in_force(one, now)).cloned().collect()
    }

    /// Saves it, puts it in force and tells those who watch. Another of the same name is replaced. Blocks.
    ///
    /// # Errors
    ///
    /// There are too many, its end has passed, or it could not be saved; then nothing has changed.
    pub fn put(&self, revocation: TokenRevocation) -> Result<(), RevocationError> {
        let now = revocation.since;
        if !is_in_force(&revocation, now) {
            return Err(RevocationError::Over);
        }
        self.change(now, |all| {
            all.insert(revocation.name.clone(), revocation);
            if all.len() > self.max { Err(RevocationError::Full { max: self.max }) } else { Ok(()) }
        })
    }

    /// Takes one back; `false` if there was none. Blocks.
    ///
    /// # Errors
    ///
    /// The change could not be saved; then nothing has changed.
    pub fn take_back(&self, name: &RevokedToken, now: Wall) -> Result<bool, RevocationError> {
        let mut was_there = false;
        self.change(now, |all| {
            was_there = all.remove(name).is_some();
            Ok(())
        })?;
        Ok(was_there)
    }

    /// What has ended is left out: it makes room, and is in no file any more.
    fn change(
        &self,
        now: Wall,
        change: impl FnOnce(&mut BTreeMap<RevokedToken, TokenRevocation>) -> Result<(), RevocationError>,
    ) -> Result<(), RevocationError> {
        let mut all = self.all();
        let mut newer = all.revocations.clone();
        newer.retain(|_, one| is_in_force(one, now));
        change(&mut newer)?;
        if let Some(store) = &all.store {
            let saved: Vec<TokenRevocation> = newer.values().cloned().collect();
            store.save(&saved).map_err(|error| RevocationError::NotSaved { cause: error.to_string() })?;
        }
        self.revoked.store(Arc::new(revoked(&newer)));
        all.revocations = newer;
        self.changed.send_replace(());
        Ok(())
    }

    /// Nothing panics while it is held, and the map is replaced whole.
    fn all(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for TokenRevocations {
    /// None, which last as long as the process.
    fn default() -> Self {
        Self::new(Vec::new(), None, Self::MAX)
    }
}

impl TokenRevocationWatch {
    /// Waits for the next change since the last call, or since the watch began; `false`: there will be none. Cancel safe.
    pub async fn changed(&mut self) -> bool {
        self.0.changed().await.is_ok()
    }
}

impl fmt::Display for RevokedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Jti(jti) => write!(f, "token {jti:?}"),
            Self::Sub(sub) => write!(f, "tokens of {sub:?}"),
        }
    }
}

fn is_in_force(revocation: &TokenRevocation, now: Wall) -> bool {
    revocation.until.is_none_or(|until| now < until)
}

fn revoked(revocations: &BTreeMap<RevokedToken, TokenRevocation>) -> Revoked {
    let mut revoked = Revoked::default();
    for revocation in revocations.values() {
        match &revocation.name {
            RevokedToken::Jti(jti) => revoked.add_token(jti, revocation.until),
            RevokedToken::Sub(sub) => revoked.add_subject(sub, revocation.since, revocation.until),
        }
    }
    revoked
}

#[cfg(test)]
mod tests {
    use std::io;

    use sangam_auth::token::Claims;

    use super::*;

    const NOW: Wall = Wall::from_unix_secs(1_700_000_000);

    fn at(secs: u64) -> Wall {
        Wall::from_unix_secs(NOW.unix_secs() + secs)
    }

    fn revocation(name: RevokedToken, until: Option<Wall>) -> TokenRevocation {
        Revocation { name, since: NOW, until }
    }

    fn jti(jti: &str) -> RevokedToken {
        RevokedToken::Jti(jti.to_owned())
    }

    fn covers(revocations: &TokenRevocations, jti: &str, now: Wall) -> bool {
        let claims = Claims { jti: Some(jti.to_owned()), iat: Some(NOW), ..Claims::new("alice", at(60)) };
        revocations.revoked().load().cover(&claims.identity(), now)
    }

    #[tokio::test]
    async fn who_watches_hears_of_a_change_when_it_is_in_force() {
        let revocations = TokenRevocations::default();
        let mut watch = revocations.watch();
        revocations.put(revocation(jti("a"), Some(at(60)))).unwrap();
        assert!(watch.changed().await && covers(&revocations, "a", NOW));
        assert!(!covers(&revocations, "a", at(60)) && !covers(&revocations, "b", NOW));
        revocations.put(revocation(RevokedToken::Sub("alice".to_owned()), None)).unwrap();
        assert!(watch.changed().await && covers(&revocations, "b", NOW));
        assert!(revocations.take_back(&RevokedToken::Sub("alice".to_owned()), NOW).unwrap());
        assert!(!revocations.take_back(&RevokedToken::Sub("alice".to_owned()), NOW).unwrap());
        assert!(watch.changed().await && !covers(&revocations, "b", NOW));
        drop(revocations);
        assert!(!watch.changed().await);
    }

    #[test]
    fn they_are_bounded_and_those_that_have_ended_make_room() {
        let revocations = TokenRevocations::new(vec![revocation(jti("a"), Some(at(60)))], None, 1);
        assert!(covers(&revocations, "a", NOW));
        assert_eq!(revocations.put(revocation(jti("b"), None)), Err(RevocationError::Full { max: 1 }));
        assert_eq!(revocations.put(revocation(jti("b"), Some(NOW))), Err(RevocationError::Over));
        revocations.put(Revocation { since: at(60), ..revocation(jti("b"), None) }).unwrap();
        assert_eq!(revocations.list(at(60)).len(), 1);
    }

    #[derive(Debug)]
    struct Full;

    impl RevocationStore<RevokedToken> for Full {
        fn save(&self, _: &[TokenRevocation]) -> io::Result<()> {
            Err(io::Error::from(io::ErrorKind::StorageFull))
        }
    }

    #[test]
    fn what_cannot_be_saved_is_not_in_force() {
        let revocations = TokenRevocations::new(vec![revocation(jti("a"), None)], Some(Arc::new(Full)), 8);
        assert!(matches!(revocations.put(revocation(jti("b"), None)), Err(RevocationError::NotSaved { .. })));
        assert!(revocations.take_back(&jti("a"), NOW).is_err());
        assert!(covers(&revocations, "a", NOW) && !covers(&revocations, "b", NOW));
    }

    #[test]
    fn a_revocation_is_written_and_read_alike() {
        for (name, expected) in [(jti("x"), r#"{"jti":"x","#), (RevokedToken::Sub("s".to_owned()), r#"{"sub":"s","#)] {
            let revocation = revocation(name, None);
            let text = serde_json::to_string(&revocation).unwrap();
            assert!(text.starts_with(expected), "{text}");
            assert_eq!(serde_json::from_str::<TokenRevocation>(&text).unwrap(), revocation);
        }
    }
}
