use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _};
use sangam_storage::sync::Name;

use crate::SqliteOptions;
use crate::cache::Cache;
use crate::errors::Failure;

const FIND: &str = "SELECT id FROM name WHERE database = ?1 AND name = ?2";
const NAME_OF: &str = "SELECT name FROM name WHERE id = ?1";
const ADD: &str = "INSERT INTO name (database, name) VALUES (?1, ?2)";

/// Names of replicas and collections and their numbers, as far as they were asked for: a cache over the table `name`.
#[derive(Debug)]
pub(crate) struct Names {
    /// By database.
    ids: HashMap<i64, HashMap<Name, i64>>,
    names: HashMap<i64, Name>,
    /// Added in the transaction that is open: they are not there if it fails.
    fresh: Vec<(i64, Name, i64)>,
    max: usize,
}

impl Cache for Names {
    /// None yet; keeps about as many as the options say.
    fn empty(options: &SqliteOptions) -> Self {
        Self { ids: HashMap::new(), names: HashMap::new(), fresh: Vec::new(), max: options.names_max }
    }

    fn commit(&mut self) {
        self.fresh.clear();
    }

    fn roll_back(&mut self) {
        for (database, name, id) in self.fresh.drain(..) {
            if let Some(ids) = self.ids.get_mut(&database) {
                ids.remove(&name);
            }
            self.names.remove(&id);
        }
    }
}

impl Names {
    /// The number of a name; `None`: it has none, so nothing is stored under it.
    pub(crate) fn find(&mut self, connection: &Connection, database: i64, name: &str) -> Result<Option<i64>, Failure> {
        if let Some(id) = self.ids.get(&database).and_then(|ids| ids.get(name)) {
            return Ok(Some(*id));
        }
        let found = connection.prepare_cached(FIND)?.query_row((database, name), |row| row.get(0)).optional()?;
        if let Some(id) = found {
            self.keep(database, Arc::from(name), id);
        }
        Ok(found)
    }

    /// The number of a name, a new one if it has none.
    pub(crate) fn find_or_add(&mut self, connection: &Connection, database: i64, name: &Name) -> Result<i64, Failure> {
        if let Some(id) = self.find(connection, database, name)? {
            return Ok(id);
        }
        let id = connection.prepare_cached(ADD)?.insert((database, &**name))?;
        self.keep(database, Arc::clone(name), id);
        self.fresh.push((database, Arc::clone(name), id));
        Ok(id)
    }

    /// The name that has a number.
    pub(crate) fn name(&mut self, connection: &Connection, id: i64) -> Result<Name, Failure> {
        if let Some(name) = self.names.get(&id) {
            return Ok(Arc::clone(name));
        }
        let found = connection
            .prepare_cached(NAME_OF)?
            .query_row([id], |row| Ok(Name::from(row.get_ref(0)?.as_str()?)))
            .optional()?;
        let name = found.ok_or_else(|| Failure::Contradiction(format!("the name with number {id} is missing")))?;
        self.make_room();
        self.names.insert(id, Arc::clone(&name));
        Ok(name)
    }

    /// Forgets what is cached of a database that is no more.
    pub(crate) fn forget(&mut self, database: i64) {
        for id in self.ids.remove(&database).into_iter().flat_map(HashMap::into_values) {
            self.names.remove(&id);
        }
    }

    fn keep(&mut self, database: i64, name: Name, id: i64) {
        self.make_room();
        self.names.insert(id, Arc::clone(&name));
        self.ids.entry(database).or_default().insert(name, id);
    }

    /// A full cache is emptied: names that are in use are soon in it again.
    fn make_room(&mut self) {
        if self.names.len() >= self.max {
            self.names.clear();
            self.ids.clear();
        }
    }
}
