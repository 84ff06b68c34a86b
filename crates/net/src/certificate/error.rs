use std::io;
use std::path::PathBuf;

use rustls::pki_types::pem;

/// Why a certificate and its key cannot be used. Each message names the file, the cause and the mend; none shows
/// any of a key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// A file is missing.
    #[error("the TLS file {} does not exist: correct the path or put the file there", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A file may not be read.
    #[error("the TLS file {} may not be read: grant this user read access to it and to its directories", path.display())]
    PermissionDenied {
        /// The file.
        path: PathBuf,
    },
    /// A file cannot be read for another reason.
    #[error("the TLS file {} cannot be read: check that it is a file on a working disk", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file is far larger than certificates and keys are.
    #[error("the TLS file {} is larger than {bytes_max} bytes: it is no certificate chain or key; correct the path", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most that is read.
        bytes_max: u64,
    },
    /// The chain's PEM is damaged.
    #[error("the certificate file {} is damaged: copy it again, from BEGIN to END", path.display())]
    ChainPem {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: pem::Error,
    },
    /// The chain file holds no certificate.
    #[error("the certificate file {} holds no certificate: it must be PEM with a BEGIN CERTIFICATE line", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// A certificate of an authority is not one.
    #[error("a certificate in {} cannot be an authority's: copy those that issue the certificates of clients", path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: rustls::Error,
    },
    /// The authorities cannot be used.
    #[error("clients cannot be verified by the authorities in {}: copy those that issue their certificates", path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: rustls::server::VerifierBuilderError,
    },
    /// The first certificate is not one.
    #[error("the first certificate in {} is not a valid X.509 certificate: copy it again from its issuer", path.display())]
    NotX509 {
        /// The file.
        path: PathBuf,
    },
    /// The first certificate cannot be a server's.
    #[error("the first certificate in {} cannot be used: the server's own must come first, its issuers after it", path.display())]
    Leaf {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: rustls::Error,
    },
    /// The key's PEM is damaged or holds no key.
    #[error("the key file {} holds no usable private key: it must be PEM, not encrypted", path.display())]
    KeyPem {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: pem::Error,
    },
    /// The key is of a kind or size that TLS does not use.
    #[error("the private key in {} cannot be used: it must be ECDSA (P-256, P-384, P-521), Ed25519 or RSA from 2048 bits", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: rustls::Error,
    },
    /// The key is not the certificate's.
    #[error("the key {} does not belong to the certificate {}: use the pair that was issued together", key.display(), chain.display())]
    Mismatch {
        /// The certificate file.
        chain: PathBuf,
        /// The key file.
        key: PathBuf,
    },
}
