use sangam_usp_proto::ErrorCode;
use sangam_usp_proto::path::{Path, PathLimits, ResolveError, resolve};

use crate::device::model;

fn find(text: &str) -> Result<Vec<String>, ErrorCode> {
    let limits = PathLimits::default();
    let path = Path::parse(text, &limits).map_err(|error| error.code())?;
    resolve(&model(), &path, &limits).map(|it| it.objects).map_err(ResolveError::code)
}

#[test]
fn paths_find_what_they_name() {
    let table: [(&str, &[&str]); 14] = [
        ("Device.DeviceInfo.", &["Device.DeviceInfo."]),
        ("Device.IP.Interface.", &["Device.IP.Interface."]),
        ("Device.IP.Interface.3.", &["Device.IP.Interface.3."]),
        ("Device.IP.Interface.*.", &["Device.IP.Interface.1.", "Device.IP.Interface.3."]),
        ("Device.IP.Interface.[Name==\"eth1\"].", &["Device.IP.Interface.3."]),
        ("Device.IP.Interface.[Name==\"eth0\"&&Status==\"Up\"].", &["Device.IP.Interface.1."]),
        ("Device.IP.Interface.[Name==\"eth0\"&&Status==\"Down\"].", &[]),
        ("Device.IP.Interface.[Stats.ErrorsSent>6].", &["Device.IP.Interface.1."]),
        ("Device.IP.Interface.*.IPv4Address.[IPAddress==\"192.0.2.5\"].", &["Device.IP.Interface.3.IPv4Address.5."]),
        ("Device.NAT.PortMapping.1.Interface+.Name", &["Device.IP.Interface.3."]),
        ("Device.NAT.PortMapping.*.AllInterfaces#2+.Stats.", &["Device.IP.Interface.3.Stats."]),
        // The third is a reference to nothing.
        ("Device.NAT.PortMapping.*.AllInterfaces#*+.Name", &["Device.IP.Interface.1.", "Device.IP.Interface.3."]),
        ("Device.NAT.PortMapping.[Interface+.Name==\"eth1\"].", &["Device.NAT.PortMapping.1."]),
        ("Device.NAT.PortMapping.[Interface+.Name==\"eth0\"].", &[]),
    ];
    for (text, objects) in table {
        assert_eq!(
            find(text).as_deref(),
            Ok(objects.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>().as_slice()),
            "{text}"
        );
    }
}

#[test]
fn what_is_not_there_is_told_apart_from_what_cannot_be() {
    let table = [
        ("Device.IP.Interface.2.", ErrorCode::ObjectDoesNotExist),
        ("Device.IP.Nothing.", ErrorCode::InvalidPath),
        ("Device.DeviceInfo.*.", ErrorCode::InvalidPath),
        ("Device.DeviceInfo.1.", ErrorCode::InvalidPath),
        ("Device.IP.Interface.Name+.X", ErrorCode::InvalidPath),
        ("Device.IP.Interface.[Name=\"eth0\"].", ErrorCode::InvalidPathSyntax),
    ];
    for (text, code) in table {
        assert_eq!(find(text), Err(code), "{text}");
    }
}

#[test]
fn what_a_path_finds_is_bounded() {
    let limits = PathLimits { found_max: 1, ..PathLimits::default() };
    let path = Path::parse("Device.IP.Interface.*.", &limits).unwrap();
    assert_eq!(resolve(&model(), &path, &limits), Err(ResolveError::TooMany));
}
