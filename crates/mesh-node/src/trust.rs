use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

/// What the system trusts, as long as a node of this process uses it: some hundred certificates, which each of many nodes would
/// read and keep again.
static OF_THE_SYSTEM: Mutex<Weak<RootCertStore>> = Mutex::new(Weak::new());

/// The authorities that the system trusts, and those of `ca_file` (PEM). `None`: the file has none. A system without any is no
/// error: it is one of the servers that then cannot be verified.
pub(crate) fn roots(ca_file: Option<&Path>) -> Option<Arc<RootCertStore>> {
    let shared = of_the_system();
    let Some(path) = ca_file else { return Some(shared) };
    let mut roots = RootCertStore::clone(&shared);
    let read = CertificateDer::pem_file_iter(path).ok()?;
    let (added, _) = roots.add_parsable_certificates(read.filter_map(Result::ok));
    (added > 0).then(|| Arc::new(roots))
}

fn of_the_system() -> Arc<RootCertStore> {
    let mut known = OF_THE_SYSTEM.lock().unwrap_or_else(PoisonError::into_inner);
    known.upgrade().unwrap_or_else(|| {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let roots = Arc::new(roots);
        *known = Arc::downgrade(&roots);
        roots
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_of_one_process_share_the_systems_authorities() {
        let one = roots(None);
        assert!(Option::zip(one, roots(None)).is_some_and(|(one, other)| Arc::ptr_eq(&one, &other)));
    }
}
