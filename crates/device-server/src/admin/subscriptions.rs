use std::collections::HashMap;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sangam_control::{DeviceAdminError, DeviceList, DeviceSubscription, DeviceSubscriptions, Once, SubscriptionWanted};
use sangam_device_proto::device::{Device, Root};
use sangam_storage::devices::{DeviceId, NotifyKind, Row, Subscription};
use sangam_types::Wall;

use super::once::Keyed;
use super::{Admin, Told, invalid};

/// Subscriptions of one device.
const PER_DEVICE_MAX: usize = 100;
/// Of a path (TR-106 §3.1).
const PATH_BYTES_MAX: usize = 256;

impl DeviceSubscriptions for Admin {
    fn subscriptions(
        &self,
        device: Option<String>,
        after: Option<String>,
        limit: usize,
    ) -> BoxFuture<'_, Told<DeviceList<DeviceSubscription>>> {
        async move {
            let after = after.map(|cursor| place(&cursor)).transpose()?;
            let of = match device {
                Some(name) => Some(self.found(&name).await?),
                None => None,
            };
            let id = of.as_ref().map(|device| device.id);
            let (rows, names) = self.read(move |snapshot| page(snapshot, id, after, limit)).await?;
            let has_more = rows.len() > limit;
            let shown = &rows[..rows.len().min(limit)];
            let next = shown.last().filter(|_| has_more).map(|row| format!("{}.{}", row.device, row.id));
            // What is left of a device that went is not shown.
            let items = shown.iter().filter_map(|row| Some(view(row, names.get(&row.device)?))).collect();
            Ok(DeviceList { items, next })
        }
        .boxed()
    }

    fn subscription(&self, device: String, id: String) -> BoxFuture<'_, Told<DeviceSubscription>> {
        async move {
            let device = self.found(&device).await?;
            let row = self.found_subscription(device.id, &id).await?.ok_or(DeviceAdminError::NoSubscription)?;
            Ok(view(&row, &device.key.to_string()))
        }
        .boxed()
    }

    fn put(
        &self,
        device: String,
        id: Option<String>,
        wanted: SubscriptionWanted,
        once: Once,
    ) -> BoxFuture<'_, Told<(DeviceSubscription, bool)>> {
        async move {
            let keyed = Keyed::of(&once, &format!("subscription {device} {id:?} {wanted:?}"))?;
            let device = self.found(&device).await?;
            let name = device.key.to_string();
            if let Some(made) = self.made_before(keyed.as_ref()).await? {
                let row = self.found_subscription(device.id, &made).await?;
                return Ok((view(&row.ok_or(DeviceAdminError::NoSubscription)?, &name), false));
            }
            let id = id.unwrap_or_else(|| format!("sangam-{:016x}", rand::random::<u64>()));
            let row = self.checked(&device, &id, wanted).await?;
            let is_new = row.instance.is_empty() && self.found_subscription(device.id, &id).await?.is_none();
            let answered = keyed.as_ref().map(|keyed| keyed.row(&id, self.service.now_ms()));
            let rows = answered.into_iter().chain([Row::Subscription(Box::new(row.clone()))]).collect();
            self.commit(rows).await?;
            Ok((view(&row, &name), is_new))
        }
        .boxed()
    }

    fn remove(&self, device: String, id: String) -> BoxFuture<'_, Told<()>> {
        async move {
            let device = self.found(&device).await?.id;
            self.found_subscription(device, &id).await?.ok_or(DeviceAdminError::NoSubscription)?;
            self.commit(vec![Row::RemoveSubscription { device, id: id.into() }]).await.map(|_| ())
        }
        .boxed()
    }
}

impl Admin {
    async fn found_subscription(&self, device: DeviceId, id: &str) -> Told<Option<Subscription>> {
        let rows = self.read(move |snapshot| snapshot.subscriptions(device, PER_DEVICE_MAX)).await?;
        Ok(rows.into_iter().find(|row| *row.id == *id))
    }

    /// The row, if the device may have it.
    async fn checked(&self, device: &Device, id: &str, wanted: SubscriptionWanted) -> Told<Subscription> {
        let is_id = !id.is_empty()
            && id.chars().count() <= Subscription::ID_CHARS_MAX
            && !id.chars().any(|c| c.is_control() || c == '/');
        if !is_id {
            return Err(invalid("a subscription has an id of 1 to 64 characters without slashes"));
        }
        let notify = NotifyKind::parse(&wanted.notify).ok_or_else(|| {
            invalid("`notify` is ValueChange, ObjectCreation, ObjectDeletion, OperationComplete or Event")
        })?;
        let speaks_cwmp_alone = device.endpoint.is_none() && device.protocols.usp.is_empty();
        if speaks_cwmp_alone && device.protocols.cwmp.is_some() && notify != NotifyKind::ValueChange {
            return Err(invalid("a device that speaks CWMP tells of values alone: ValueChange"));
        }
        let is_path = |path: &String| {
            Root::of(path).is_some() && path.len() <= PATH_BYTES_MAX && !path.chars().any(char::is_control)
        };
        if wanted.paths.is_empty() || wanted.paths.len() > Subscription::PATHS_MAX || !wanted.paths.iter().all(is_path)
        {
            return Err(invalid("`paths` are 1 to 32 paths below `Device.` or `InternetGatewayDevice.`"));
        }
        let device = device.id;
        let rows = self.read(move |snapshot| snapshot.subscriptions(device, PER_DEVICE_MAX)).await?;
        let before = rows.iter().find(|row| *row.id == *id);
        if before.is_none() && rows.len() >= PER_DEVICE_MAX {
            let why = format!("the device has {PER_DEVICE_MAX} subscriptions, which are all it may have");
            return Err(DeviceAdminError::LimitReached(why));
        }
        Ok(Subscription {
            device,
            id: id.into(),
            notify,
            paths: wanted.paths.into_iter().map(Into::into).collect(),
            persistent: wanted.persistent,
            retry: wanted.retry,
            instance: before.map(|row| row.instance.clone()).unwrap_or_default(),
            created_ms: before.map_or_else(|| self.service.now_ms(), |row| row.created_ms),
        })
    }
}

type Page = (Vec<Subscription>, HashMap<DeviceId, String>);

/// Rows of a page and one more, and the names of their devices.
fn page(
    snapshot: &mut dyn sangam_storage::devices::Snapshot,
    device: Option<DeviceId>,
    after: Option<(DeviceId, Box<str>)>,
    limit: usize,
) -> Result<Page, sangam_storage::StoreError> {
    let rows = match device {
        Some(device) => {
            let rows = snapshot.subscriptions(device, PER_DEVICE_MAX)?;
            let behind = |row: &Subscription| after.as_ref().is_none_or(|(_, id)| row.id > *id);
            rows.into_iter().filter(behind).take(limit + 1).collect()
        }
        None => snapshot.all_subscriptions(after, limit + 1)?,
    };
    let mut names = HashMap::new();
    for row in &rows {
        if !names.contains_key(&row.device)
            && let Some(device) = snapshot.device(row.device)?
        {
            names.insert(row.device, device.key.to_string());
        }
    }
    Ok((rows, names))
}

fn place(cursor: &str) -> Told<(DeviceId, Box<str>)> {
    let place = cursor.split_once('.').and_then(|(device, id)| Some((DeviceId(device.parse().ok()?), id.into())));
    place.ok_or(DeviceAdminError::NoCursor)
}

fn view(row: &Subscription, device: &str) -> DeviceSubscription {
    DeviceSubscription {
        device: device.to_owned(),
        id: row.id.to_string(),
        wanted: SubscriptionWanted {
            notify: row.notify.name().to_owned(),
            paths: row.paths.iter().map(|path| path.to_string()).collect(),
            persistent: row.persistent,
            retry: row.retry,
        },
        is_set: !row.instance.is_empty(),
        created_at: Wall::from_unix_millis(row.created_ms),
    }
}
