use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sangam_device_proto::schema::{NameRow, NotInterned, Schema, SchemaKey, SchemaRules};
use sangam_device_proto::values::{HistoryRow, Page};
use sangam_storage::StoreError;
use sangam_storage::devices::{Change, Outcome, Readers, Row, ValueKind};
use tokio::sync::Mutex as AsyncMutex;

use crate::committer::{Committer, NotStored};
use crate::numbers::Numbers;
use crate::options::Options;
use crate::reading::read;

/// A name as a device reports it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NameOf<'a> {
    pub(crate) path: &'a str,
    pub(crate) kind: ValueKind,
    /// `None`: the device did not say.
    pub(crate) writable: Option<bool>,
}

/// The schemas that devices in touch have: a name is durable before anything refers to it.
#[derive(Debug)]
pub(crate) struct Names {
    rules: SchemaRules,
    cached_max: usize,
    schemas_max: u64,
    /// Schemas that the store has, no fewer.
    schemas: AtomicU64,
    slots: Mutex<HashMap<SchemaKey, Slot>>,
}

/// `None`: not read yet. Whoever adds names holds it until they are durable.
type Slot = Arc<AsyncMutex<Option<Arc<Schema>>>>;

/// Why names were not interned.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NamesError {
    #[error(transparent)]
    Read(#[from] StoreError),
    #[error(transparent)]
    NotStored(#[from] NotStored),
    #[error("as much waits to be written as may")]
    Overloaded,
    #[error("there are as many schemas as may be")]
    Full,
    /// Another process has written to the schema.
    #[error("the schema was changed by somebody else")]
    Overtaken,
}

impl Names {
    /// For a store that has so many schemas, none of which goes.
    pub(crate) fn new(options: &Options, schemas: u64) -> Self {
        Self {
            rules: options.schemas,
            cached_max: options.schemas_cached.max(1),
            schemas_max: options.schemas_max,
            schemas: AtomicU64::new(schemas),
            slots: Mutex::default(),
        }
    }

    /// The schema, with all of these names that it takes; says how many it did not.
    pub(crate) async fn intern(
        &self,
        store: (&Arc<dyn Readers>, &Committer, &Numbers),
        key: &SchemaKey,
        names: &[NameOf<'_>],
    ) -> Result<(Arc<Schema>, usize), NamesError> {
        let (readers, committer, numbers) = store;
        let slot = self.slot(key);
        let mut held = slot.lock().await;
        let (known, is_new) = match held.take() {
            Some(known) => (known, false),
            None => match load(readers, key).await? {
                Some(loaded) => (Arc::new(loaded), false),
                // Several at once may pass it by as many.
                None if self.schemas.load(Ordering::Relaxed) >= self.schemas_max => return Err(NamesError::Full),
                None => (Arc::new(Schema::new(numbers.schema(), key.clone())), true),
            },
        };
        let mut schema = known;
        let (rows, left_out) = added(&mut schema, names, &self.rules);
        if !is_new && rows.is_empty() {
            *held = Some(Arc::clone(&schema));
            return Ok((schema, left_out));
        }
        let begin = is_new.then(|| Row::Schema(schema.id, key.clone()));
        let rows: Vec<Row> = begin.into_iter().chain(rows.into_iter().map(Row::Name)).collect();
        let room = committer.admit(0).map_err(|_| NamesError::Overloaded)?;
        // Until it is durable nobody has it: after a failure it is read again.
        match committer.commit(room, Change::from(rows)).await? {
            Outcome::Done => {
                self.schemas.fetch_add(u64::from(is_new), Ordering::Relaxed);
                *held = Some(Arc::clone(&schema));
                Ok((schema, left_out))
            }
            Outcome::Refused { .. } => Err(NamesError::Overtaken),
        }
    }

    /// The schema as it is known; `None`: there is none. Nothing is made.
    pub(crate) async fn known(
        &self,
        readers: &Arc<dyn Readers>,
        key: &SchemaKey,
    ) -> Result<Option<Arc<Schema>>, StoreError> {
        let slot = self.slot(key);
        let mut held = slot.lock().await;
        if held.is_none() {
            *held = load(readers, key).await?.map(Arc::new);
        }
        Ok(held.clone())
    }

    fn slot(&self, key: &SchemaKey) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get(key) {
            return Arc::clone(slot);
        }
        if slots.len() >= self.cached_max {
            // One that nobody holds can be read again.
            let idle = slots.iter().find(|(_, slot)| Arc::strong_count(slot) == 1).map(|(key, _)| key.clone());
            idle.and_then(|key| slots.remove(&key));
        }
        Arc::clone(slots.entry(key.clone()).or_default())
    }
}

/// Adds names; copies the schema only if there is any to add.
fn added(schema: &mut Arc<Schema>, names: &[NameOf<'_>], rules: &SchemaRules) -> (Vec<NameRow>, usize) {
    let (mut rows, mut left_out) = (Vec::new(), 0);
    for name in names {
        let known = schema.index(name.path).and_then(|index| schema.name(index));
        let told = known.is_some_and(|known| {
            (name.kind == ValueKind::Unknown || name.kind == known.kind)
                && (name.writable.is_none() || name.writable == known.writable)
        });
        if told {
            continue;
        }
        match Arc::make_mut(schema).intern(name.path, name.kind, name.writable, rules) {
            Ok((_, row)) => rows.extend(row),
            Err(NotInterned::Full | NotInterned::Path) => left_out += 1,
            Err(_) => left_out += 1,
        }
    }
    (rows, left_out)
}

async fn load(readers: &Arc<dyn Readers>, key: &SchemaKey) -> Result<Option<Schema>, StoreError> {
    let key = key.clone();
    read(readers, move |snapshot| {
        let Some(id) = snapshot.schema_id(&key)? else { return Ok(None) };
        snapshot.schema(id)
    })
    .await
}

/// What a report changes of a device's values, as rows.
pub(crate) fn value_rows(
    device: sangam_storage::devices::DeviceId,
    pages: &std::collections::BTreeMap<u32, Page>,
    changed: &std::collections::BTreeSet<u32>,
    history: Vec<HistoryRow>,
) -> Vec<Row> {
    let pages = changed.iter().filter_map(|number| Some(Row::page(device, *number, pages.get(number)?)));
    pages.chain(history.into_iter().map(Row::History)).collect()
}
