use std::io;
use std::path::Path;

use axum::body::Body;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use sangam_auth::digest::{Challenges, DigestClient, RequestLine};
use sangam_control::{DeviceAdminError, DeviceFile, DeviceFileFacts, DeviceOrder};
use sangam_device_server::{FileOptions, Options, Policy};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt as _;

use crate::rig::{Device, Rig, client, envelope, text_of};

const NAME: &str = "00D09E-Box-A1";
const CONTENT: &str = "0123456789";

struct Store {
    rig: Rig,
    dir: TempDir,
}

impl Store {
    fn new(files: FileOptions) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let files = FileOptions { dir: Some(dir.path().join("files")), ..files };
        let rig = Rig::with(Policy::SharedCredential, Options { files, ..Options::default() });
        Self { rig, dir }
    }

    async fn put(&self, name: &str, chunks: &[&'static str]) -> Result<DeviceFile, DeviceAdminError> {
        let chunks: Vec<_> = chunks.iter().map(|chunk| Ok(Bytes::from_static(chunk.as_bytes()))).collect();
        let files = self.rig.server.admin().files();
        files.put(name.to_owned(), DeviceFileFacts::default(), stream::iter(chunks).boxed()).await
    }

    /// Names in the directory.
    fn on_disk(&self) -> Vec<String> {
        names(&self.dir.path().join("files"))
    }

    async fn order(&self, kind: &str, payload: Value) -> Result<u64, DeviceAdminError> {
        let order = DeviceOrder {
            kind: kind.to_owned(),
            payload,
            priority: 0,
            not_before: None,
            expires: None,
            ordered_by: "operator".to_owned(),
            idempotency_key: None,
            call: false,
            wait: None,
        };
        self.rig.server.admin().order(NAME.to_owned(), order).await.map(|task| task.id)
    }

    /// What a device that is one of ours is told of the transfer that was ordered.
    async fn told(&self, device: &mut Device) -> Told {
        device.inform(&["2 PERIODIC"], &[]).await;
        Told::of(&device.post("").await.body)
    }

    async fn send(&self, request: http::request::Builder, body: Body) -> Got {
        let mut request = request.body(body).unwrap();
        request.extensions_mut().insert(client("192.0.2.7:40000".parse().unwrap()));
        let (parts, body) = self.rig.server.router().oneshot(request).await.unwrap().into_parts();
        let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Got { status: parts.status, headers: parts.headers, body }
    }
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

struct Told {
    url: String,
    user: String,
    password: String,
    size: String,
}

impl Told {
    fn of(asked: &str) -> Self {
        let text = |element: &str| text_of(asked, element).unwrap_or_default().to_owned();
        let (url, size) = (text("URL"), text("FileSize"));
        Self { url, user: text("Username"), password: text("Password"), size }
    }

    fn path(&self) -> &str {
        self.url.strip_prefix("http://acs.example:7547").unwrap()
    }

    fn basic(&self, method: Method) -> http::request::Builder {
        let login = format!("{}:{}", self.user, self.password);
        Request::builder()
            .method(method)
            .uri(self.path())
            .header(header::AUTHORIZATION, format!("Basic {}", base64(&login)))
    }
}

#[derive(Debug)]
struct Got {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Got {
    fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// RFC 4648 §4.
pub(crate) fn base64(text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |bits: u32, at: u32| char::from(ALPHABET[((bits >> at) & 63) as usize]);
    text.as_bytes()
        .chunks(3)
        .flat_map(|three| {
            let byte = |at: usize| u32::from(*three.get(at).unwrap_or(&0));
            let bits = (byte(0) << 16) | (byte(1) << 8) | byte(2);
            let third = if three.len() > 1 { digit(bits, 6) } else { '=' };
            [digit(bits, 18), digit(bits, 12), third, if three.len() > 2 { digit(bits, 0) } else { '=' }]
        })
        .collect()
}

async fn enrolled(rig: &Rig) -> Device {
    let mut device = Device::new(rig, "A1").with_login("factory", "factory-password");
    device.inform(&["0 BOOTSTRAP"], &[]).await;
    let asked = device.post("").await;
    let after = |name: &str| {
        let at = asked.body.find(&format!("ManagementServer.{name}</Name>")).unwrap();
        text_of(&asked.body[at..], "Value").unwrap().to_owned()
    };
    let own = Device::new(rig, "A1").with_login(&after("Username"), &after("Password"));
    let done = "<cwmp:SetParameterValuesResponse><Status>0</Status></cwmp:SetParameterValuesResponse>";
    device.post(&envelope(text_of(&asked.body, "cwmp:ID").unwrap(), done)).await;
    own
}

/// A store with a file, and a device that was told to fetch it.
async fn with_download(name: &str, files: FileOptions) -> (Store, Told) {
    let store = Store::new(files);
    store.put(name, &["01234", "56789"]).await.unwrap();
    // The device has to be known before anything is ordered of it.
    let mut device = enrolled(&store.rig).await;
    store.order("download", json!({"file_type": "1 Firmware Upgrade Image", "file": name})).await.unwrap();
    let told = store.told(&mut device).await;
    (store, told)
}

#[tokio::test]
async fn a_device_is_told_where_a_file_of_ours_is_and_fetches_it() {
    let (store, told) = with_download("fw 1.bin", FileOptions::default()).await;
    assert_eq!((told.url.as_str(), told.size.as_str()), ("http://acs.example:7547/files/fw%201.bin", "10"));
    let first = store.send(Request::get(told.path()), Body::empty()).await;
    assert_eq!(first.status, StatusCode::UNAUTHORIZED);
    let mut login = DigestClient::new(&told.user, &told.password);
    let challenges = first.headers.get_all(header::WWW_AUTHENTICATE).iter().map(|it| it.to_str().unwrap());
    login.challenged(&Challenges::parse(challenges)).unwrap();
    let line = login.authorize(RequestLine { method: "GET", target: told.path() }, [7; 16]).unwrap();
    let got = store.send(Request::get(told.path()).header(header::AUTHORIZATION, line), Body::empty()).await;
    assert_eq!((got.status, got.body.as_str()), (StatusCode::OK, CONTENT));
    // The SHA-256 of "0123456789", by another program.
    let etag = "\"84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882\"";
    assert_eq!((got.header(header::ETAG), got.header(header::CONTENT_LENGTH)), (etag, "10"));
}

#[tokio::test]
async fn a_part_of_a_file_is_answered_while_it_is_the_same_file() {
    let (store, told) = with_download("fw", FileOptions::default()).await;
    let get = async |range: &str, if_range: &str| {
        let mut request = told.basic(Method::GET).header(header::RANGE, range);
        if !if_range.is_empty() {
            request = request.header(header::IF_RANGE, if_range);
        }
        store.send(request, Body::empty()).await
    };
    let part = get("bytes=2-4", "").await;
    assert_eq!((part.status, part.body.as_str()), (StatusCode::PARTIAL_CONTENT, "234"));
    let about = (part.header(header::CONTENT_RANGE), part.header(header::CONTENT_LENGTH));
    assert_eq!(about, ("bytes 2-4/10", "3"));
    let etag = part.header(header::ETAG).to_owned();
    assert_eq!(get("bytes=7-", &etag).await.body, "789");
    let other = get("bytes=7-", "\"other\"").await;
    assert_eq!((other.status, other.body.as_str()), (StatusCode::OK, CONTENT));
    let behind = get("bytes=10-", "").await;
    assert_eq!(behind.status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!((behind.header(header::CONTENT_RANGE), behind.body.as_str()), ("bytes */10", ""));
    let head = store.send(told.basic(Method::HEAD), Body::empty()).await;
    assert_eq!((head.status, head.header(header::CONTENT_LENGTH), head.body.as_str()), (StatusCode::OK, "10", ""));
}

#[tokio::test]
async fn the_credentials_of_a_transfer_end_with_their_time_and_open_nothing_else() {
    let (store, told) = with_download("fw", FileOptions::default()).await;
    store.put("other", &["secret"]).await.unwrap();
    let login = told.basic(Method::GET);
    let other = login.uri("/files/other");
    assert_eq!(store.send(other, Body::empty()).await.status, StatusCode::NOT_FOUND);
    let bring = told.basic(Method::PUT).uri(format!("/files/upload/{}", told.user));
    assert_eq!(store.send(bring, Body::from("x")).await.status, StatusCode::FORBIDDEN);
    let wrong =
        Told { password: "guess".to_owned(), url: told.url.clone(), user: told.user.clone(), size: String::new() };
    assert_eq!(store.send(wrong.basic(Method::GET), Body::empty()).await.status, StatusCode::UNAUTHORIZED);
    store.rig.pass(3_599_000);
    assert_eq!(store.send(told.basic(Method::GET), Body::empty()).await.status, StatusCode::OK);
    store.rig.pass(1_000);
    let late = store.send(told.basic(Method::GET), Body::empty()).await;
    assert_eq!((late.status, late.body.as_str()), (StatusCode::UNAUTHORIZED, ""));
}

#[tokio::test]
async fn a_device_brings_the_file_that_was_ordered_and_no_more_than_may_be() {
    let store = Store::new(FileOptions { upload_bytes_max: 10, ..FileOptions::default() });
    let mut device = enrolled(&store.rig).await;
    store.order("upload", json!({"file_type": "1 Vendor Configuration File", "file": "backup"})).await.unwrap();
    let told = store.told(&mut device).await;
    assert!(told.path().starts_with("/files/upload/"), "{}", told.url);
    let long = store.send(told.basic(Method::PUT), Body::from("01234567890")).await;
    assert_eq!((long.status, store.on_disk()), (StatusCode::PAYLOAD_TOO_LARGE, vec![]));
    let brought = store.send(told.basic(Method::PUT), Body::from(CONTENT)).await;
    assert_eq!(brought.status, StatusCode::CREATED);
    let files = store.rig.server.admin().files().files(None, 10).await.unwrap().items;
    assert_eq!((files[0].name.as_str(), files[0].bytes, files[0].from_device), ("backup", 10, true));
    let fetch = told.basic(Method::GET).uri("/files/backup");
    assert_eq!(store.send(fetch, Body::empty()).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_file_takes_the_place_of_the_one_with_its_name_and_goes_when_it_is_deleted() {
    let store = Store::new(FileOptions::default());
    let first = store.put("fw", &["a"]).await.unwrap();
    let second = store.put("fw", &["bc"]).await.unwrap();
    assert_eq!(store.on_disk(), [second.id.to_string()]);
    assert!(second.id > first.id);
    let files = store.rig.server.admin().files();
    assert_eq!(files.files(None, 10).await.unwrap().items, [second]);
    files.remove("fw".to_owned()).await.unwrap();
    assert_eq!((store.on_disk(), files.remove("fw".to_owned()).await), (vec![], Err(DeviceAdminError::NoFile)));
    let order = store.order("download", json!({"file_type": "1 Firmware Upgrade Image", "file": "fw"}));
    enrolled(&store.rig).await;
    assert!(matches!(order.await, Err(DeviceAdminError::Invalid(_))));
}

#[tokio::test]
async fn of_a_file_that_is_not_taken_nothing_stays() {
    let bounds = FileOptions { file_bytes_max: 8, total_bytes_max: 12, files_max: 2, ..FileOptions::default() };
    let store = Store::new(bounds);
    let broken = stream::iter([Ok(Bytes::from_static(b"half")), Err(io::Error::other("gone"))]).boxed();
    let files = store.rig.server.admin().files();
    let broken = files.put("fw".to_owned(), DeviceFileFacts::default(), broken).await;
    assert!(matches!(broken, Err(DeviceAdminError::Invalid(_))), "{broken:?}");
    for name in ["../fw", "", ".", "a/b"] {
        assert!(matches!(store.put(name, &["x"]).await, Err(DeviceAdminError::Invalid(_))), "{name}");
    }
    assert!(matches!(store.put("fw", &["0123", "45678"]).await, Err(DeviceAdminError::TooLarge(_))));
    assert_eq!(store.on_disk(), [""; 0]);
    store.put("one", &["01234567"]).await.unwrap();
    assert!(matches!(store.put("two", &["01234"]).await, Err(DeviceAdminError::TooLarge(_))));
    store.put("one", &["76543210"]).await.unwrap();
    store.put("two", &["0123"]).await.unwrap();
    assert!(matches!(store.put("three", &[""]).await, Err(DeviceAdminError::TooLarge(_))));
    assert_eq!(store.on_disk().len(), 2);
}

#[tokio::test]
async fn what_a_crash_left_half_written_is_cleared_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["7.part", "7", "notes.txt"] {
        std::fs::write(dir.path().join(name), "x").unwrap();
    }
    let files = FileOptions { dir: Some(dir.path().to_owned()), ..FileOptions::default() };
    let _rig = Rig::with(Policy::Closed, Options { files, ..Options::default() });
    assert_eq!(names(dir.path()), ["notes.txt"]);
}

#[tokio::test]
async fn more_transfers_than_may_be_are_told_to_come_back() {
    let (store, told) = with_download("fw", FileOptions { transfers_max: 0, ..FileOptions::default() }).await;
    assert_eq!(store.send(told.basic(Method::GET), Body::empty()).await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(store.rig.counts("sangam_devices_refusals_total{reason=\"transfers_max\"} 1"));
}

#[tokio::test]
async fn the_login_of_a_transfer_ends_with_its_task() {
    let store = Store::new(FileOptions::default());
    let mut device = enrolled(&store.rig).await;
    store.order("upload", json!({"file_type": "1 Vendor Configuration File", "file": "backup"})).await.unwrap();
    device.inform(&["2 PERIODIC"], &[]).await;
    let asked = device.post("").await.body;
    let told = Told::of(&asked);
    assert_eq!(store.send(told.basic(Method::PUT), Body::from("one")).await.status, StatusCode::CREATED);
    let done = "<cwmp:UploadResponse><Status>0</Status><StartTime>0001-01-01T00:00:00Z</StartTime>\
        <CompleteTime>0001-01-01T00:00:00Z</CompleteTime></cwmp:UploadResponse>";
    device.post(&envelope(text_of(&asked, "cwmp:ID").unwrap(), done)).await;
    let again = store.send(told.basic(Method::PUT), Body::from("two")).await;
    assert_eq!(again.status, StatusCode::UNAUTHORIZED, "its task is done");
    let kept = store.rig.server.admin().files().files(None, 10).await.unwrap().items;
    assert_eq!(kept[0].bytes, 3);
}

#[tokio::test]
async fn the_login_of_a_transfer_whose_answer_was_lost_is_good_until_its_time() {
    let store = Store::new(FileOptions::default());
    store.put("fw", &[CONTENT]).await.unwrap();
    let mut device = enrolled(&store.rig).await;
    store.order("download", json!({"file_type": "1 Firmware Upgrade Image", "file": "fw"})).await.unwrap();
    let told = store.told(&mut device).await;
    device.inform(&["2 PERIODIC"], &[]).await;
    assert_eq!(store.rig.server.admin().task(1).await.unwrap().state, "unknown", "it may run");
    assert_eq!(store.send(told.basic(Method::GET), Body::empty()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_login_of_a_transfer_ends_when_its_device_is_blocked_or_removed() {
    for is_removed in [false, true] {
        let (store, told) = with_download("fw", FileOptions::default()).await;
        assert_eq!(store.send(told.basic(Method::GET), Body::empty()).await.status, StatusCode::OK);
        let admin = store.rig.server.admin();
        if is_removed {
            admin.remove(NAME.to_owned()).await.unwrap();
        } else {
            admin.set_state(NAME.to_owned(), "blocked".to_owned()).await.unwrap();
        }
        let refused = store.send(told.basic(Method::GET), Body::empty()).await;
        assert_eq!((refused.status, refused.body.as_str()), (StatusCode::UNAUTHORIZED, ""), "{is_removed}");
    }
}

#[tokio::test]
async fn what_is_brought_while_its_device_is_blocked_is_not_kept() {
    let store = Store::new(FileOptions::default());
    let mut device = enrolled(&store.rig).await;
    store.order("upload", json!({"file_type": "1 Vendor Configuration File", "file": "backup"})).await.unwrap();
    let told = store.told(&mut device).await;
    let (sender, chunks) = tokio::sync::mpsc::channel::<io::Result<Bytes>>(1);
    let chunks = stream::unfold(chunks, async |mut chunks| Some((chunks.recv().await?, chunks)));
    let mut bringing = std::pin::pin!(store.send(told.basic(Method::PUT), Body::from_stream(chunks)));
    sender.send(Ok(Bytes::from_static(b"half"))).await.unwrap();
    // It has written what came.
    let begun = async || futures_util::poll!(&mut bringing).is_pending() && store.on_disk().len() == 1;
    store.rig.until(begun).await;
    store.rig.server.admin().set_state(NAME.to_owned(), "blocked".to_owned()).await.unwrap();
    drop(sender);
    assert_eq!(bringing.await.status, StatusCode::FORBIDDEN);
    assert_eq!(store.on_disk(), [""; 0]);
}

#[tokio::test]
async fn what_began_to_be_brought_in_time_may_take_longer_than_its_login_is_good() {
    let store = Store::new(FileOptions::default());
    let mut device = enrolled(&store.rig).await;
    store.order("upload", json!({"file_type": "1 Vendor Configuration File", "file": "backup"})).await.unwrap();
    let told = store.told(&mut device).await;
    let (sender, chunks) = tokio::sync::mpsc::channel::<io::Result<Bytes>>(1);
    let chunks = stream::unfold(chunks, async |mut chunks| Some((chunks.recv().await?, chunks)));
    let mut bringing = std::pin::pin!(store.send(told.basic(Method::PUT), Body::from_stream(chunks)));
    sender.send(Ok(Bytes::from_static(b"half"))).await.unwrap();
    let begun = async || futures_util::poll!(&mut bringing).is_pending() && store.on_disk().len() == 1;
    store.rig.until(begun).await;
    store.rig.pass(3_600_000);
    drop(sender);
    assert_eq!(bringing.await.status, StatusCode::CREATED);
}

/// d292689: whoever sends a file may go at any moment.
#[tokio::test]
async fn a_file_whose_sender_goes_at_any_moment_is_whole_or_nothing_of_it_is_there() {
    let store = Store::new(FileOptions::default());
    for polls in 0..40 {
        {
            let name = format!("f{polls}");
            let mut putting = std::pin::pin!(store.put(&name, &["01234", "56789"]));
            for _ in 0..polls {
                if futures_util::poll!(&mut putting).is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        let fits = async || {
            let known = store.rig.server.admin().files().files(None, 1_000).await.unwrap().items;
            let mut ids: Vec<_> = known.iter().map(|file| file.id.to_string()).collect();
            ids.sort();
            ids == store.on_disk() && known.iter().all(|file| file.bytes == 10)
        };
        store.rig.until(fits).await;
    }
}
