//! Certificates that clients show: who may issue them, and whom they name.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

use super::der::{Der, tag};
use super::files::read_bounded;
use super::{CertificateError, provider};

/// Those whose certificates are believed when clients show them.
#[derive(Clone, Debug)]
pub struct ClientAuthorities {
    roots: Arc<RootCertStore>,
    path: PathBuf,
}

impl ClientAuthorities {
    /// Reads their certificates, PEM.
    ///
    /// # Errors
    ///
    /// The file, the cause and the mend, in one sentence.
    pub fn load(path: &Path) -> Result<Self, CertificateError> {
        let pem = read_bounded(path)?;
        let chain_pem = |source| CertificateError::ChainPem { path: path.to_owned(), source };
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let added = roots.add(certificate.map_err(chain_pem)?);
            added.map_err(|source| CertificateError::Authority { path: path.to_owned(), source })?;
        }
        if roots.is_empty() {
            return Err(CertificateError::NoCertificate { path: path.to_owned() });
        }
        Ok(Self { roots: Arc::new(roots), path: path.to_owned() })
    }

    /// Asks clients for a certificate and lets in those that have none; a certificate of somebody else, or out of its time, ends the
    /// handshake.
    pub(crate) fn verifier(&self) -> Result<Arc<dyn ClientCertVerifier>, CertificateError> {
        let builder = WebPkiClientVerifier::builder_with_provider(Arc::clone(&self.roots), provider());
        builder
            .allow_unauthenticated()
            .build()
            .map_err(|source| CertificateError::Authorities { path: self.path.clone(), source })
    }
}

/// Whom a client's certificate names. The handshake has verified it, and that the client has its key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The common name of its subject; `None` if it has none, several, or one that is no plain text.
    pub common_name: Option<Box<str>>,
    /// The URIs among its alternative names (RFC 5280 §4.2.1.6), at most [`Self::URIS_MAX`].
    pub uris: Vec<Box<str>>,
}

impl ClientCertificate {
    /// More are left out.
    pub const URIS_MAX: usize = 16;

    /// 2.5.4.3
    const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
    /// 2.5.29.17
    const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 0x11];

    /// Reads a DER certificate; `None` if it is not one.
    ///
    /// ```text
    /// TBSCertificate SEQUENCE {
    ///     version [0] OPTIONAL, serialNumber INTEGER, signature SEQUENCE, issuer SEQUENCE, validity SEQUENCE,
    ///     subject SEQUENCE OF SET OF SEQUENCE { type OID, value },
    ///     subjectPublicKeyInfo SEQUENCE, [1] OPTIONAL, [2] OPTIONAL,
    ///     extensions [3] SEQUENCE OF SEQUENCE { id OID, critical BOOLEAN OPTIONAL, value OCTET STRING } OPTIONAL }
    /// ```
    #[must_use]
    pub fn of(certificate: &[u8]) -> Option<Self> {
        let mut certificate = Der(Der(certificate).expect(tag::SEQUENCE)?);
        let mut tbs = Der(certificate.expect(tag::SEQUENCE)?);
        if tbs.next_tag() == Some(tag::VERSION) {
            tbs.expect(tag::VERSION)?;
        }
        tbs.expect(tag::INTEGER)?;
        for _ in 0..3 {
            tbs.expect(tag::SEQUENCE)?;
        }
        let common_name = common_name(tbs.expect(tag::SEQUENCE)?)?;
        let mut uris = Vec::new();
        while let Some((kind, contents)) = tbs.next() {
            if kind == tag::EXTENSIONS {
                uris = alternative_uris(Der(contents).expect(tag::SEQUENCE)?)?;
            }
        }
        Some(Self { common_name, uris })
    }
}

fn common_name(subject: &[u8]) -> Option<Option<Box<str>>> {
    let mut names = Vec::new();
    let mut sets = Der(subject);
    while sets.next_tag().is_some() {
        let mut attributes = Der(sets.expect(tag::SET)?);
        while attributes.next_tag().is_some() {
            let mut attribute = Der(attributes.expect(tag::SEQUENCE)?);
            let id = attribute.expect(tag::OBJECT_ID)?;
            let (kind, value) = attribute.next()?;
            if id == ClientCertificate::COMMON_NAME {
                let is_text = [tag::UTF8_STRING, tag::PRINTABLE_STRING, tag::IA5_STRING].contains(&kind);
                names.push(Some(value).filter(|_| is_text).and_then(plain));
            }
        }
    }
    // Of several nobody knows which is meant.
    Some(if names.len() == 1 { names.pop().flatten() } else { None })
}

fn alternative_uris(extensions: &[u8]) -> Option<Vec<Box<str>>> {
    let mut uris = Vec::new();
    let mut extensions = Der(extensions);
    while extensions.next_tag().is_some() {
        let mut extension = Der(extensions.expect(tag::SEQUENCE)?);
        let id = extension.expect(tag::OBJECT_ID)?;
        if extension.next_tag() == Some(tag::BOOLEAN) {
            extension.expect(tag::BOOLEAN)?;
        }
        let value = extension.expect(tag::OCTET_STRING)?;
        if id == ClientCertificate::ALTERNATIVE_NAMES {
            let mut names = Der(Der(value).expect(tag::SEQUENCE)?);
            while names.next_tag().is_some() && uris.len() < ClientCertificate::URIS_MAX {
                let (kind, name) = names.next()?;
                uris.extend(Some(name).filter(|_| kind == tag::URI).and_then(plain));
            }
        }
    }
    Some(uris)
}

/// A text without control characters, which could make it look like another.
fn plain(bytes: &[u8]) -> Option<Box<str>> {
    let text = std::str::from_utf8(bytes).ok()?;
    (!text.is_empty() && !text.chars().any(char::is_control)).then(|| text.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    use super::*;

    fn der(names: &[&str], uris: &[&str]) -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["box.example".to_owned()]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "Maker");
        for name in names {
            params.distinguished_name.push(DnType::CommonName, *name);
        }
        let uris = uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap()));
        params.subject_alt_names.extend(uris);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn a_certificate_names_its_subject_and_its_uris() {
        let read = ClientCertificate::of(&der(&["00D09E-Box-A1"], &["urn:bbf:usp:id:os::A1", "https://x/"])).unwrap();
        assert_eq!(read.common_name.as_deref(), Some("00D09E-Box-A1"));
        assert_eq!(read.uris, ["urn:bbf:usp:id:os::A1".into(), "https://x/".into()]);
    }

    #[test]
    fn a_name_that_is_not_there_or_could_be_read_otherwise_is_none() {
        for name in [&[][..], &["00D09E-Box-A1\0-B"], &["00D09E-Box\n-A1"]] {
            let read = ClientCertificate::of(&der(name, &[])).unwrap();
            assert_eq!(read, ClientCertificate::default(), "{name:?}");
        }
    }

    #[test]
    fn no_more_uris_are_read_than_may() {
        let uris: Vec<String> = (0..40).map(|number| format!("urn:x:{number}")).collect();
        let uris: Vec<&str> = uris.iter().map(String::as_str).collect();
        assert_eq!(ClientCertificate::of(&der(&[], &uris)).unwrap().uris.len(), ClientCertificate::URIS_MAX);
    }

    #[test]
    fn a_file_without_an_authority_is_refused_with_its_name() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = ClientAuthorities::load(file.path()).unwrap_err();
        assert!(matches!(error, CertificateError::NoCertificate { .. }), "{error}");
        assert!(ClientAuthorities::load(Path::new("/nonexistent")).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(cut in 0usize..600, change in 0usize..600, to in any::<u8>()) {
            let mut bytes = der(&["00D09E-Box-A1"], &["urn:x"]);
            if let Some(byte) = bytes.get_mut(change) {
                *byte = to;
            }
            bytes.truncate(cut);
            let _: Option<ClientCertificate> = ClientCertificate::of(&bytes);
        }
    }
}
