use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sangam_testkit::Server;
use serde_json::{Value, json};
use sha1::Sha1;

use crate::certificate::Certificate;

/// A TURN server over UDP, of whatever make, that takes time-limited credentials made from a shared secret.
#[derive(Clone, Debug)]
pub struct TurnService {
    /// Where it listens.
    pub addr: SocketAddr,
    /// What the credentials are made from.
    pub secret: String,
}

/// Of no worth outside a test.
pub(crate) const SECRET: &str = "interop-secret-6f1d0b52c3a94e7788";

impl TurnService {
    /// Sangam with a secret of ours, and its relay.
    ///
    /// # Errors
    /// It does not start.
    pub fn sangam() -> Result<(Server, Self)> {
        let server = Server::builder().environment("TURN_AUTH_SECRET", SECRET).start()?;
        let service = Self { addr: server.listener("relay")?, secret: SECRET.to_owned() };
        Ok((server, service))
    }

    /// The same with these settings.
    ///
    /// # Errors
    /// It does not start.
    pub fn sangam_set(settings: &[(&str, &str)]) -> Result<(Server, Self)> {
        let builder = Server::builder().environment("TURN_AUTH_SECRET", SECRET);
        let server = settings.iter().fold(builder, |builder, (key, value)| builder.set(key, value)).start()?;
        let service = Self { addr: server.listener("relay")?, secret: SECRET.to_owned() };
        Ok((server, service))
    }

    /// The same, with clients that may move with their allocation.
    ///
    /// # Errors
    /// It does not start.
    pub fn sangam_mobile() -> Result<(Server, Self)> {
        let server = Server::builder().environment("TURN_AUTH_SECRET", SECRET).set("relay.mobility", "true").start()?;
        let service = Self { addr: server.listener("relay")?, secret: SECRET.to_owned() };
        Ok((server, service))
    }

    /// The same, listening at `ip` and relaying at the loopback address of either family. `listener`: `relay` (UDP) or
    /// `turn` (TCP).
    ///
    /// # Errors
    /// It does not start.
    pub fn sangam_at(ip: IpAddr, listener: &str) -> Result<(Server, Self)> {
        let server = Server::builder()
            .environment("TURN_AUTH_SECRET", SECRET)
            .set("relay.listen", &SocketAddr::new(ip, 0).to_string())
            .set("relay.relay_ip", "127.0.0.1,::1")
            .start()?;
        let service = Self { addr: server.listener(listener)?, secret: SECRET.to_owned() };
        Ok((server, service))
    }

    /// The same over the listener `turn` (TCP), or `turns` (TLS, with a certificate of its own).
    ///
    /// # Errors
    /// It does not start.
    pub fn sangam_over(listener: &str) -> Result<(Server, Self)> {
        let certificate = Certificate::make()?;
        Self::sangam_with(&certificate, listener)
    }

    /// The same with this certificate.
    ///
    /// # Errors
    /// It does not start.
    pub fn sangam_with(certificate: &Certificate, listener: &str) -> Result<(Server, Self)> {
        Self::sangam_watching(certificate, "0s", listener)
    }

    /// The same; it looks at the files of the certificate this often, `0s` for never.
    ///
    /// # Errors
    /// It does not start.
    pub fn sangam_watching(certificate: &Certificate, interval: &str, listener: &str) -> Result<(Server, Self)> {
        let server = Server::builder()
            .set("server.watch_interval", interval)
            // All clients of a test share an address, and coturn's tries old versions of TLS first, each a handshake.
            .set("tls.handshakes_burst", "10000")
            .environment("TURN_AUTH_SECRET", SECRET)
            .set("tls.certificate_file", &certificate.chain())
            .set("tls.key_file", &certificate.key())
            .start()?;
        let service = Self { addr: server.listener(listener)?, secret: SECRET.to_owned() };
        Ok((server, service))
    }

    /// A user name and its password, good for ten minutes: `expiry:name` and its HMAC-SHA1, as coturn's REST scheme
    /// has it. Made here and not by our own code, so that it is a second opinion on it.
    ///
    /// # Errors
    /// The clock stands before 1970.
    pub fn credentials(&self) -> Result<(String, String)> {
        self.credentials_for(Duration::from_secs(600))
    }

    /// The same, good for so long.
    ///
    /// # Errors
    /// As [`TurnService::credentials`].
    pub fn credentials_for(&self, time: Duration) -> Result<(String, String)> {
        let expiry = SystemTime::now().duration_since(UNIX_EPOCH)? + time;
        let username = format!("{}:interop", expiry.as_secs());
        let mut mac = Hmac::<Sha1>::new_from_slice(self.secret.as_bytes())?;
        mac.update(username.as_bytes());
        Ok((username, STANDARD.encode(mac.finalize().into_bytes())))
    }

    /// The same as a list of RTCIceServer dictionaries.
    ///
    /// # Errors
    /// As [`TurnService::credentials`].
    pub fn ice_servers(&self) -> Result<Value> {
        let (username, credential) = self.credentials()?;
        let url = format!("turn:{}?transport=udp", self.addr);
        Ok(json!([{ "urls": [url], "username": username, "credential": credential }]))
    }
}
