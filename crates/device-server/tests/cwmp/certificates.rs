//! Devices that prove who they are by a certificate, over real TLS.

use std::net::SocketAddr;
use std::sync::Arc;

use http::StatusCode;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use sangam_device_server::Policy;
use sangam_net::http::{HttpOptions, serve};
use sangam_net::{
    CertificatePaths, CertificateStore, ClientAuthorities, FrontOptions, FrontRules, LiveRules, TcpFront, Tls,
    TlsFront, TlsOptions,
};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

use crate::rig::{Rig, inform};

/// Issues certificates.
struct Authority(CertifiedIssuer<'static, KeyPair>);

/// What a client shows: its certificate and its key.
type Pair = (CertificateDer<'static>, PrivateKeyDer<'static>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> String {
        self.0.as_ref().pem()
    }

    fn issues(&self, name: &str) -> Pair {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (certificate.der().clone(), PrivatePkcs8KeyDer::from(key.serialize_der()).into())
    }
}

/// A server over TLS that asks for certificates of one authority.
struct Door {
    rig: Rig,
    addr: SocketAddr,
    authority: Authority,
    own: CertificateDer<'static>,
    stop: CancellationToken,
    _files: TempDir,
}

impl Drop for Door {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn door(policy: Policy) -> Door {
    let (rig, authority, files) = (Rig::start(policy), Authority::new(), tempfile::tempdir().unwrap());
    let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let path = |name: &str| files.path().join(name);
    std::fs::write(path("chain.pem"), own.cert.pem()).unwrap();
    std::fs::write(path("key.pem"), own.signing_key.serialize_pem()).unwrap();
    std::fs::write(path("ca.pem"), authority.pem()).unwrap();
    let paths = CertificatePaths { chain: path("chain.pem"), key: path("key.pem") };
    let plain = TlsFront::new(CertificateStore::load(paths).unwrap(), TlsOptions::http()).unwrap();
    let tls = plain.asking_clients(&ClientAuthorities::load(&path("ca.pem")).unwrap()).unwrap();
    let rules = LiveRules::new(FrontRules::default());
    let front = TcpFront::bind("127.0.0.1:0".parse().unwrap(), Tls::On(tls), FrontOptions::default(), rules).unwrap();
    let (addr, stop) = (front.local_addr(), CancellationToken::new());
    tokio::spawn(serve(front, rig.server.router(), HttpOptions::default(), stop.clone()));
    Door { rig, addr, authority, own: own.cert.der().clone(), stop, _files: files }
}

impl Door {
    /// The status that an Inform of A1 is answered with, and the answer's head; an error if there is no answer.
    async fn informs(&self, shown: Option<Pair>) -> std::io::Result<(StatusCode, String)> {
        let mut roots = RootCertStore::empty();
        roots.add(self.own.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_root_certificates(roots);
        let config = match shown {
            Some((certificate, key)) => config.with_client_auth_cert(vec![certificate], key).unwrap(),
            None => config.with_no_client_auth(),
        };
        let stream = TcpStream::connect(self.addr).await?;
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        let body = inform("A1", &["0 BOOTSTRAP"], &[]);
        let head = format!(
            "POST /acs HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        let answer = String::from_utf8(answer).unwrap();
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| std::io::Error::other("no answer"))?;
        Ok((status, answer))
    }

    fn counts(&self, outcome: &str) -> bool {
        self.rig.counts(&format!("sangam_devices_certificates_total{{outcome=\"{outcome}\"}} 1"))
    }
}

#[tokio::test]
async fn a_device_that_its_certificate_names_is_enrolled_and_served_without_a_password() {
    for name in ["00D09E-Box-A1", "00D09E-A1"] {
        let door = door(Policy::Closed);
        let shown = door.authority.issues(name);
        let (status, answer) = door.informs(Some(shown)).await.unwrap();
        assert_eq!(status, StatusCode::OK, "{answer}");
        assert!(answer.contains("InformResponse"), "{answer}");
        assert!(door.counts("proven") && door.rig.counts("sangam_devices_enrolled_total 1"));
        let device = door.rig.server.admin().device("00D09E-Box-A1".to_owned()).await.unwrap();
        assert_eq!((device.state, device.has_own_login), ("enrolled", false));
    }
}

#[tokio::test]
async fn a_certificate_of_another_authority_ends_the_handshake() {
    let door = door(Policy::Open);
    let shown = Authority::new().issues("00D09E-Box-A1");
    assert!(door.informs(Some(shown)).await.is_err());
    assert!(door.rig.server.admin().device("00D09E-Box-A1".to_owned()).await.is_err(), "nobody came");
}

#[tokio::test]
async fn a_certificate_of_another_device_is_refused_and_counted_also_where_everybody_is_enrolled() {
    let door = door(Policy::Open);
    let shown = door.authority.issues("00D09E-Box-A2");
    assert_eq!(door.informs(Some(shown)).await.unwrap().0, StatusCode::FORBIDDEN);
    assert!(door.counts("another_device"));
    assert!(door.rig.server.admin().device("00D09E-Box-A1".to_owned()).await.is_err(), "it is not one of ours");
}

#[tokio::test]
async fn who_shows_no_certificate_or_one_that_many_have_is_asked_to_log_in() {
    let door = door(Policy::SharedCredential);
    for shown in [None, Some(door.authority.issues("00D09E-Box"))] {
        let (status, answer) = door.informs(shown).await.unwrap();
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        let answer = answer.to_lowercase();
        assert!(answer.contains("www-authenticate: digest") && answer.contains("www-authenticate: basic"), "{answer}");
    }
    assert!(door.counts("names_nobody"));
}
