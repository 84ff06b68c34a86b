use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use sangam_testkit::{Program, WAIT_MAX};
use tempfile::TempDir;

/// A certificate that nobody signed, and its key, in files.
#[derive(Debug)]
pub struct Certificate {
    dir: TempDir,
    names: Vec<String>,
}

impl Certificate {
    /// Makes one for `localhost` and the IPv4 loopback address.
    ///
    /// # Errors
    /// The files cannot be written.
    pub fn make() -> Result<Self> {
        Self::make_for(&["localhost", "127.0.0.1"])
    }

    /// Makes one for these names and addresses.
    ///
    /// # Errors
    /// The files cannot be written.
    pub fn make_for(names: &[&str]) -> Result<Self> {
        let names = names.iter().map(ToString::to_string).collect();
        let certificate = Self { dir: tempfile::tempdir()?, names };
        certificate.renew()?;
        Ok(certificate)
    }

    /// Puts another one in its place.
    ///
    /// # Errors
    /// The files cannot be written.
    pub fn renew(&self) -> Result<()> {
        let pair = rcgen::generate_simple_self_signed(self.names.clone())?;
        std::fs::write(self.chain_path(), pair.cert.pem())?;
        std::fs::write(self.key_path(), pair.signing_key.serialize_pem())?;
        Ok(())
    }

    /// The file with the certificate.
    #[must_use]
    pub fn chain(&self) -> String {
        self.chain_path().display().to_string()
    }

    /// The file with the key.
    #[must_use]
    pub fn key(&self) -> String {
        self.key_path().display().to_string()
    }

    /// A home directory in which browsers trust it: with a certificate store of NSS.
    ///
    /// # Errors
    /// `certutil` of libnss3-tools is not installed or fails.
    pub fn trusting_home(&self) -> Result<String> {
        let store = self.dir.path().join(".pki/nssdb");
        std::fs::create_dir_all(&store)?;
        let store = format!("sql:{}", store.display());
        let chain = self.chain();
        for words in [&["-N", "--empty-password"][..], &["-A", "-t", "CP,,", "-n", "interop", "-i", &chain]] {
            let ended = Program::start(Command::new("certutil").args(["-d", &store]).args(words))?.wait(WAIT_MAX)?;
            ended.status.success().then_some(()).with_context(|| format!("certutil said:\n{}", ended.output))?;
        }
        Ok(self.dir.path().display().to_string())
    }

    fn chain_path(&self) -> PathBuf {
        self.dir.path().join("chain.pem")
    }

    fn key_path(&self) -> PathBuf {
        self.dir.path().join("key.pem")
    }
}

/// An authority that nobody knows, and its certificate in a file.
#[derive(Debug)]
pub struct Authority {
    dir: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Makes one.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn make() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate()?;
        std::fs::write(dir.path().join("authority.pem"), params.self_signed(&key)?.pem())?;
        Ok(Self { dir, issuer: Issuer::new(params, key) })
    }

    /// The file with its certificate.
    #[must_use]
    pub fn file(&self) -> String {
        self.dir.path().join("authority.pem").display().to_string()
    }

    /// Makes a certificate for these names and addresses.
    ///
    /// # Errors
    /// The files cannot be written.
    pub fn certify(&self, names: &[&str]) -> Result<Certificate> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let key = KeyPair::generate()?;
        let signed = CertificateParams::new(names.clone())?.signed_by(&key, &self.issuer)?;
        let certificate = Certificate { dir: tempfile::tempdir()?, names };
        std::fs::write(certificate.chain_path(), signed.pem())?;
        std::fs::write(certificate.key_path(), key.serialize_pem())?;
        Ok(certificate)
    }
}
