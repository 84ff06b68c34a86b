use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use crate::error::ProbeError;

/// Whose certificates are believed: those the system trusts, or those of a file alone.
#[derive(Clone)]
pub struct Trust {
    roots: Arc<RootCertStore>,
}

impl Trust {
    /// Reads the authorities of `ca_file` (PEM), or the system's.
    ///
    /// # Errors
    /// The file has none. A system without any is no error: plain transports need none.
    pub fn load(ca_file: Option<&Path>) -> Result<Self, ProbeError> {
        let mut roots = RootCertStore::empty();
        let certificates: Vec<CertificateDer<'static>> = match ca_file {
            Some(path) => CertificateDer::pem_file_iter(path)
                .map(|read| read.filter_map(Result::ok).collect())
                .unwrap_or_default(),
            None => rustls_native_certs::load_native_certs().certs,
        };
        let (added, _) = roots.add_parsable_certificates(certificates);
        match ca_file {
            Some(path) if added == 0 => Err(ProbeError::Roots { from: path.display().to_string() }),
            Some(_) | None => Ok(Self { roots: Arc::new(roots) }),
        }
    }

    /// Believes nobody: for transports without certificates.
    pub(crate) fn nobody() -> Self {
        Self { roots: Arc::new(RootCertStore::empty()) }
    }

    /// A connector that offers `protocol` by ALPN.
    pub(crate) fn connector(&self, protocol: &str) -> TlsConnector {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider knows the default versions")
            .with_root_certificates(Arc::clone(&self.roots))
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        TlsConnector::from(Arc::new(config))
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Trust({} authorities)", self.roots.len())
    }
}
