use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use http::{HeaderValue, header};

use super::answer::Unanswered;
use super::shared::Shared;
use crate::node::Command;

/// What a browser that comes here can go on to.
const LINKS: [(&str, &str); 14] = [
    ("/whoami", "this node's id"),
    ("/channels", "channels it takes part in"),
    ("/state", "what it knows of nodes and channels"),
    ("/webrtc/connections", "its links"),
    ("/webrtc/ice-metrics", "how links came to be, or did not"),
    ("/network/stats", "links with their quality, topics, size of the mesh"),
    ("/pubsub/stats", "topics"),
    ("/api/v1/node", "this node (from this machine, or with a token, as all that follows)"),
    ("/api/v1/links", "links with their addresses and figures"),
    ("/api/v1/peers", "peers and where they were seen"),
    ("/api/v1/topics", "topics and what became of their messages"),
    ("/api/v1/events", "what happens, as it happens"),
    ("/metrics", "metrics for Prometheus"),
    ("/ready", "whether its parts work"),
];

/// `GET /`: a page of links.
pub(super) async fn page(State(shared): State<Arc<Shared>>) -> Result<Response, Unanswered> {
    let us = shared.ask(Command::Us).await?;
    let mut rows = String::new();
    for (path, text) in LINKS {
        writeln!(rows, "<li><a href=\"{path}\"><code>{path}</code></a> {text}</li>")
            .expect("a String takes all that is written");
    }
    let channels = us.channels.iter().map(|channel| escaped(channel)).collect::<Vec<_>>().join(", ");
    let page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>Sangam node</title></head>\n<body><h1>Sangam node</h1>\n\
         <p>Id <code>{id}</code>, version {version}, channels {channels}.</p>\n<ul>\n{rows}</ul></body></html>\n",
        id = escaped(us.id.as_str()),
        version = shared.options.version,
    );
    let mut response = Html(page).into_response();
    let policy = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
