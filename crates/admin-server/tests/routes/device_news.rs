use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use http::Method;
use sangam_control::{DeviceAdminError, DeviceNews, News, NewsKind, NewsWanted};
use serde_json::json;

use crate::fake_devices::Answered;
use crate::server::{From, Server};

/// Tells what it was asked, some more, and that something was missed.
pub(crate) struct FakeNews;

impl DeviceNews for FakeNews {
    fn follow(&self, wanted: NewsWanted) -> Answered<'_, BoxStream<'static, News>> {
        let refused = match wanted.device.as_deref() {
            Some("full") => Some(DeviceAdminError::LimitReached("enough".to_owned())),
            Some("gone") => Some(DeviceAdminError::NoDevice),
            _ => None,
        };
        let told = [
            News::Forgotten,
            News::Told { number: Some(7), kind: NewsKind::Event, data: json!(format!("{wanted:?}")) },
            News::Told { number: None, kind: NewsKind::Task, data: json!({ "text": "a\nb" }) },
            News::Missed(3),
        ];
        Box::pin(async { refused.map_or_else(|| Ok(stream::iter(told).boxed()), Err) })
    }
}

#[tokio::test]
async fn what_happens_is_told_with_the_number_behind_which_one_goes_on() {
    let server = Server::new();
    let headers = [("last-event-id", "6")];
    let path = "/api/v1/devices/events?kind=event,task&device=d";
    let answer = server.send(Method::GET, path, &From::Loopback, &headers).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "text/event-stream"));
    let asked = r#""NewsWanted { device: Some(\"d\"), kinds: [Event, Task], after: Some(6) }""#;
    let expected = format!(
        "event: forgotten\ndata: {{}}\n\nevent: event\ndata: {asked}\nid: 7\n\n\
         event: task\ndata: {{\"text\":\"a\\nb\"}}\n\nevent: missed\ndata: {{\"missed\":3}}\n\n"
    );
    assert_eq!(answer.body, expected);
}

#[tokio::test]
async fn who_cannot_be_told_hears_why() {
    let server = Server::new();
    for (query, last, status, code) in [
        ("kind=events", "1", 400, "query_invalid"),
        ("kind=event", "x", 400, "query_invalid"),
        ("device=full", "1", 503, "too_many_subscribers"),
        ("device=gone", "1", 404, "device_not_found"),
    ] {
        let path = format!("/api/v1/devices/events?{query}");
        let answer = server.send(Method::GET, &path, &From::Loopback, &[("last-event-id", last)]).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (status, &json!(code)), "{query}");
    }
    assert_eq!(server.get("/api/v1/devices/events", &From::Public).await.status, 401);
}
