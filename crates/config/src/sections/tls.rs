//! `[tls]`: the certificate that every TLS listener shows.

use std::borrow::Cow;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::sections::Check;
use crate::values::HumanDuration;

/// The certificate that every TLS listener shows.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// The certificate chain, PEM, leaf first. A renewed pair is picked up, one that does not match leaves the old one in
    /// force. A server that started without a certificate takes its first one at the next start.
    #[schemars(extend("x-reload" = "live"))]
    pub certificate_file: Option<PathBuf>,
    /// The private key of the certificate, PEM, not encrypted.
    #[schemars(extend("x-reload" = "live"))]
    pub key_file: Option<PathBuf>,
    /// Authorities whose certificates devices may show, PEM; read at the start. The listeners of `devices.listen` ask for one then:
    /// a device whose certificate names it (`OUI-ProductClass-SerialNumber`, or its USP endpoint) is believed to be that device, and
    /// becomes ours at first contact. Whoever shows none logs in as without this.
    #[schemars(extend("x-reload" = "restart"))]
    pub client_ca_file: Option<PathBuf>,
    /// How long a handshake may take, waiting for its turn included.
    #[schemars(extend("x-reload" = "restart"))]
    pub handshake_timeout: HumanDuration,
    /// Handshakes under way at once; more wait for their turn.
    #[schemars(extend("x-reload" = "restart"))]
    pub handshakes_max: usize,
    /// Handshakes that one client address (IPv6: one /64) may begin per second in the long run.
    #[schemars(extend("x-reload" = "restart"))]
    pub handshakes_per_sec: u32,
    /// Handshakes that one client address may begin at once after a rest.
    #[schemars(extend("x-reload" = "restart"))]
    pub handshakes_burst: u32,
}

impl Default for Tls {
    fn default() -> Self {
        Self {
            certificate_file: None,
            key_file: None,
            client_ca_file: None,
            handshake_timeout: HumanDuration::from_secs(10),
            handshakes_max: 512,
            handshakes_per_sec: 50,
            handshakes_burst: 200,
        }
    }
}

impl Tls {
    pub(crate) fn validate(&self, check: &mut Check) {
        check.require(
            self.certificate_file.is_none() || self.key_file.is_some(),
            "certificate_file",
            "a certificate without its private key is of no use; set `tls.key_file` too",
        );
        check.require(
            self.key_file.is_none() || self.certificate_file.is_some(),
            "key_file",
            "a private key without its certificate is of no use; set `tls.certificate_file` too",
        );
        check.require(
            self.client_ca_file.is_none() || self.is_configured(),
            "client_ca_file",
            "devices show certificates where a server shows its own; set `tls.certificate_file` and `tls.key_file` too",
        );
        let (second, minute) = (HumanDuration::from_secs(1), HumanDuration::from_secs(60));
        check.within("handshake_timeout", self.handshake_timeout, second, minute);
        check.within("handshakes_max", self.handshakes_max, 1, 100_000);
        check.within("handshakes_per_sec", self.handshakes_per_sec, 1, 100_000);
        check.within("handshakes_burst", self.handshakes_burst, 1, 100_000);
    }

    /// Whether there is a certificate to show.
    #[must_use]
    pub fn is_configured(&self) -> bool {
        self.certificate_file.is_some() && self.key_file.is_some()
    }
}

/// Whether a TCP listener speaks TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TlsMode {
    /// Plain text only.
    Off,
    /// TLS only.
    On,
    /// The first byte of a connection decides.
    Auto,
}

impl TlsMode {
    /// As written in a configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::On => "on",
            Self::Auto => "auto",
        }
    }
}

impl JsonSchema for TlsMode {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "TlsMode".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": ["off", "on", "auto"] })
    }
}
