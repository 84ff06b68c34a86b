use std::fs::File;
use std::io::{Read, stdin};
use std::path::Path;

use anyhow::{Context as _, bail};
use secrecy::SecretString;

/// A secret that somebody gives a command: by file, by standard input, by environment, never by an argument.
pub(crate) struct Given {
    what: &'static str,
    variable: &'static str,
}

/// Longer than any token, password or secret.
const BYTES_MAX: u64 = 64 * 1_024;

impl Given {
    pub(crate) const PASSWORD: Self = Self { what: "password", variable: "SANGAM_PROBE_PASSWORD" };
    pub(crate) const SECRET: Self = Self { what: "secret", variable: "SANGAM_PROBE_SECRET" };
    pub(crate) const TOKEN: Self = Self { what: "token", variable: "SANGAM_PROBE_TOKEN" };
    /// What CONNECT of Socket.IO is sent.
    pub(crate) const AUTH: Self = Self { what: "auth", variable: "SANGAM_PROBE_AUTH" };
    /// For every client of a fleet.
    pub(crate) const SIMULATE_TOKEN: Self = Self { what: "token", variable: "SANGAM_SIMULATE_TOKEN" };
    /// Of the tokens that devices of a fleet get.
    pub(crate) const SIMULATE_SECRET: Self = Self { what: "secret", variable: "SANGAM_SIMULATE_SECRET" };
    /// Of the login that devices of a fleet have from the factory.
    pub(crate) const SIMULATE_PASSWORD: Self = Self { what: "password", variable: "SANGAM_SIMULATE_PASSWORD" };
    /// STUN and TURN servers with their credentials, for every node of a fleet.
    pub(crate) const SIMULATE_ICE_SERVERS: Self =
        Self { what: "ICE server list", variable: "SANGAM_SIMULATE_ICE_SERVERS" };
    /// For the administration API of a server of ours.
    pub(crate) const API_TOKEN: Self = Self { what: "token", variable: "SANGAM_API_TOKEN" };

    /// The first line of the file (`-`: standard input), or the variable, or nothing.
    pub(crate) fn read(&self, file: Option<&Path>) -> anyhow::Result<Option<SecretString>> {
        let text = self.text(file)?;
        text.map(|text| self.not_empty(text.lines().next().unwrap_or_default())).transpose()
    }

    /// All of it, not only its first line.
    pub(crate) fn read_whole(&self, file: Option<&Path>) -> anyhow::Result<Option<SecretString>> {
        self.text(file)?.map(|text| self.not_empty(&text)).transpose()
    }

    fn text(&self, file: Option<&Path>) -> anyhow::Result<Option<String>> {
        Ok(match file {
            None => std::env::var(self.variable).ok(),
            Some(path) if path == Path::new("-") => Some(self.first_of(stdin(), "standard input")?),
            Some(path) => {
                let name = path.display().to_string();
                let file = File::open(path).with_context(|| format!("the {} file {name} cannot be read", self.what))?;
                Some(self.first_of(file, &name)?)
            }
        })
    }

    fn not_empty(&self, text: &str) -> anyhow::Result<SecretString> {
        let text = text.trim();
        if text.is_empty() {
            bail!("the {} is empty: look at what it was read from", self.what);
        }
        Ok(text.to_owned().into())
    }

    fn first_of(&self, source: impl Read, name: &str) -> anyhow::Result<String> {
        let mut text = String::new();
        let read = source.take(BYTES_MAX).read_to_string(&mut text);
        read.with_context(|| format!("no {} could be read from {name}", self.what))?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_of_a_file_is_the_secret() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        std::fs::write(&path, "s3cret \nnote\n").unwrap();
        let secret = Given::SECRET.read(Some(&path)).unwrap().unwrap();
        assert_eq!(secrecy::ExposeSecret::expose_secret(&secret), "s3cret");
        std::fs::write(&path, "\n").unwrap();
        assert!(Given::SECRET.read(Some(&path)).unwrap_err().to_string().contains("empty"));
        let absent = Given::SECRET.read(Some(&dir.path().join("absent"))).unwrap_err();
        assert!(absent.to_string().contains("absent cannot be read"), "{absent}");
    }
}
