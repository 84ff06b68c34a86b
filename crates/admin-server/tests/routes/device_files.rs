use futures_util::StreamExt as _;
use futures_util::future::{BoxFuture, FutureExt as _};
use http::Method;
use sangam_control::{DeviceAdminError, DeviceFile, DeviceFileFacts, DeviceFiles, DeviceList, FileBytes};
use sangam_types::Wall;

use crate::server::{Server, token};

/// Files that are counted and not kept.
pub(crate) struct FakeFiles;

type Answered<'a, T> = BoxFuture<'a, Result<T, DeviceAdminError>>;

impl DeviceFiles for FakeFiles {
    fn files(&self, _: Option<u64>, _: usize) -> Answered<'_, DeviceList<DeviceFile>> {
        async { Ok(DeviceList::default()) }.boxed()
    }

    fn put(&self, name: String, facts: DeviceFileFacts, bytes: FileBytes) -> Answered<'_, DeviceFile> {
        async move {
            let bytes = bytes.fold(0, async |sum, chunk| sum + chunk.map_or(0, |chunk| chunk.len() as u64)).await;
            let (kind, version) = (facts.kind, facts.version);
            let created_at = Wall::from_unix_secs(1_700_000_000);
            Ok(DeviceFile { id: 1, name, kind, version, bytes, sha256: String::new(), from_device: false, created_at })
        }
        .boxed()
    }

    fn remove(&self, _: String) -> Answered<'_, ()> {
        async { Err(DeviceAdminError::NoFile) }.boxed()
    }
}

#[tokio::test]
async fn a_file_may_be_longer_than_other_bodies_and_needs_a_token_with_the_write_scope() {
    let server = Server::new();
    let body = "x".repeat(5 << 20);
    let path = "/api/v1/files/fw%201.bin?type=1%20Firmware%20Upgrade%20Image&version=2.1";
    let answer = server.send_body(Method::PUT, path, &token("admin:write"), &[], &body).await;
    let file = answer.json();
    assert_eq!(answer.status.as_u16(), 201, "{file}");
    assert_eq!((&file["name"], &file["bytes"]), (&"fw 1.bin".into(), &(5 << 20).into()));
    assert_eq!((&file["type"], &file["version"]), (&"1 Firmware Upgrade Image".into(), &"2.1".into()));
    let answer = server.send_body(Method::PUT, path, &token("admin:read"), &[], "x").await;
    assert_eq!(answer.status.as_u16(), 403);
    let answer = server.send_body(Method::DELETE, "/api/v1/files/none", &token("admin:write"), &[], "").await;
    assert_eq!(answer.status.as_u16(), 404);
}
