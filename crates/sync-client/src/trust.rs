use std::fmt;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use crate::ClientError;

/// Whose certificates are believed over `https`.
#[derive(Clone, Default)]
pub enum Trust {
    /// The authorities that the system trusts.
    #[default]
    System,
    /// These alone.
    Roots(Arc<RootCertStore>),
}

impl Trust {
    pub(crate) fn connector(&self) -> Result<TlsConnector, ClientError> {
        let roots = match self {
            Self::Roots(roots) => Arc::clone(roots),
            Self::System => {
                let mut roots = RootCertStore::empty();
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                Arc::new(roots)
            }
        };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.map_err(|error| ClientError::Tls(error.to_string()))?;
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsConnector::from(Arc::new(config)))
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => write!(f, "Trust(system)"),
            Self::Roots(roots) => write!(f, "Trust({} authorities)", roots.len()),
        }
    }
}
