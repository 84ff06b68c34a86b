use sangam_device_proto::device::{Device, Reach};
use sangam_device_proto::values::{cell_of, page_of};
use sangam_storage::StoreError;
use sangam_storage::devices::Snapshot;

use crate::reading::read;
use crate::service::Service;

/// Where a device is called, as far as it is known: what its Informs said, or else what it answered when its parameters were read,
/// as these are in no Inform that has not to tell of a change.
pub(super) async fn completed(service: &Service, device: &Device) -> Device {
    let mut completed = device.clone();
    let Reach { udp_address, jid, .. } = &device.reach;
    if udp_address.is_some() || jid.is_some() {
        return completed;
    }
    let known = device.clone();
    match read(&service.readers, move |snapshot| stored(snapshot, &known)).await {
        Ok(reach) => completed.reach = reach,
        Err(error) => {
            let error = sangam_storage::with_sources(&error);
            tracing::debug!(device = %device.key, error, "how a device may be called could not be read");
        }
    }
    completed
}

fn stored(snapshot: &mut dyn Snapshot, device: &Device) -> Result<Reach, StoreError> {
    let mut reach = device.reach.clone();
    let Some(id) = device.schema else { return Ok(reach) };
    let Some(schema) = snapshot.schema(id)? else { return Ok(reach) };
    let mut value = |name: &str| -> Result<Option<Box<str>>, StoreError> {
        let path = format!("{}ManagementServer.{name}", device.root.as_str());
        let Some(index) = schema.index(&path) else { return Ok(None) };
        let number = page_of(index);
        let pages = snapshot.pages(device.id, number..=number)?;
        let cell = pages.first().and_then(|(_, page)| page.cell(cell_of(index)));
        Ok(cell.and_then(|cell| Reach::bounded(cell.value.trim())))
    };
    reach.udp_address = value("UDPConnectionRequestAddress")?;
    reach.jid = value("ConnReqJabberID")?;
    if let Some(detected) = value("NATDetected")? {
        reach.nat_detected = ["1", "true"].contains(&&*detected);
    }
    Ok(reach)
}
