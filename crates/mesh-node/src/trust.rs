use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tokio_rustls::TlsConnector;

/// What the system trusts, as long as a node of this process uses it: some hundred certificates, which each of many nodes would
/// read and keep again.
static OF_THE_SYSTEM: Mutex<Weak<RootCertStore>> = Mutex::new(Weak::new());

/// A TLS client that speaks `protocol` (ALPN) and believes the authorities that the system trusts, and those of `ca_file` (PEM).
/// `None`: the file has none. A system without any is no error: it is one of the servers that then cannot be verified.
pub(crate) fn connector(ca_file: Option<&Path>, protocol: &[u8]) -> Option<TlsConnector> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows the default versions")
        .with_root_certificates(roots(ca_file)?)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    Some(TlsConnector::from(Arc::new(config)))
}

fn roots(ca_file: Option<&Path>) -> Option<Arc<RootCertStore>> {
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
