//! The server's certificate: loaded, checked, served, and replaced while connections live.

mod client;
mod der;
mod error;
mod files;
mod validity;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

pub use self::client::{ClientAuthorities, ClientCertificate};
pub use self::error::CertificateError;
pub use self::validity::Validity;

use self::files::{Stamp, read_bounded};

/// The one crypto provider, named wherever TLS is set up so that no process-wide default decides.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// Where a certificate and its key lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificatePaths {
    /// PEM: the server's certificate first, then its issuers.
    pub chain: PathBuf,
    /// PEM: the private key (PKCS #8, PKCS #1 or SEC 1), not encrypted.
    pub key: PathBuf,
}

/// The certificate in force, shared by all TLS listeners as their resolver.
///
/// A pair that cannot be read, does not parse or does not match never replaces one that does.
#[derive(Debug)]
pub struct CertificateStore {
    current: ArcSwap<Loaded>,
    files: Mutex<Files>,
    reloads: AtomicU64,
    reload_failures: AtomicU64,
}

#[derive(Debug)]
struct Files {
    paths: CertificatePaths,
    /// The files as they were when last tried, taken before reading: a write in between is seen as a change.
    tried: Stamp,
}

#[derive(Debug)]
struct Loaded {
    pair: Arc<CertifiedKey>,
    validity: Validity,
}

/// What a look at the files did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reload {
    /// The files hold the certificate that is already in force.
    Unchanged,
    /// Another certificate is in force from now on.
    Replaced {
        /// From when to when it is valid.
        validity: Validity,
    },
}

/// What a scraper wants to know of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateSnapshot {
    /// From when to when the certificate in force is valid.
    pub validity: Validity,
    /// How often it was replaced.
    pub reloads: u64,
    /// How often a new pair was refused.
    pub reload_failures: u64,
}

impl CertificateStore {
    /// Loads the pair. A certificate that is expired or soon will be is served all the same: log what
    /// [`Validity::warning`] says.
    ///
    /// # Errors
    ///
    /// The file, the cause and the mend, in one sentence.
    pub fn load(paths: CertificatePaths) -> Result<Arc<Self>, CertificateError> {
        let tried = Stamp::of(&paths);
        let loaded = read_pair(&paths)?;
        Ok(Arc::new(Self {
            current: ArcSwap::from_pointee(loaded),
            files: Mutex::new(Files { paths, tried }),
            reloads: AtomicU64::new(0),
            reload_failures: AtomicU64::new(0),
        }))
    }

    /// Reads the files again (SIGHUP). Open connections keep what they have; new handshakes get the new pair.
    /// Reads two small files: call it where blocking is allowed.
    ///
    /// # Errors
    ///
    /// The new pair is not usable and the old one stays in force.
    pub fn reload(&self) -> Result<Reload, CertificateError> {
        let mut files = self.lock();
        files.tried = Stamp::of(&files.paths);
        // The lock is held to the end, so that of two reloads the later one's files win.
        let loaded = self.count_failure(read_pair(&files.paths))?;
        Ok(self.put_in_force(loaded))
    }

    /// The same with other files, which are the ones to watch from then on.
    ///
    /// # Errors
    ///
    /// The pair at `paths` is not usable; the old one and its files stay in force.
    pub fn reload_from(&self, paths: CertificatePaths) -> Result<Reload, CertificateError> {
        let mut files = self.lock();
        let tried = Stamp::of(&paths);
        let loaded = self.count_failure(read_pair(&paths))?;
        *files = Files { paths, tried };
        Ok(self.put_in_force(loaded))
    }

    /// Reloads if a file is not as it was when last tried; else `None`. For a timer: it costs two `stat` calls,
    /// and a pair found broken (half written, say) is reported once, then tried again when a file changes.
    pub fn check_changed(&self) -> Option<Result<Reload, CertificateError>> {
        let changed = {
            let files = self.lock();
            files.tried != Stamp::of(&files.paths)
        };
        changed.then(|| self.reload())
    }

    /// The files this store reads.
    #[must_use]
    pub fn paths(&self) -> CertificatePaths {
        self.lock().paths.clone()
    }

    /// The certificate in force and how it came to be.
    #[must_use]
    pub fn snapshot(&self) -> CertificateSnapshot {
        CertificateSnapshot {
            validity: self.current.load().validity,
            reloads: self.reloads.load(Ordering::Relaxed),
            reload_failures: self.reload_failures.load(Ordering::Relaxed),
        }
    }

    fn put_in_force(&self, loaded: Loaded) -> Reload {
        if self.current.load().pair.cert == loaded.pair.cert {
            return Reload::Unchanged;
        }
        let validity = loaded.validity;
        self.current.store(Arc::new(loaded));
        self.reloads.fetch_add(1, Ordering::Relaxed);
        Reload::Replaced { validity }
    }

    fn count_failure<T>(&self, read: Result<T, CertificateError>) -> Result<T, CertificateError> {
        if read.is_err() {
            self.reload_failures.fetch_add(1, Ordering::Relaxed);
        }
        read
    }

    fn lock(&self) -> MutexGuard<'_, Files> {
        // Paths and stamp are replaced as wholes: they are right wherever a holder could panic.
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ResolvesServerCert for CertificateStore {
    fn resolve(&self, _client_hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.load().pair))
    }
}

impl Validity {
    /// From when on a renewal is overdue: issuers of 90-day certificates renew 30 days ahead, so three weeks before
    /// the end it has failed for more than a week.
    pub const WARN_AHEAD: Duration = Duration::from_secs(21 * 24 * 3_600);

    /// What an operator should hear at `now`: the certificate is expired, soon will be, or is not valid yet.
    #[must_use]
    pub fn warning(&self, now: SystemTime) -> Option<ValidityWarning> {
        if now < self.not_before {
            return Some(ValidityWarning::NotYet);
        }
        match self.not_after.duration_since(now) {
            Err(_past) => Some(ValidityWarning::Expired),
            Ok(left) if left < Self::WARN_AHEAD => Some(ValidityWarning::Soon { left }),
            Ok(_) => None,
        }
    }
}

/// What is wrong with the dates of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValidityWarning {
    /// Its time has not begun: this clock or the issuer's is wrong.
    #[error("the TLS certificate is not valid yet: check this host's clock, or use another certificate")]
    NotYet,
    /// Its time is over.
    #[error("the TLS certificate has expired: clients will refuse it; renew it")]
    Expired,
    /// Its time is nearly over.
    #[error("the TLS certificate expires in {} days: renew it", left.as_secs() / 86_400)]
    Soon {
        /// What is left.
        left: Duration,
    },
}

fn read_pair(paths: &CertificatePaths) -> Result<Loaded, CertificateError> {
    let chain_path = || paths.chain.clone();
    let pem = read_bounded(&paths.chain)?;
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|source| CertificateError::ChainPem { path: chain_path(), source })?;
    let leaf = chain.first().ok_or_else(|| CertificateError::NoCertificate { path: chain_path() })?;
    let validity = Validity::of(leaf).ok_or_else(|| CertificateError::NotX509 { path: chain_path() })?;
    let pem = read_bounded(&paths.key)?;
    let key = PrivateKeyDer::from_pem_slice(&pem)
        .map_err(|source| CertificateError::KeyPem { path: paths.key.clone(), source })?;
    let key = provider()
        .key_provider
        .load_private_key(key)
        .map_err(|source| CertificateError::Key { path: paths.key.clone(), source })?;
    let pair = CertifiedKey::new(chain, key);
    match pair.keys_match() {
        Ok(()) => Ok(Loaded { pair: Arc::new(pair), validity }),
        Err(rustls::Error::InconsistentKeys(_)) => {
            Err(CertificateError::Mismatch { chain: chain_path(), key: paths.key.clone() })
        }
        Err(source) => Err(CertificateError::Leaf { path: chain_path(), source }),
    }
}

#[cfg(test)]
pub(crate) mod lab;
#[cfg(test)]
mod tests;
