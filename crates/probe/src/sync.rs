//! Offline-first sync over HTTP: `/v1/version`, handshake, push, pull, and the stream of events. The messages are those of
//! `sangam-sync-proto`.

mod identity;
mod refusal;
mod stream;

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use sangam_sync_proto::message::{
    Bounds as MessageBounds, HandshakeRequest, HandshakeResponse, Message, PullRequest, PullResponse, PushRequest,
    PushResponse,
};
use sangam_sync_proto::{Kind, Name, Operation};
use secrecy::SecretString;
use serde::Serialize;

use self::identity::Identity;
use self::refusal::refused;
use crate::bounds::Bounds;
use crate::error::ProbeError;
use crate::fault::Fault;
use crate::finding::Finding;
use crate::http::{Answer, Url, ask_with, bearer, get};
use crate::report::{Measured, Report};
use crate::run::{Run, Step, Stop};

/// What to ask for.
#[derive(Clone, Debug, Default)]
pub struct SyncAsked {
    /// A token of sync.
    pub token: Option<SecretString>,
    /// The database, if the token names none.
    pub db: Option<String>,
    /// The device, if the token names none.
    pub device: Option<String>,
    /// Whether to push: nothing is written without it.
    pub write: bool,
}

/// How long each step took; absent if it was not reached.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SyncMeasured {
    /// In the order in which they were made.
    pub steps: Vec<Step>,
    /// Operations of the page that was pulled.
    pub pulled: Option<usize>,
}

/// Where `--write` pushes: the one entity of the device there.
const COLLECTION: &str = "_sangam_probe";
const PAGE: u64 = 10;

/// Goes through a cycle of a sync client.
///
/// # Errors
/// It could not run: no such URL, the name does not resolve, no database is named.
pub async fn sync(url: &str, asked: &SyncAsked, bounds: Bounds<'_>) -> Result<Report, ProbeError> {
    let base = Url::parse(url, ["http", "https"], "HTTP", "https://sync.example.org")?;
    let identity = Identity::of(asked)?;
    let mut headers = HeaderMap::new();
    if let Some(token) = &asked.token {
        headers.insert(AUTHORIZATION, bearer(token)?);
    }
    let caller = Caller { base, identity, headers, bounds };
    let mut run = Run::new(bounds);
    let mut pulled = None;
    if let Err(stop) = run.cycle(&caller, asked.write, &mut pulled).await {
        run.findings.push(stop.into_finding()?);
    }
    let measured = Measured::Sync(SyncMeasured { steps: run.steps, pulled });
    Ok(Report { probe: "sync", target: url.to_owned(), findings: run.findings, measured })
}

struct Caller<'a> {
    base: Url,
    identity: Identity,
    headers: HeaderMap,
    bounds: Bounds<'a>,
}

impl Run<'_> {
    async fn cycle(&mut self, caller: &Caller<'_>, write: bool, pulled: &mut Option<usize>) -> Result<(), Stop> {
        let said = format!("as device {} of {}: answered", caller.identity.device, caller.identity.db);
        self.timed("version", "version 1", caller.version()).await?;
        let welcome = self.timed("handshake", &said, caller.handshake()).await?;
        if write {
            let op = caller.operation();
            self.timed("push", "one operation is accepted", caller.push("push", &op)).await?;
            self.timed("push again", "it is known and acknowledged once more", caller.push("push again", &op)).await?;
        }
        let page = self.timed("pull", "a page", caller.pull()).await?;
        *pulled = Some(page.ops.len());
        if welcome.capabilities.sse {
            self.timed("events", "the stream stands", caller.events()).await?;
        } else {
            let off = Finding::warning("events", "the server offers no stream of events");
            self.findings.push(off.because("it is switched off there", "set `sync.sse.enabled`, if clients listen"));
        }
        Ok(())
    }
}

impl Caller<'_> {
    async fn version(&self) -> Result<(), Stop> {
        let answer = get(&self.base.at("/v1/version"), None, self.bounds).await?;
        let answer = answered("version", answer)?;
        let version = serde_json::from_slice::<serde_json::Value>(&answer.body).ok();
        let oldest = version.as_ref().and_then(|body| body["minSupported"].as_u64());
        match oldest {
            Some(oldest) if oldest <= 1 => Ok(()),
            Some(oldest) => Err(Finding::failed("version", format!("it speaks {oldest} and later, not 1"))
                .because("the server is newer than this probe", "use a later sangam")
                .into()),
            None => Err(Finding::failed("version", "the answer tells no version")
                .because("what answers is no sync server", "check the URL")
                .into()),
        }
    }

    async fn handshake(&self) -> Result<HandshakeResponse, Stop> {
        // It says itself that it has nothing: what the server remembers of a real device of this name is not asked for.
        let metadata = BTreeMap::from([("sinceCursor".to_owned(), "0".to_owned())]);
        let request = HandshakeRequest {
            db: self.identity.db.clone(),
            device: self.identity.device.clone(),
            platform: "sangam probe".to_owned(),
            app_version: env!("CARGO_PKG_VERSION").to_owned(),
            metadata: Some(metadata),
        };
        self.message("handshake", "/v1/handshake", &request).await
    }

    async fn push(&self, subject: &'static str, op: &Operation) -> Result<(), Stop> {
        let (db, device) = (self.identity.db.clone(), self.identity.device.clone());
        let request = PushRequest { db, device, ops: vec![op.clone()] };
        let answer: PushResponse = self.message(subject, "/v1/push", &request).await?;
        if answer.acknowledged == op.op_id && answer.conflicts.is_empty() {
            return Ok(());
        }
        let (acknowledged, conflicts) = (answer.acknowledged, answer.conflicts.len());
        let said = format!("acknowledged up to {acknowledged} instead of {}, {conflicts} conflicts", op.op_id);
        let (cause, mend) = if subject == "push" {
            ("this machine's clock is behind that of an earlier probe", "set the clock, and try again")
        } else {
            (
                "the server does not know what it has: a client whose answer was lost is in conflict with itself",
                "use a server that knows repetitions",
            )
        };
        Err(Finding::failed(subject, said).because(cause, mend).into())
    }

    async fn pull(&self) -> Result<PullResponse, Stop> {
        let db = self.identity.db.clone();
        let request = PullRequest { db, since: 0, limit: PAGE, collections: None, epoch: None };
        self.message("pull", "/v1/pull", &request).await
    }

    async fn events(&self) -> Result<(), Stop> {
        let url = self.base.with_path(&self.identity.events_path())?;
        let mut headers = self.headers.clone();
        headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        match stream::first_event(&url, headers, self.bounds).await? {
            Ok(answer) if answer.status == 200 => stream::judge(&answer.body).map_err(Stop::from),
            Ok(answer) => Err(refused("events", &answer).into()),
            Err(fault) => Err(unanswered("events", &fault).into()),
        }
    }

    async fn message<A: Message>(
        &self,
        subject: &'static str,
        path: &'static str,
        request: &impl Message,
    ) -> Result<A, Stop> {
        let mut headers = self.headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/cbor"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/cbor"));
        let body = Bytes::from(request.encode());
        let answer = ask_with(Method::POST, &self.base.at(path), headers, body, self.bounds).await?;
        let answer = answered(subject, answer)?;
        A::decode(&answer.body, &MessageBounds::default()).map_err(|error| {
            let said = format!("the answer cannot be read: {error}");
            Finding::failed(subject, said).because("what answers is no sync server", "check the URL").into()
        })
    }

    /// The device's one entity there, a millisecond newer each time: the log keeps one row of it.
    fn operation(&self) -> Operation {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now_ms = u64::try_from(now.as_millis()).unwrap_or_default();
        Operation {
            op_id: now_ms,
            db: self.identity.db.clone(),
            device: self.identity.device.clone(),
            collection: Name::from(COLLECTION),
            entity: self.identity.device.clone(),
            kind: Kind::Upsert,
            version: now_ms,
            // An array of one number of eight bytes.
            body: Some([&[0x81, 0x1b][..], &now_ms.to_be_bytes()].concat().into()),
            timestamp_ms: now_ms,
        }
    }
}

fn answered(subject: &str, answer: Result<Answer, Fault>) -> Result<Answer, Stop> {
    match answer {
        Ok(answer) if answer.status == 200 => Ok(answer),
        Ok(answer) => Err(refused(subject, &answer).into()),
        Err(fault) => Err(unanswered(subject, &fault).into()),
    }
}

fn unanswered(subject: &str, fault: &Fault) -> Finding {
    let (cause, mend) = fault.web_explanation();
    Finding::failed(subject, fault.to_string()).because(cause, mend)
}
