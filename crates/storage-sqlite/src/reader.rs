use std::path::PathBuf;

use rusqlite::Connection;
use sangam_storage::StoreError;

use crate::SqliteOptions;
use crate::cache::Cache;
use crate::connection;
use crate::errors::Failure;

/// One connection that only reads, and what it has cached.
#[derive(Debug)]
pub(crate) struct Reader<C> {
    file: PathBuf,
    options: SqliteOptions,
    /// `None`: it failed, and is opened anew when it is needed.
    connection: Option<Connection>,
    cache: C,
}

impl<C: Cache> Reader<C> {
    pub(crate) fn open(file: PathBuf, options: SqliteOptions) -> Result<Self, StoreError> {
        let connection = Some(connection::open_reader(&file, &options)?);
        let cache = C::empty(&options);
        Ok(Self { file, options, connection, cache })
    }

    /// Reads in the transaction that is open, or begins one.
    pub(crate) fn read<T>(
        &mut self,
        read: impl FnOnce(&Connection, &mut C) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        if self.connection.is_none() {
            self.connection = Some(connection::open_reader(&self.file, &self.options)?);
        }
        let Some(connection) = &self.connection else { return Err(StoreError::Busy) };
        let cache = &mut self.cache;
        let all = || -> Result<T, Failure> {
            if connection.is_autocommit() {
                connection.prepare_cached("BEGIN")?.execute(())?;
            }
            read(connection, cache)
        };
        all().map_err(|failure| failure.while_reading(&self.file))
    }

    /// Ends the transaction, if there is one.
    pub(crate) fn end(&mut self) {
        let Some(connection) = &self.connection else { return };
        if connection.is_autocommit() {
            return;
        }
        let ended = connection.prepare_cached("COMMIT").and_then(|mut statement| statement.execute(()));
        if let Err(error) = ended {
            tracing::warn!(%error, file = %self.file.display(), "a reader could not end its transaction and is opened anew");
            self.connection = None;
        }
    }
}
