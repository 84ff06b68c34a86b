//! What a column holds that SQLite has no type for.

use bytes::Bytes;
use rusqlite::{ErrorCode, Params, Row};
use sangam_storage::devices::{Format, Login, Payload, Secret};

use crate::errors::Failure;

/// SQLite knows no numbers above this one; times and counts never come near it.
pub(super) fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// As [`int`], of what may be missing.
pub(super) fn maybe_int(number: Option<u64>) -> Option<i64> {
    number.map(int)
}

/// At most as many rows as one answer has.
pub(super) fn limited(limit: usize) -> usize {
    limit.min(sangam_storage::devices::LIMIT_MAX)
}

/// As a parameter.
pub(super) fn limit(limit: usize) -> i64 {
    i64::try_from(limited(limit)).unwrap_or(i64::MAX)
}

/// All 64 bits, whatever their sign is.
pub(super) fn bits(number: u64) -> i64 {
    number.cast_signed()
}

/// A row whose columns contradict what they are for.
pub(super) fn wrong(what: &str) -> Failure {
    Failure::Contradiction(format!("{what} cannot be what is stored for it"))
}

/// A column as text of its own.
pub(super) fn text(row: &Row<'_>, column: usize) -> Result<Box<str>, Failure> {
    Ok(row.get_ref(column)?.as_str().map_err(rusqlite::Error::from)?.into())
}

/// A column as text, if there is one.
pub(super) fn maybe_text(row: &Row<'_>, column: usize) -> Result<Option<Box<str>>, Failure> {
    let text = row.get_ref(column)?.as_str_or_null().map_err(rusqlite::Error::from)?;
    Ok(text.map(Into::into))
}

/// A column as bytes.
pub(super) fn blob(row: &Row<'_>, column: usize) -> Result<Bytes, Failure> {
    Ok(Bytes::copy_from_slice(row.get_ref(column)?.as_blob().map_err(rusqlite::Error::from)?))
}

/// A code by its table.
pub(super) fn code<T>(row: &Row<'_>, column: usize, of_code: fn(u8) -> Option<T>, what: &str) -> Result<T, Failure> {
    of_code(row.get(column)?).ok_or_else(|| wrong(what))
}

/// How a payload is written.
pub(super) fn format_code(payload: &Payload) -> u8 {
    match payload.format {
        Format::Json => 0,
        Format::Cbor => 1,
    }
}

/// A payload in two columns.
pub(super) fn payload(row: &Row<'_>, format: usize, bytes: usize) -> Result<Payload, Failure> {
    let format = match row.get::<_, u8>(format)? {
        0 => Format::Json,
        1 => Format::Cbor,
        _ => return Err(wrong("a payload's format")),
    };
    Ok(Payload { format, bytes: blob(row, bytes)? })
}

/// A login in two columns.
pub(super) fn login(row: &Row<'_>, user: usize) -> Result<Option<Login>, Failure> {
    match (maybe_text(row, user)?, maybe_text(row, user + 1)?) {
        (Some(user), Some(secret)) => {
            Ok(Some(Login { user, secret: Secret::new(secret).ok_or_else(|| wrong("a secret"))? }))
        }
        _ => Ok(None),
    }
}

/// Texts as a CBOR array; none of no texts.
pub(super) fn texts_encoded(texts: &[Box<str>]) -> Result<Option<Vec<u8>>, Failure> {
    if texts.is_empty() {
        return Ok(None);
    }
    let texts: Vec<&str> = texts.iter().map(|text| &**text).collect();
    minicbor::to_vec(texts).map(Some).map_err(|_| wrong("a list"))
}

/// What [`texts_encoded`] was given.
pub(super) fn texts(row: &Row<'_>, column: usize) -> Result<Vec<Box<str>>, Failure> {
    let Some(bytes) = row.get_ref(column)?.as_blob_or_null().map_err(rusqlite::Error::from)? else {
        return Ok(Vec::new());
    };
    let texts: Vec<&str> = minicbor::decode(bytes).map_err(|_| wrong("a list"))?;
    Ok(texts.into_iter().map(Into::into).collect())
}

/// Whether a statement that writes one row wrote it; `false` as well if another row stands in its way.
pub(super) fn wrote(result: rusqlite::Result<usize>) -> Result<bool, Failure> {
    match result {
        Ok(rows) => Ok(rows > 0),
        Err(rusqlite::Error::SqliteFailure(failure, _)) if failure.code == ErrorCode::ConstraintViolation => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The first row of an answer.
pub(super) fn one<T>(
    connection: &rusqlite::Connection,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> Result<T, Failure>,
) -> Result<Option<T>, Failure> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    rows.next()?.map(read).transpose()
}

/// All rows of an answer.
pub(super) fn many<T>(
    connection: &rusqlite::Connection,
    sql: &str,
    params: impl Params,
    mut read: impl FnMut(&Row<'_>) -> Result<T, Failure>,
) -> Result<Vec<T>, Failure> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(read(row)?);
    }
    Ok(all)
}
