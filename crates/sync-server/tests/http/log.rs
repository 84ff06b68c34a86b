use std::io;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Method, header};
use sangam_auth::token::Use;
use sangam_sync_server::{Live, Options};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::side::{bearer, claims, get, live, mint, post, request, serve};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Lines {
    /// Takes every line of this thread, as `log.format = "json"` writes it.
    fn begin(&self) -> tracing::subscriber::DefaultGuard {
        let layer = tracing_subscriber::fmt::layer().json().flatten_event(true).with_current_span(false);
        let layer = layer.with_span_list(false).with_writer(self.clone());
        tracing::subscriber::set_default(tracing_subscriber::registry().with(layer))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn requests(&self) -> Vec<serde_json::Value> {
        let lines = self.text();
        let lines = lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        lines.filter(|line| line["target"] == "sangam_sync_server::access_log").collect()
    }
}

#[tokio::test]
async fn each_request_is_a_line_of_the_guides_fields() {
    let lines = Lines::default();
    let _logging = lines.begin();
    let side = serve(Options::default(), Live { log_requests: true, ..live() }).await;
    side.ask(get("/v1/stats?dbId=d", &bearer("d", None))).await;
    side.ask(post("/v1/push", "Bearer a.b.c", "")).await;
    side.ask(get(&format!("/v1/{}", "x".repeat(5_000)), "")).await;
    let told = lines.requests();
    for (line, level, method, path, status) in
        [(&told[0], "INFO", "GET", "/v1/stats", 200), (&told[1], "WARN", "POST", "/v1/push", 401)]
    {
        assert_eq!(line["level"], level);
        assert_eq!(line["method"], method);
        assert_eq!(line["path"], path);
        assert_eq!(line["status"], status);
        assert!(line["duration_ms"].is_u64() && line["timestamp"].is_string(), "{line}");
        assert_eq!(line.as_object().unwrap().len(), 7, "{line}");
    }
    assert_eq!(told.len(), 3);
    assert!(told[2]["path"].as_str().unwrap().len() <= 256, "a path is not logged without end");
}

#[tokio::test]
async fn a_server_that_is_told_to_logs_no_requests() {
    let lines = Lines::default();
    let _logging = lines.begin();
    let side = serve(Options::default(), live()).await;
    side.ask(get("/v1/stats", &bearer("d", None))).await;
    assert_eq!(lines.requests().len(), 0);
}

#[tokio::test]
async fn no_token_query_or_secret_is_ever_logged() {
    const CANARY: &str = "CanaryCanaryCanary";
    let lines = Lines::default();
    let _logging = lines.begin();
    let side = serve(Options::default(), Live { log_requests: true, ..live() }).await;
    let good = mint(Use::Sync, &claims(Some("d"), Some("a")));
    let signature = good.rsplit('.').next().unwrap();
    let mut asked = 0;
    for path in ["version", "handshake", "pull", "push", "events", "stream", "ws", "stats", "nothing"] {
        for token in [CANARY.to_owned(), format!("{CANARY}.{CANARY}.{CANARY}"), good.clone()] {
            for method in [Method::GET, Method::POST, Method::OPTIONS] {
                let path = format!("/v1/{path}?token={token}&access_token={token}&deviceId={CANARY}&dbId={CANARY}");
                let basic = STANDARD.encode(format!("{CANARY}:{token}"));
                for authorization in [format!("Bearer {token}"), format!("Basic {basic}"), format!("Token {token}")] {
                    let request = request(method.clone(), &path)
                        .header(header::AUTHORIZATION, authorization)
                        .header(header::CONTENT_TYPE, CANARY)
                        .header(header::ORIGIN, CANARY)
                        .header(header::COOKIE, CANARY)
                        .header("x-forwarded-for", CANARY);
                    side.ask(request.body(Body::from(format!("\u{a1}{CANARY}"))).unwrap()).await;
                    asked += 1;
                }
            }
        }
    }
    let text = lines.text();
    assert!(lines.requests().len() >= asked, "each was logged");
    for secret in [CANARY, &STANDARD.encode(CANARY)[..20], signature, crate::side::SECRET, "dbId"] {
        assert!(!text.contains(secret), "{secret} is in the log");
    }
}
