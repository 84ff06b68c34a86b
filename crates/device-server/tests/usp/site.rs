use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use sangam_control::{DeviceFilter, DeviceOrder, DeviceTask, ManagedDevice};
use sangam_device_server::{Credentials, EnrolRules, Live, Login, Options, Policy, Secret, UspOptions};
use sangam_net::ClientCertificate;
use sangam_net::http::Scheme;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use crate::rig::{Rig, client};

/// A server that listens.
pub(crate) struct Site {
    pub(crate) rig: Rig,
    pub(crate) addr: SocketAddr,
    listening: AbortOnDropHandle<()>,
}

impl Site {
    pub(crate) async fn start(policy: Policy) -> Self {
        Self::with(policy, UspOptions::default()).await
    }

    pub(crate) async fn with(policy: Policy, usp: UspOptions) -> Self {
        Self::of(Rig::with(policy, Options { usp, ..Options::default() }), Scheme::Https).await
    }

    pub(crate) async fn of(rig: Rig, scheme: Scheme) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        // A proxy of ours that has seen a certificate would say so in a header like this one.
        let known = move |mut request: Request, next: Next| async move {
            if let Some(name) = request.headers().get("x-certificate-uri").and_then(|it| it.to_str().ok()) {
                let certificate = ClientCertificate { common_name: None, uris: vec![name.into()] };
                request.extensions_mut().insert(Arc::new(certificate));
            }
            let mut client = client("192.0.2.7:40000".parse().unwrap());
            client.scheme = scheme;
            request.extensions_mut().insert(client);
            next.run(request).await
        };
        let router = rig.server.router().layer(from_fn(known));
        let serving = async move { axum::serve(listener, router).await.unwrap() };
        let listening = AbortOnDropHandle::new(tokio::spawn(serving));
        Self { rig, addr, listening }
    }

    /// The same store under another server.
    pub(crate) async fn restarted(self, policy: Policy) -> Self {
        let Self { rig, listening, .. } = self;
        drop(listening);
        Self::of(rig.restarted(policy).await, Scheme::Https).await
    }

    /// The same store under another server, though nobody told this one that it ends.
    pub(crate) async fn killed(self, policy: Policy) -> Self {
        let Self { rig, listening, .. } = self;
        drop(listening);
        Self::of(rig.killed(policy).await, Scheme::Https).await
    }

    pub(crate) fn live(&self, enrol: EnrolRules, basic_without_tls: bool) {
        let shared = Login { user: "factory".into(), secret: Secret::new("factory-password").unwrap() };
        self.rig.server.reload(Live {
            enrol,
            credentials: Credentials::new(vec![shared]),
            basic_without_tls,
            periodic_interval: None,
        });
    }

    pub(crate) async fn device(&self, name: &str) -> ManagedDevice {
        self.rig.server.admin().device(name.to_owned()).await.unwrap()
    }

    pub(crate) async fn devices(&self) -> Vec<ManagedDevice> {
        let filter = DeviceFilter { limit: 100, ..DeviceFilter::default() };
        self.rig.server.admin().devices(filter).await.unwrap().items
    }

    pub(crate) async fn order(&self, name: &str, kind: &str, payload: Value) -> DeviceTask {
        self.rig.server.admin().order(name.to_owned(), order(kind, payload)).await.unwrap()
    }

    pub(crate) async fn task(&self, id: u64) -> DeviceTask {
        self.rig.server.admin().task(id).await.unwrap()
    }

    /// Waits until a task is in that state.
    pub(crate) async fn until_task(&self, id: u64, state: &str) -> DeviceTask {
        self.rig.until(async || self.task(id).await.state == state).await;
        self.task(id).await
    }

    /// Waits until something is counted.
    pub(crate) async fn until_counts(&self, line: &str) {
        self.rig.until(async || self.rig.counts(line)).await;
    }

    /// The value of a parameter, as it is known.
    pub(crate) async fn value(&self, name: &str, path: &str) -> Option<(String, &'static str)> {
        let all = self.rig.server.admin().parameters(name.to_owned(), path.to_owned(), None, 100).await.unwrap();
        all.items.into_iter().find(|it| it.path == path).map(|it| (it.value, it.kind))
    }

    /// What it told, the oldest first.
    pub(crate) async fn events(&self, name: &str) -> Vec<String> {
        let events = self.rig.server.admin().events(name.to_owned(), None, 100).await.unwrap();
        events.items.into_iter().rev().map(|event| event.kind).collect()
    }
}

pub(crate) fn order(kind: &str, payload: Value) -> DeviceOrder {
    DeviceOrder {
        kind: kind.to_owned(),
        payload,
        priority: 0,
        not_before: None,
        expires: None,
        ordered_by: "op".to_owned(),
        idempotency_key: None,
        call: true,
        wait: None,
    }
}
