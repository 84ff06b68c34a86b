use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use clap::{Args, ValueEnum};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sangam_sync_proto::message::{Bounds, Message as _, PullRequest, PullResponse, PushRequest, PushResponse};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::http::{Answer, Connection};
use crate::operation::Operations;

/// Which server, and how to speak to it.
#[derive(Args, Clone, Debug)]
pub(crate) struct Target {
    /// Its address
    #[arg(long)]
    pub(crate) server: SocketAddr,
    /// Its process
    #[arg(long)]
    pub(crate) pid: u32,
    /// What it speaks
    #[arg(long, value_enum)]
    pub(crate) kind: Kind,
    /// The database
    #[arg(long, default_value = "bench")]
    pub(crate) db: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Our sync API
    Ours,
    /// CouchDB's API
    Couch,
}

impl Target {
    /// Headers of a request, for one replica.
    pub(crate) fn head(&self, method: &str, path: &str, device: &str) -> String {
        let common = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.server);
        match self.kind {
            Kind::Ours => format!(
                "{common}Authorization: Bearer {}\r\nContent-Type: application/cbor\r\nAccept: application/cbor\r\n",
                self.token(device)
            ),
            // Without it a compressing layer would hold back what a feed says.
            Kind::Couch => {
                format!(
                    "{common}Content-Type: application/json\r\nAccept: application/json\r\nAccept-Encoding: identity\r\n"
                )
            }
        }
    }

    /// A token of that replica for an hour.
    fn token(&self, device: &str) -> String {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs();
        let claims = json!({ "sub": device, "dbId": self.db, "deviceId": device, "exp": now + 3_600 });
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(json!({ "alg": "HS256", "typ": "JWT" })), part(claims));
        let mut mac = Hmac::<Sha256>::new_from_slice(secret().as_bytes()).expect("any length is a key");
        mac.update(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }
}

/// What tokens are signed with: not an argument, as others could read it.
fn secret() -> String {
    std::env::var("SANGAM_BENCH_SECRET").unwrap_or_default()
}

/// One replica with its connection.
pub(crate) struct Replica {
    connection: Connection,
    kind: Kind,
    db: String,
    device: String,
    push: String,
    pull: String,
    handshake: String,
    operations: Operations,
}

/// What a page held.
pub(crate) struct Pulled {
    pub(crate) operations: usize,
    pub(crate) next: u64,
    pub(crate) has_more: bool,
    pub(crate) bytes: usize,
}

impl Replica {
    pub(crate) async fn connect(target: &Target, device: &str) -> Result<Self> {
        let path = |ours: &str, couch: String| if target.kind == Kind::Ours { ours.to_owned() } else { couch };
        Ok(Self {
            connection: Connection::open(target.server).await?,
            kind: target.kind,
            db: target.db.clone(),
            device: device.to_owned(),
            push: target.head("POST", &path("/v1/push", format!("/{}/_bulk_docs", target.db)), device),
            pull: target.head("POST", "/v1/pull", device),
            handshake: target.head("POST", "/v1/handshake", device),
            operations: Operations::new(&target.db, device),
        })
    }

    /// Pushes new operations; when it returns the server has said that it keeps all of them.
    pub(crate) async fn push(&mut self, count: usize) -> Result<()> {
        match self.kind {
            Kind::Ours => self.push_ours(count).await,
            Kind::Couch => self.push_couch(count).await,
        }
    }

    async fn push_ours(&mut self, count: usize) -> Result<()> {
        let (ops, last) = self.operations.take(count);
        let request = PushRequest { db: self.db.as_str().into(), device: self.device.as_str().into(), ops };
        let body = self.connection.ask(&self.push, &request.encode()).await?.ok()?;
        let answer = PushResponse::decode(&body, &Bounds::default()).context("no answer to a push")?;
        ensure!(answer.acknowledged == last && answer.conflicts.is_empty(), "{answer:?} to a push up to {last}");
        Ok(())
    }

    async fn push_couch(&mut self, count: usize) -> Result<()> {
        use base64::engine::general_purpose::STANDARD;
        let (ops, _) = self.operations.take(count);
        let docs: Vec<_> = ops
            .iter()
            .map(|op| {
                let body = STANDARD.encode(op.body.as_deref().unwrap_or_default());
                json!({ "_id": format!("{}:{}", op.collection, op.entity), "v": op.version, "b": &body[..256] })
            })
            .collect();
        let body = self.connection.ask(&self.push, json!({ "docs": docs }).to_string().as_bytes()).await?.ok()?;
        let answers: Vec<Value> = serde_json::from_slice(&body)?;
        ensure!(answers.len() == count && answers.iter().all(|answer| answer["ok"] == true), "not all docs were kept");
        Ok(())
    }

    /// Reads one page after a cursor.
    pub(crate) async fn pull(&mut self, since: u64, limit: u64) -> Result<Pulled> {
        match self.kind {
            Kind::Ours => {
                let body = self.pull_ours(since, limit).await?;
                let (bytes, page) = (body.len(), decoded(&body)?);
                Ok(Pulled { operations: page.ops.len(), next: page.next, has_more: page.has_more, bytes })
            }
            Kind::Couch => self.pull_couch(since, limit).await,
        }
    }

    /// A page of ours, whole.
    pub(crate) async fn page(&mut self, since: u64, limit: u64) -> Result<PullResponse> {
        decoded(&self.pull_ours(since, limit).await?)
    }

    async fn pull_ours(&mut self, since: u64, limit: u64) -> Result<Bytes> {
        let request = PullRequest { db: self.db.as_str().into(), since, limit, collections: None, epoch: None };
        self.connection.ask(&self.pull, &request.encode()).await?.ok()
    }

    async fn pull_couch(&mut self, since: u64, limit: u64) -> Result<Pulled> {
        let path = format!("/{}/_changes?include_docs=true&since={since}&limit={limit}", self.db);
        let (_, rest) = self.push.split_once("\r\n").context("no head")?;
        let body = self.connection.ask(&format!("GET {path} HTTP/1.1\r\n{rest}"), b"").await?.ok()?;
        let answer: Value = serde_json::from_slice(&body)?;
        let operations = answer["results"].as_array().map_or(0, Vec::len);
        let next = answer["last_seq"].as_u64().context("no last_seq")?;
        Ok(Pulled { operations, next, has_more: operations as u64 == limit, bytes: body.len() })
    }

    /// Shakes hands, and asks for what is new: nothing.
    pub(crate) async fn cycle(&mut self, head: u64) -> Result<()> {
        use sangam_sync_proto::message::HandshakeRequest;
        let request = HandshakeRequest {
            db: self.db.as_str().into(),
            device: self.device.as_str().into(),
            platform: "bench".to_owned(),
            app_version: "1".to_owned(),
            metadata: None,
        };
        self.connection.ask(&self.handshake, &request.encode()).await?.ok()?;
        let body = self.pull_ours(head, 100).await?;
        ensure!(body.len() < 64, "something is new to an idle replica");
        Ok(())
    }
}

fn decoded(page: &Bytes) -> Result<PullResponse> {
    PullResponse::decode(page, &Bounds::default()).context("no answer to a pull")
}

/// Makes the database where that is needed.
pub(crate) async fn prepare(target: &Target) -> Result<()> {
    if target.kind == Kind::Couch {
        let head = target.head("PUT", &format!("/{}", target.db), "");
        let Answer { status, .. } = Connection::open(target.server).await?.ask(&head, b"").await?;
        ensure!(matches!(status, 201 | 412), "the database was not made: {status}");
    }
    Ok(())
}
