use std::path::Path;
use std::sync::Arc;

use rustls::ClientConfig;
use tokio_rustls::TlsConnector;

use super::StartError;
use crate::trust::roots;

/// A connector for relays over TLS: the authorities that the system trusts, and those of `ca_file` (PEM).
///
/// # Errors
/// The file has none. A system without any is no error: it is one of the servers that then cannot be verified.
pub(super) fn connector(ca_file: Option<&Path>) -> Result<TlsConnector, StartError> {
    let unreadable = || StartError::Authorities { path: ca_file.unwrap_or(Path::new("")).to_owned() };
    let roots = roots(ca_file).ok_or_else(unreadable)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows the default versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    // RFC 7443: what the connection is for.
    config.alpn_protocols = vec![b"stun.turn".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}
