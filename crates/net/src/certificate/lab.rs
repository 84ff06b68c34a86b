//! Certificates for tests.

use std::fs;
use std::path::Path;

use rcgen::{CertificateParams, KeyPair};

use super::CertificatePaths;

/// A self-signed certificate and its key, as PEM.
pub(crate) struct Pair {
    pub(crate) chain: String,
    pub(crate) key: String,
}

impl Pair {
    pub(crate) fn generate() -> Self {
        Self::from_params(CertificateParams::new(vec!["localhost".to_owned()]).unwrap())
    }

    pub(crate) fn from_params(params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { chain: certificate.pem(), key: key.serialize_pem() }
    }

    /// Writes both files, the certificate first.
    pub(crate) fn write(&self, directory: &Path) -> CertificatePaths {
        let paths = CertificatePaths { chain: directory.join("chain.pem"), key: directory.join("key.pem") };
        fs::write(&paths.chain, &self.chain).unwrap();
        fs::write(&paths.key, &self.key).unwrap();
        paths
    }
}
