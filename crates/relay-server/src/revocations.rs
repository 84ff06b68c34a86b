use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use sangam_auth::turn::CredentialName;
use sangam_control::{Revocation, RevocationError, RevocationStore, RevokedName};
use sangam_types::Wall;

/// The names whose credentials are good no longer. Relay threads read; changes are saved before they are in force.
#[derive(Debug)]
pub struct Revocations {
    in_force: ArcSwap<Names>,
    /// Held while the names change.
    store: Mutex<Option<Arc<dyn RevocationStore>>>,
    max: usize,
}

#[derive(Clone, Debug, Default)]
struct Names {
    users: BTreeMap<String, Revocation>,
    labels: BTreeMap<String, Revocation>,
}

impl Revocations {
    /// How many names are revoked at most unless told otherwise: each costs some hundred bytes of memory.
    pub const MAX: usize = 4_096;

    /// Those that were saved. Without a store they last as long as the process.
    #[must_use]
    pub fn new(saved: Vec<Revocation>, store: Option<Arc<dyn RevocationStore>>, max: usize) -> Self {
        let mut names = Names::default();
        saved.into_iter().for_each(|revocation| names.put(revocation));
        Self { in_force: ArcSwap::from_pointee(names), store: Mutex::new(store), max }
    }

    /// Whether requests and sessions of this name are to be refused.
    #[must_use]
    pub fn covers(&self, name: &CredentialName<'_>, now: Wall) -> bool {
        let names = self.in_force.load();
        if names.count() == 0 {
            return false;
        }
        let found = [names.users.get(name.user), names.users.get(name.username), names.labels.get(name.label())];
        found.into_iter().flatten().any(|revocation| is_in_force(revocation, now))
    }

    /// Those in force, users before labels.
    #[must_use]
    pub fn list(&self, now: Wall) -> Vec<Revocation> {
        self.in_force.load().iter().filter(|revocation| is_in_force(revocation, now)).cloned().collect()
    }

    /// Saves it and puts it in force. Blocks.
    ///
    /// # Errors
    ///
    /// There are too many, its end has passed, or it could not be saved; then nothing has changed.
    pub fn put(&self, revocation: Revocation) -> Result<(), RevocationError> {
        if !is_in_force(&revocation, revocation.since) {
            return Err(RevocationError::Over);
        }
        let now = revocation.since;
        self.change(now, |names| {
            names.put(revocation);
            if names.count() > self.max { Err(RevocationError::Full { max: self.max }) } else { Ok(()) }
        })
    }

    /// Takes one back; `false` if there was none. Blocks.
    ///
    /// # Errors
    ///
    /// The change could not be saved; then nothing has changed.
    pub fn take_back(&self, name: &RevokedName, now: Wall) -> Result<bool, RevocationError> {
        let mut was_there = false;
        self.change(now, |names| {
            was_there = names.remove(name);
            Ok(())
        })?;
        Ok(was_there)
    }

    fn change(
        &self,
        now: Wall,
        change: impl FnOnce(&mut Names) -> Result<(), RevocationError>,
    ) -> Result<(), RevocationError> {
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let mut names = Names::default();
        self.list(now).into_iter().for_each(|revocation| names.put(revocation));
        change(&mut names)?;
        if let Some(store) = &*store {
            let all: Vec<Revocation> = names.iter().cloned().collect();
            store.save(&all).map_err(|error| RevocationError::NotSaved { cause: error.to_string() })?;
        }
        self.in_force.store(Arc::new(names));
        Ok(())
    }
}

impl Default for Revocations {
    /// None, which last as long as the process.
    fn default() -> Self {
        Self::new(Vec::new(), None, Self::MAX)
    }
}

fn is_in_force(revocation: &Revocation, now: Wall) -> bool {
    revocation.until.is_none_or(|until| now < until)
}

impl Names {
    fn count(&self) -> usize {
        self.users.len() + self.labels.len()
    }

    fn iter(&self) -> impl Iterator<Item = &Revocation> {
        self.users.values().chain(self.labels.values())
    }

    fn put(&mut self, revocation: Revocation) {
        match &revocation.name {
            RevokedName::User(user) => self.users.insert(user.clone(), revocation),
            RevokedName::Label(label) => self.labels.insert(label.clone(), revocation),
        };
    }

    fn remove(&mut self, name: &RevokedName) -> bool {
        match name {
            RevokedName::User(user) => self.users.remove(user).is_some(),
            RevokedName::Label(label) => self.labels.remove(label).is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    const NOW: Wall = Wall::from_unix_secs(1_700_000_000);

    fn at(secs: u64) -> Wall {
        Wall::from_unix_secs(NOW.unix_secs() + secs)
    }

    fn revocation(name: RevokedName, until: Option<Wall>) -> Revocation {
        Revocation { name, since: NOW, until }
    }

    fn user(name: &str) -> RevokedName {
        RevokedName::User(name.to_owned())
    }

    fn covers(revocations: &Revocations, user: &str, now: Wall) -> bool {
        let username = format!("1700003600:{user}");
        revocations.covers(&CredentialName { username: &username, user }, now)
    }

    #[test]
    fn a_name_is_revoked_until_its_time_and_a_label_with_all_its_users() {
        let revocations = Revocations::default();
        revocations.put(revocation(user("bob/phone"), Some(at(60)))).unwrap();
        revocations.put(revocation(RevokedName::Label("alice".to_owned()), None)).unwrap();
        for (name, secs, expected) in [
            ("bob/phone", 59, true),
            ("bob/phone", 60, false),
            ("bob/laptop", 0, false),
            ("bob", 0, false),
            ("alice", 1_000_000_000, true),
            ("alice/laptop", 0, true),
            ("alicex", 0, false),
        ] {
            assert_eq!(covers(&revocations, name, at(secs)), expected, "{name} after {secs} s");
        }
        assert!(revocations.take_back(&RevokedName::Label("alice".to_owned()), NOW).unwrap());
        assert!(!revocations.take_back(&RevokedName::Label("alice".to_owned()), NOW).unwrap());
        assert!(!covers(&revocations, "alice", NOW));
    }

    #[test]
    fn revocations_are_bounded_and_those_that_are_over_make_room() {
        let revocations = Revocations::new(Vec::new(), None, 1);
        revocations.put(revocation(user("bob"), Some(at(60)))).unwrap();
        assert_eq!(revocations.put(revocation(user("eve"), None)), Err(RevocationError::Full { max: 1 }));
        assert!(!covers(&revocations, "eve", NOW) && covers(&revocations, "bob", NOW));
        revocations.put(Revocation { since: at(60), ..revocation(user("eve"), None) }).unwrap();
        assert_eq!(revocations.list(at(60)).len(), 1);
        assert_eq!(revocations.put(revocation(user("bob"), Some(NOW))), Err(RevocationError::Over));
    }

    #[derive(Debug)]
    struct Full;

    impl RevocationStore for Full {
        fn save(&self, _: &[Revocation]) -> io::Result<()> {
            Err(io::Error::from(io::ErrorKind::StorageFull))
        }
    }

    #[test]
    fn what_cannot_be_saved_is_not_in_force() {
        let saved = vec![revocation(user("bob"), None)];
        let revocations = Revocations::new(saved.clone(), Some(Arc::new(Full)), 8);
        let refused = revocations.put(revocation(user("eve"), None));
        assert!(matches!(refused, Err(RevocationError::NotSaved { .. })), "{refused:?}");
        assert!(revocations.take_back(&user("bob"), NOW).is_err());
        assert_eq!(revocations.list(NOW), saved);
    }
}
