use sangam_cwmp_proto::message::Inform;
use sangam_cwmp_proto::session::InformFacts;
use sangam_cwmp_proto::{ParameterValue, ValueKind as Written};
use sangam_device_proto::device::{Device, Facts, Reach, Root};
use sangam_device_proto::identity::{DeviceKey, IdentityError};
use sangam_device_proto::{Fingerprint, Fingerprinter, ValueKind};

/// Who an Inform is from.
pub(super) fn key_of(inform: &Inform) -> Result<DeviceKey, IdentityError> {
    let id = &inform.device_id;
    DeviceKey::new(&id.oui, &id.product_class, &id.serial_number)
}

/// The kind of a value in the words of the model.
pub(super) fn kind_of(value: &ParameterValue) -> ValueKind {
    match &value.kind {
        Written::Other(_) | Written::Untyped => ValueKind::Unknown,
        kind => ValueKind::parse(kind.name()).unwrap_or_default(),
    }
}

/// The same in the words of the wire.
pub(super) fn written(kind: ValueKind) -> Written {
    match kind {
        ValueKind::Unknown | ValueKind::Object => Written::String,
        kind => Written::parse(kind.name()),
    }
}

/// Of the parameters of an Inform: two that are equal tell the same.
pub(super) fn fingerprint(inform: &Inform) -> Fingerprint {
    let mut fingerprint = Fingerprinter::default();
    for parameter in &inform.parameters {
        fingerprint.add(&parameter.path, kind_of(parameter), &parameter.value);
    }
    fingerprint.finish()
}

/// Puts what an Inform says of its device into the row; whether that changed anything.
pub(super) fn learn(device: &mut Device, facts: &InformFacts) -> bool {
    let before = (device.facts.clone(), device.root, device.reach.clone(), device.protocols.clone());
    device.facts.manufacturer = Facts::bounded(&facts.inform.device_id.manufacturer);
    device.protocols.cwmp = u8::try_from(facts.version.minor).ok();
    for parameter in &facts.inform.parameters {
        let Some(root) = Root::of(&parameter.path) else { continue };
        device.root = root;
        learn_parameter(device, &parameter.path[root.as_str().len()..], &parameter.value);
    }
    before != (device.facts.clone(), device.root, device.reach.clone(), device.protocols.clone())
}

/// One parameter, by its path below the root: the same in TR-098 and TR-181.
fn learn_parameter(device: &mut Device, path: &str, value: &str) {
    let (facts, reach) = (&mut device.facts, &mut device.reach);
    let place = match path {
        "DeviceInfo.SoftwareVersion" => &mut facts.software_version,
        "DeviceInfo.HardwareVersion" => &mut facts.hardware_version,
        "DeviceInfo.ProvisioningCode" => &mut facts.provisioning_code,
        "DeviceInfo.ModelName" => &mut facts.model,
        "ManagementServer.ConnectionRequestURL" => return put(&mut reach.connection_request_url, value),
        "ManagementServer.UDPConnectionRequestAddress" => return put(&mut reach.udp_address, value),
        "ManagementServer.ConnReqJabberID" => return put(&mut reach.jid, value),
        "ManagementServer.NATDetected" => {
            reach.nat_detected = ["1", "true"].contains(&value.trim());
            return;
        }
        _ => return,
    };
    *place = Facts::bounded(value);
}

fn put(place: &mut Option<Box<str>>, value: &str) {
    let value = value.trim();
    *place = (!value.is_empty() && value.len() <= Reach::BYTES_MAX).then(|| value.into());
}

#[cfg(test)]
mod tests {
    use sangam_cwmp_proto::session::InformFacts;
    use sangam_cwmp_proto::{DateTime, DeviceId, Namespace, Version};
    use sangam_device_proto::device::State;

    use super::*;

    fn facts(parameters: &[(&str, &str)]) -> InformFacts {
        let value = |(path, value): &(&str, &str)| ParameterValue::new(*path, *value, Written::String);
        let inform = Inform {
            device_id: DeviceId {
                manufacturer: "Maker".to_owned(),
                oui: "00d09e".to_owned(),
                product_class: "Box".to_owned(),
                serial_number: "7".to_owned(),
            },
            events: Vec::new(),
            max_envelopes: 1,
            current_time: DateTime::unknown(),
            retry_count: 0,
            parameters: parameters.iter().map(value).collect(),
        };
        let namespace = Namespace::default();
        InformFacts { inform, namespace, version: Version::v1(2), is_bootstrap: false, idle: Default::default() }
    }

    #[test]
    fn what_an_inform_says_of_its_device_stands_in_its_row_whatever_its_root() {
        for root in ["Device.", "InternetGatewayDevice."] {
            let path = |rest: &str| format!("{root}{rest}");
            let (version, url) = (path("DeviceInfo.SoftwareVersion"), path("ManagementServer.ConnectionRequestURL"));
            let facts = facts(&[(&version, "1.2"), (&url, "http://192.0.2.1:7547/x"), ("Elsewhere.A", "b")]);
            let key = key_of(&facts.inform).unwrap();
            assert_eq!(key.to_string(), "00D09E-Box-7");
            let mut device = Device::new(sangam_device_proto::DeviceId(1), key, State::Enrolled, 0);
            assert!(learn(&mut device, &facts) && !learn(&mut device, &facts));
            assert_eq!(device.root.as_str(), root);
            assert_eq!((&*device.facts.software_version, &*device.facts.manufacturer), ("1.2", "Maker"));
            assert_eq!(device.reach.connection_request_url.as_deref(), Some("http://192.0.2.1:7547/x"));
            assert_eq!(device.protocols.cwmp, Some(2));
        }
    }

    #[test]
    fn informs_with_the_same_parameters_have_the_same_fingerprint() {
        let of = |parameters: &[(&str, &str)]| fingerprint(&facts(parameters).inform);
        assert_eq!(of(&[("Device.A", "1")]), of(&[("Device.A", "1")]));
        assert_ne!(of(&[("Device.A", "1")]), of(&[("Device.A", "2")]));
        assert_ne!(of(&[]), Fingerprint::default());
    }
}
