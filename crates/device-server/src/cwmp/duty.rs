//! What a device is told before anything else: what it logs in with from now on, and when it comes by itself.

use std::time::Duration;

use sangam_cwmp_proto::message::SetParameterValues;
use sangam_cwmp_proto::{Message, ParameterValue};
use sangam_device_proto::device::{Device, Periodic};
use sangam_device_proto::{ValueKind, phase};

use super::device_facts::written;

/// What a device is to be told, as one request that is taken whole or not at all.
#[derive(Debug)]
pub(super) struct Duty {
    pub(super) request: Message,
    /// When it comes by itself, once it has taken it.
    pub(super) periodic: Periodic,
}

/// What there is to tell a device; `rotated`: also what it logs in with.
pub(super) fn duty(device: &Device, rotated: bool, interval: Option<Duration>) -> Option<Duty> {
    let periodic = interval.map_or(device.periodic, |interval| {
        let interval_secs = u32::try_from(interval.as_secs()).unwrap_or(u32::MAX);
        Periodic { interval_secs, phase_secs: phase::of(&device.key, interval_secs) }
    });
    let mut parameters = Vec::new();
    if periodic != device.periodic {
        parameters.extend(comes_by_itself(device, periodic));
    }
    if rotated {
        parameters.extend(logs_in_with(device));
    }
    if parameters.is_empty() {
        return None;
    }
    let request = SetParameterValues { parameters, parameter_key: String::new() }.into();
    Some(Duty { request, periodic })
}

fn comes_by_itself(device: &Device, periodic: Periodic) -> [ParameterValue; 3] {
    [
        parameter(device, "PeriodicInformEnable", "1".to_owned(), ValueKind::Boolean),
        parameter(device, "PeriodicInformInterval", periodic.interval_secs.to_string(), ValueKind::UnsignedInt),
        parameter(device, "PeriodicInformTime", phase::periodic_inform_time(periodic.phase_secs), ValueKind::DateTime),
    ]
}

fn logs_in_with(device: &Device) -> Vec<ParameterValue> {
    let access = &device.access;
    let from = access
        .from_device_next
        .iter()
        .flat_map(|login| [("Username", &*login.user), ("Password", login.secret.expose())]);
    let to = access.to_device.iter().flat_map(|login| {
        [("ConnectionRequestUsername", &*login.user), ("ConnectionRequestPassword", login.secret.expose())]
    });
    from.chain(to).map(|(name, value)| parameter(device, name, value.to_owned(), ValueKind::String)).collect()
}

fn parameter(device: &Device, name: &str, value: String, kind: ValueKind) -> ParameterValue {
    ParameterValue::new(format!("{}ManagementServer.{name}", device.root.as_str()), value, written(kind))
}

#[cfg(test)]
mod tests {
    use sangam_device_proto::DeviceId;
    use sangam_device_proto::device::{Root, State};
    use sangam_device_proto::enrol::rotation;
    use sangam_device_proto::identity::DeviceKey;

    use super::*;

    fn device() -> Device {
        let key = DeviceKey::new("00D09E", "Box", "7").unwrap();
        Device { root: Root::InternetGatewayDevice, ..Device::new(DeviceId(1), key, State::Enrolled, 0) }
    }

    fn told(duty: &Duty) -> Vec<&str> {
        let Message::SetParameterValues(set) = &duty.request else { panic!() };
        let strip = |path: &'_ str| path.len() - path.rsplit('.').next().unwrap().len();
        set.parameters.iter().map(|it| &it.path[strip(&it.path)..]).collect()
    }

    #[test]
    fn a_device_that_knows_it_all_is_told_nothing() {
        assert!(duty(&device(), false, None).is_none());
        let hour = Some(Duration::from_secs(3_600));
        let first = duty(&device(), false, hour).unwrap();
        assert_eq!(told(&first), ["PeriodicInformEnable", "PeriodicInformInterval", "PeriodicInformTime"]);
        let knows = Device { periodic: first.periodic, ..device() };
        assert!(duty(&knows, false, hour).is_none());
    }

    #[test]
    fn a_new_login_is_told_both_ways_and_never_printed() {
        let mut device = device();
        let rotation = rotation(&mut device, [[1; 16], [2; 16]]);
        let duty = duty(&device, true, None).unwrap();
        assert!(!format!("{duty:?} {device:?}").contains(rotation.from_device.secret.expose()));
        assert_eq!(told(&duty), ["Username", "Password", "ConnectionRequestUsername", "ConnectionRequestPassword"]);
        let Message::SetParameterValues(set) = &duty.request else { panic!() };
        assert_eq!(set.parameters[1].value, rotation.from_device.secret.expose());
        assert!(set.parameters[0].path.starts_with("InternetGatewayDevice.ManagementServer."));
    }
}
