//! The API of a server, as an operator's program asks it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderValue, Method, Request};
use http_body_util::{BodyExt as _, Limited};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::time::timeout;

use super::acs::{Acs, Connection};
use super::post_body::PostBody;
use crate::connection::{FleetError, Trust};

pub(super) struct Api {
    server: Acs,
    token: HeaderValue,
    /// Connections that nobody uses now.
    idle: Mutex<Vec<Connection>>,
}

/// What it answered.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) status: u16,
    pub(super) body: Value,
}

/// Longer than the longest that the server is asked to wait.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
const ANSWER_BYTES_MAX: usize = 4 * 1_024 * 1_024;
const IDLE_MAX: usize = 256;
/// No device has this number.
const OPERATOR: u32 = u32::MAX;

impl Api {
    pub(super) async fn find(url: &str, token: &SecretString, trust: &Trust) -> Result<Self, FleetError> {
        let server = Acs::find(url, trust).await?;
        let mut token = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret().trim()))
            .map_err(|_| FleetError::Token)?;
        token.set_sensitive(true);
        Ok(Self { server, token, idle: Mutex::default() })
    }

    /// Asks once; `None`: nothing came back, and nobody knows whether it was done.
    pub(super) async fn ask(&self, method: Method, path: &str, body: Bytes, key: Option<&str>) -> Option<Told> {
        timeout(ANSWER_TIMEOUT, self.exchange(method, path, body, key)).await.ok().flatten()
    }

    pub(super) async fn get(&self, path: &str) -> Option<Told> {
        self.ask(Method::GET, path, Bytes::new(), None).await
    }

    async fn exchange(&self, method: Method, path: &str, body: Bytes, key: Option<&str>) -> Option<Told> {
        let mut connection = match self.taken() {
            Some(connection) => connection,
            None => self.server.connect(OPERATOR).await.ok()?,
        };
        let mut request = Request::new(PostBody::whole(body));
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().ok()?;
        let headers = request.headers_mut();
        headers.insert(HOST, self.server.authority.clone());
        headers.insert(AUTHORIZATION, self.token.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(key) = key {
            headers.insert("idempotency-key", HeaderValue::from_str(key).ok()?);
        }
        let response = connection.send(request).await.ok()?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await.ok()?.to_bytes();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push(connection);
        }
        Some(Told { status, body: serde_json::from_slice(&body).unwrap_or(Value::Null) })
    }

    fn taken(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        std::iter::from_fn(|| idle.pop()).find(|connection| !connection.is_closed())
    }
}
