use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::Connection;
use sangam_storage::StoreError;

use crate::area::Area;
use crate::cache::Cache;
use crate::errors::{Failure, not_reopened};
use crate::lock::Lock;
use crate::{SqliteOptions, connection};

/// The one connection that writes, whatever is written.
#[derive(Debug)]
pub(crate) struct Frame<C: Cache> {
    file: PathBuf,
    options: SqliteOptions,
    area: &'static Area,
    /// `None`: it failed, and has not been opened anew yet.
    connection: Option<Connection>,
    cache: C,
    /// Whether the log of before is in the file. Until it is, nothing may be written, nor decided upon what it holds: a
    /// repetition of what is not on the disk must not be acknowledged either.
    is_restarted: bool,
    _lock: Arc<Lock>,
}

impl<C: Cache> Frame<C> {
    pub(crate) fn open(
        file: PathBuf,
        options: SqliteOptions,
        area: &'static Area,
        lock: Arc<Lock>,
    ) -> Result<Self, StoreError> {
        let cache = C::empty(&options);
        let mut frame = Self { file, options, area, connection: None, cache, is_restarted: false, _lock: lock };
        frame.open_anew()?;
        Ok(frame)
    }

    /// Opens the connection anew; nothing that was cached is believed.
    pub(crate) fn open_anew(&mut self) -> Result<(), StoreError> {
        self.connection = None;
        self.cache = C::empty(&self.options);
        let (opened, is_restarted) = connection::open_writer(&self.file, &self.options, &self.area.steps)?;
        self.connection = Some(opened);
        self.is_restarted = is_restarted;
        Ok(())
    }

    /// Asks something on which nothing is decided, also of a disk that is full.
    pub(crate) fn look<T>(&mut self, ask: impl FnOnce(&Connection) -> Result<T, Failure>) -> Result<T, StoreError> {
        let Some(connection) = &self.connection else { return Err(not_reopened(&self.file)) };
        ask(connection).map_err(|failure| {
            self.connection = None;
            failure.while_reading(&self.file)
        })
    }

    /// Reads, all of it at one moment and under one lock.
    pub(crate) fn reading<T>(
        &mut self,
        read: impl FnOnce(&Connection, &mut C) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let Some(connection) = &self.connection else { return Err(not_reopened(&self.file)) };
        let (cache, is_restarted) = (&mut self.cache, &mut self.is_restarted);
        let all = || -> Result<T, Failure> {
            restart_once(connection, is_restarted)?;
            connection.prepare_cached("BEGIN")?.execute(())?;
            let read = read(connection, cache)?;
            connection.prepare_cached("COMMIT")?.execute(())?;
            Ok(read)
        };
        all().map_err(|failure| {
            if !connection.is_autocommit() {
                let _: Result<(), rusqlite::Error> = connection.execute_batch("ROLLBACK");
            }
            failure.while_reading(&self.file)
        })
    }

    /// Writes, all of it or nothing, and durable when it returns.
    pub(crate) fn writing<T>(
        &mut self,
        write: impl FnOnce(&Connection, &mut C) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let Some(connection) = &self.connection else { return Err(not_reopened(&self.file)) };
        let (cache, is_restarted) = (&mut self.cache, &mut self.is_restarted);
        let all = || -> Result<T, Failure> {
            restart_once(connection, is_restarted)?;
            connection.prepare_cached("BEGIN IMMEDIATE")?.execute(())?;
            let written = write(connection, cache)?;
            connection.prepare_cached("COMMIT")?.execute(())?;
            Ok(written)
        };
        match all() {
            Ok(written) => {
                self.cache.commit();
                Ok(written)
            }
            Err(failure) => Err(self.roll_back(failure)),
        }
    }

    /// Copies the log into the file as far as readers allow; the bytes that are left.
    pub(crate) fn checkpoint(&mut self) -> Result<u64, StoreError> {
        let Some(connection) = &self.connection else { return Err(not_reopened(&self.file)) };
        connection::checkpoint(connection).map_err(|failure| failure.while_reading(&self.file))
    }

    fn roll_back(&mut self, failure: Failure) -> StoreError {
        self.cache.roll_back();
        let error = failure.while_writing(&self.file);
        let rolled_back = match &self.connection {
            Some(connection) if !connection.is_autocommit() => connection.execute_batch("ROLLBACK"),
            _ => Ok(()),
        };
        if matches!(error, StoreError::Uncertain { .. }) {
            self.connection = None;
            return error;
        }
        match rolled_back {
            Ok(()) => error,
            Err(source) => {
                self.connection = None;
                StoreError::Uncertain { at: self.file.display().to_string(), source: Box::new(source) }
            }
        }
    }
}

impl<C: Cache> Drop for Frame<C> {
    /// Readers that are closed later cannot copy the log into the file; whoever copies files then would miss it.
    fn drop(&mut self) {
        let Some(connection) = &self.connection else { return };
        if let Err(failure) = connection::checkpoint(connection) {
            tracing::warn!(?failure, file = %self.file.display(), "the log was not copied into the file; it is when the store is opened");
        }
    }
}

fn restart_once(connection: &Connection, is_restarted: &mut bool) -> Result<(), Failure> {
    if !*is_restarted {
        connection::restart_wal(connection)?;
        *is_restarted = true;
    }
    Ok(())
}
