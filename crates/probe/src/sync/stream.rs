//! A stream of events, as far as its first event.

use std::time::Instant;

use bytes::{Bytes, BytesMut};
use http::header::HOST;
use http::uri::PathAndQuery;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use crate::bounds::Bounds;
use crate::error::ProbeError;
use crate::fault::Fault;
use crate::finding::Finding;
use crate::http::{Answer, Url, fault};

/// No first event is longer.
const BYTES_MAX: usize = 64 * 1_024;

/// Opens it and reads to the first blank line; of a refusal, all there is.
pub(super) async fn first_event(
    url: &Url,
    headers: HeaderMap,
    bounds: Bounds<'_>,
) -> Result<Result<Answer, Fault>, ProbeError> {
    let stream = match url.dial(bounds).await? {
        Ok((stream, _)) => stream,
        Err(fault) => return Ok(Err(fault)),
    };
    let path = url.uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let mut request = Request::get(path);
    if let Some(authority) = url.uri.authority() {
        request = request.header(HOST, authority.as_str());
    }
    let mut request = request.body(Empty::<Bytes>::new()).expect("a parsed URL makes a request");
    request.headers_mut().extend(headers);
    let read = timeout(bounds.timeout, read(TokioIo::new(stream), request)).await;
    Ok(read.unwrap_or(Err(Fault::Silent)))
}

async fn read<S>(stream: S, request: Request<Empty<Bytes>>) -> Result<Answer, Fault>
where
    S: hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static,
{
    let began = Instant::now();
    let (mut sender, connection) = http1::handshake(stream).await.map_err(|error| fault(&error))?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(|error| fault(&error))?;
        let (head, mut body) = response.into_parts();
        let mut read = BytesMut::new();
        while !read.windows(2).any(|pair| pair == b"\n\n") && read.len() < BYTES_MAX {
            let Some(frame) = body.frame().await else { break };
            let frame = frame.map_err(|error| fault(&error))?;
            read.extend_from_slice(frame.data_ref().map(AsRef::as_ref).unwrap_or_default());
        }
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body: read.freeze(), took: began.elapsed() })
    };
    tokio::pin!(answer, connection);
    tokio::select! {
        answered = &mut answer => answered,
        ended = &mut connection => match ended {
            Ok(()) => answer.await,
            Err(error) => Err(fault(&error)),
        },
    }
}

/// Whether it is the event with which a stream begins.
pub(super) fn judge(first: &[u8]) -> Result<(), Finding> {
    let first = String::from_utf8_lossy(first);
    if first.lines().any(|line| line == "event: connected") {
        return Ok(());
    }
    let finding = Finding::failed("events", "the stream does not begin with the event `connected`");
    Err(finding
        .because("what answers is no sync server, or a proxy holds the stream back", "check the proxy's buffering"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_begins_with_connected() {
        assert_eq!(judge(b"event: connected\ndata: {\"cursor\":1}\n\n"), Ok(()));
        assert!(judge(b"event: ping\ndata: {}\n\n").is_err());
        assert!(judge(b"").is_err());
    }
}
