use std::collections::{HashMap, VecDeque};

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt as _, StreamExt as _};
use sangam_control::{DeviceAdminError, DeviceNews, News, NewsKind, NewsWanted};
use sangam_storage::devices::{DeviceId, EventId, EventRow, HistoryRow, Schema, SchemaId};
use serde_json::{Value, json};

use super::views::{event_view, task_view};
use super::{Admin, Told};
use crate::news::{Heard, Item, Listener};

/// Events that are read again at once.
const PAGE: usize = 256;
/// Devices and schemas whose names one listener remembers.
const NAMES_MAX: usize = 4_096;
const SCHEMAS_MAX: usize = 16;

impl DeviceNews for Admin {
    fn follow(&self, wanted: NewsWanted) -> BoxFuture<'_, Told<BoxStream<'static, News>>> {
        async move {
            let device = match &wanted.device {
                Some(name) => Some(self.found(name).await?.id),
                None => None,
            };
            // Before anything is read: nothing falls in between.
            let listener = self.service.news.listen().ok_or_else(|| {
                DeviceAdminError::LimitReached("as many listen as may, or the server is stopping".to_owned())
            })?;
            let follower = Follower {
                admin: self.clone(),
                listener,
                device,
                kinds: if wanted.kinds.is_empty() { NewsKind::ALL.to_vec() } else { wanted.kinds },
                replay: wanted.after.map(|after| Replay { after: EventId(after), is_first: true }),
                heard: 0,
                ready: VecDeque::new(),
                names: HashMap::new(),
                schemas: HashMap::new(),
                is_over: false,
            };
            Ok(stream::unfold(follower, |mut follower| async move { Some((follower.next().await?, follower)) }).boxed())
        }
        .boxed()
    }
}

/// One who listens: what came before is read from the store, what comes is told as it comes.
struct Follower {
    admin: Admin,
    listener: Listener,
    device: Option<DeviceId>,
    kinds: Vec<NewsKind>,
    /// `None`: everything that came before was told.
    replay: Option<Replay>,
    /// The last event that was told.
    heard: u64,
    ready: VecDeque<News>,
    names: HashMap<DeviceId, Option<String>>,
    schemas: HashMap<SchemaId, Option<Schema>>,
    is_over: bool,
}

#[derive(Clone, Copy)]
struct Replay {
    after: EventId,
    is_first: bool,
}

impl Follower {
    async fn next(&mut self) -> Option<News> {
        loop {
            if let Some(news) = self.ready.pop_front() {
                return Some(news);
            }
            if self.is_over {
                return None;
            }
            if let Some(replay) = self.replay.take() {
                // What cannot be read now is not skipped: whoever listens begins again.
                self.again(replay).await.ok()?;
                continue;
            }
            match self.listener.next().await? {
                Heard::Missed(missed) => {
                    self.is_over = true;
                    return Some(News::Missed(missed));
                }
                Heard::Items(items) => {
                    for item in items.iter() {
                        self.item(item).await.ok()?;
                    }
                }
            }
        }
    }

    /// Tells a page of what came before.
    async fn again(&mut self, replay: Replay) -> Told<()> {
        let Replay { after, is_first } = replay;
        let device = self.device;
        let (oldest, page) = self
            .admin
            .read(move |snapshot| {
                let oldest = snapshot.events_after(None, EventId(0), 1)?.first().map(|event| event.id);
                Ok((oldest, snapshot.events_after(device, after, PAGE)?))
            })
            .await?;
        if is_first && oldest.is_some_and(|oldest| oldest.0 > after.0 + 1) {
            self.ready.push_back(News::Forgotten);
        }
        if page.len() >= PAGE {
            self.replay = page.last().map(|last| Replay { after: last.id, is_first: false });
        }
        for event in page {
            self.event(&event).await?;
        }
        Ok(())
    }

    async fn item(&mut self, item: &Item) -> Told<()> {
        match item {
            Item::Event(event) if event.id.0 <= self.heard => Ok(()),
            Item::Event(event) => self.event(event).await,
            Item::Task(task) => {
                let Some(name) = self.name(task.device, NewsKind::Task).await? else { return Ok(()) };
                let mut view = serde_json::to_value(task_view(task)).unwrap_or_default();
                // What came of it is asked for.
                if let Value::Object(members) = &mut view {
                    members.remove("result");
                    members.insert("device".to_owned(), Value::String(name));
                }
                self.tell(None, NewsKind::Task, view);
                Ok(())
            }
            Item::Value(row) => self.value(row).await,
        }
    }

    async fn event(&mut self, event: &EventRow) -> Told<()> {
        self.heard = self.heard.max(event.id.0);
        let kind = if event.kind.starts_with("alarm.") { NewsKind::Alarm } else { NewsKind::Event };
        let Some(name) = self.name(event.device, kind).await? else { return Ok(()) };
        let mut view = serde_json::to_value(event_view(event)).unwrap_or_default();
        view["device"] = json!(name);
        self.tell(Some(event.id.0), kind, view);
        Ok(())
    }

    async fn value(&mut self, row: &HistoryRow) -> Told<()> {
        let Some(name) = self.name(row.device, NewsKind::Value).await? else { return Ok(()) };
        let id = row.schema;
        let known = self.schemas.get(&id).and_then(Option::as_ref);
        if known.and_then(|schema| schema.name(row.index)).is_none() {
            if self.schemas.len() >= SCHEMAS_MAX {
                self.schemas.clear();
            }
            let schema = self.admin.read(move |snapshot| snapshot.schema(id)).await?;
            self.schemas.insert(id, schema);
        }
        let schema = self.schemas.get(&id).and_then(Option::as_ref);
        if let Some(path) = schema.and_then(|schema| schema.name(row.index)).map(|name| name.path.to_string()) {
            let at = sangam_types::Wall::from_unix_millis(row.at_ms);
            let change = sangam_control::DeviceChange { path, value: row.value.to_string(), kind: row.kind.name(), at };
            let mut view = serde_json::to_value(change).unwrap_or_default();
            view["device"] = json!(name);
            self.tell(None, NewsKind::Value, view);
        }
        Ok(())
    }

    /// The device's name, if what it does is to be told.
    async fn name(&mut self, device: DeviceId, kind: NewsKind) -> Told<Option<String>> {
        if !self.kinds.contains(&kind) || self.device.is_some_and(|wanted| wanted != device) {
            return Ok(None);
        }
        if let Some(known) = self.names.get(&device) {
            return Ok(known.clone());
        }
        if self.names.len() >= NAMES_MAX {
            self.names.clear();
        }
        let found = self.admin.read(move |snapshot| snapshot.device(device)).await?;
        let name = found.map(|device| device.key.to_string());
        self.names.insert(device, name.clone());
        Ok(name)
    }

    fn tell(&mut self, number: Option<u64>, kind: NewsKind, data: Value) {
        self.ready.push_back(News::Told { number, kind, data });
    }
}
