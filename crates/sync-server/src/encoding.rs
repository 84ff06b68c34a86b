use std::io::Write as _;
use std::sync::Arc;

use axum::body::HttpBody as _;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderValue, header};

use crate::packers::Packers;
use crate::service::Service;

/// How an answer is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Coding {
    Gzip,
    Zstd,
}

/// Smaller answers are not worth it: they fit into a packet or two.
const PACKED_BYTES_MIN: u64 = 1_024;

/// Larger answers would hold up the others on this thread: half a millisecond of work.
const INLINE_BYTES_MAX: usize = 64 << 10;

/// The fastest: most answers are packed for one request.
const ZSTD_LEVEL: i32 = 1;

/// Packs answers for who asks for it. Not for streams, whose events must not wait for each other.
pub(crate) async fn packed(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    let coding = Coding::wanted(request.headers());
    let mut response = next.run(request).await;
    if !service.options.compression || !response.status().is_success() {
        return response;
    }
    response.headers_mut().append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    let worth_it = response.body().size_hint().exact().is_some_and(|len| len >= PACKED_BYTES_MIN);
    match coding {
        Some(coding) if worth_it => pack(&service.packers, response, coding).await,
        _ => response,
    }
}

/// In the extensions of an answer whose bytes others are given too: packed once for all of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ForOthersToo;

async fn pack(packers: &Packers, response: Response, coding: Coding) -> Response {
    let (mut head, body) = response.into_parts();
    let for_others = head.extensions.remove::<ForOthersToo>().is_some();
    // One chunk that is there already: nothing is copied, and nothing can fail.
    let plain = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let kept = if for_others { packers.page(&plain, coding) } else { None };
    let packed = match kept {
        Some(packed) => Some(packed),
        None if plain.len() <= INLINE_BYTES_MAX => coding.pack(&plain),
        None => {
            let source = plain.clone();
            packers.run(move || coding.pack(&source)).await.flatten()
        }
    };
    let Some(packed) = packed.filter(|packed| packed.len() < plain.len()) else {
        return Response::from_parts(head, Body::from(plain));
    };
    if for_others {
        packers.keep(plain, coding, packed.clone());
    }
    head.headers.remove(header::CONTENT_LENGTH);
    head.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
    Response::from_parts(head, Body::from(packed))
}

impl Coding {
    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    fn pack(self, plain: &[u8]) -> Option<Bytes> {
        let packed = match self {
            Self::Gzip => {
                let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 2), Compression::fast());
                encoder.write_all(plain).and_then(|()| encoder.finish())
            }
            Self::Zstd => zstd::bulk::compress(plain, ZSTD_LEVEL),
        };
        packed.ok().map(Bytes::from)
    }

    /// What the client likes best of what we have (RFC 9110 §12.5.3); `None`: as it is. Of two it likes equally, the one that is
    /// smaller and faster.
    fn wanted(headers: &HeaderMap) -> Option<Self> {
        let weight = |names: &[&str]| weight(headers, names);
        let (gzip, zstd) = (weight(&["gzip", "x-gzip"]), weight(&["zstd"]));
        let (best, coding) = if zstd >= gzip { (zstd, Self::Zstd) } else { (gzip, Self::Gzip) };
        let plain = weight_named(headers, &["identity"]).unwrap_or_default();
        (best > 0 && best >= plain).then_some(coding)
    }
}

/// In thousandths; 0: not acceptable, or not named.
fn weight(headers: &HeaderMap, names: &[&str]) -> u16 {
    weight_named(headers, names).or_else(|| weight_named(headers, &["*"])).unwrap_or_default()
}

fn weight_named(headers: &HeaderMap, names: &[&str]) -> Option<u16> {
    let lines = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    let mut found = None;
    for item in lines.flat_map(|line| line.split(',')) {
        let mut parts = item.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        if names.iter().any(|known| name.eq_ignore_ascii_case(known)) {
            let q = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
            found = found.max(Some(q.map_or(1_000, thousandths)));
        }
    }
    found
}

/// RFC 9110 §12.4.2: 0 to 1 with at most three digits; what is neither counts as not acceptable.
fn thousandths(q: &str) -> u16 {
    q.trim().parse::<f32>().ok().filter(|q| (0.0..=1.0).contains(q)).map_or(0, |q| (q * 1_000.0).round() as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_is_given_what_it_likes_best() {
        for (accept, expected) in [
            ("", None),
            ("gzip", Some(Coding::Gzip)),
            ("x-gzip", Some(Coding::Gzip)),
            ("GZIP, zstd", Some(Coding::Zstd)),
            ("gzip;q=1.0, zstd;q=0.5", Some(Coding::Gzip)),
            ("gzip; q=0.3 , zstd ;q=0.9", Some(Coding::Zstd)),
            ("gzip;q=0", None),
            ("gzip;q=0, *", Some(Coding::Zstd)),
            ("*", Some(Coding::Zstd)),
            ("*;q=0", None),
            ("br, deflate", None),
            ("identity", None),
            ("identity;q=1, gzip;q=0.5", None),
            ("identity;q=0.5, gzip", Some(Coding::Gzip)),
            ("gzip;q=nonsense", None),
            ("gzip;q=7", None),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, accept.parse().unwrap())]);
            assert_eq!(Coding::wanted(&headers), expected, "{accept}");
        }
        assert_eq!(Coding::wanted(&HeaderMap::new()), None);
    }
}
