use std::io::{BufReader, Read};

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use http::{HeaderMap, StatusCode, header};
use sangam_sync_proto::message::ErrorCode;

use crate::problem::Problem;

/// How a request's body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Gzip,
    Zstd,
}

/// The largest window a frame may ask for, as a power of two: 8 MiB (RFC 9659 §3).
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// Bytes that are unpacked at once.
const STEP_BYTES: usize = 32 << 10;

impl Coding {
    /// How the body is packed; `None`: not at all.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Option<Self>, Problem> {
        let mut lines = headers.get_all(header::CONTENT_ENCODING).iter();
        let Some(line) = lines.next() else { return Ok(None) };
        let word = line.as_bytes().trim_ascii().to_ascii_lowercase();
        match (word.as_slice(), lines.next()) {
            (b"identity" | b"", None) => Ok(None),
            (b"gzip" | b"x-gzip", None) => Ok(Some(Self::Gzip)),
            (b"zstd", None) => Ok(Some(Self::Zstd)),
            _ => {
                let message = "Unsupported Content-Encoding: send gzip, zstd or neither";
                let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
                Err(Problem::new(status, ErrorCode::NotSupported, "encoding_unsupported", message))
            }
        }
    }

    /// Unpacks a body. Stops as soon as more than `max` bytes come out, or `grow`, which is told how many there are so far, has no
    /// room for them.
    pub(crate) fn unpack(
        self,
        packed: &[u8],
        max: usize,
        grow: &mut dyn FnMut(usize) -> Result<(), Problem>,
    ) -> Result<Bytes, Problem> {
        match self {
            Self::Gzip => read(MultiGzDecoder::new(BufReader::new(packed)), max, grow),
            Self::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(packed).map_err(|_| broken())?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(|_| broken())?;
                read(decoder, max, grow)
            }
        }
    }
}

fn read(mut from: impl Read, max: usize, grow: &mut dyn FnMut(usize) -> Result<(), Problem>) -> Result<Bytes, Problem> {
    let mut unpacked = Vec::new();
    let mut step = vec![0; STEP_BYTES];
    loop {
        let len = from.read(&mut step).map_err(|_| broken())?;
        if len == 0 {
            return Ok(unpacked.into());
        }
        if unpacked.len() + len > max {
            return Err(Problem::too_large(max));
        }
        grow(unpacked.len() + len)?;
        unpacked.extend_from_slice(&step[..len]);
    }
}

fn broken() -> Problem {
    Problem::invalid("encoding_broken", "The request body is not what its Content-Encoding says")
}
