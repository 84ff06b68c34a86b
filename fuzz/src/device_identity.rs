use sangam_device_proto::admission::Class;
use sangam_device_proto::file::FileRow;
use sangam_device_proto::identity::{DeviceKey, EndpointId, EndpointSays};
use sangam_device_proto::profile::Glob;
use sangam_device_proto::task::CommandKey;

/// Texts of a stranger as all that names a device: its parts, the form in which they are written, an endpoint id, codes of events.
/// Lines are the parts. What is taken is within its bounds and is the same when it was written and read again.
pub fn device_identity(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let (oui, class, serial, pattern) = (line(), line(), line(), line());
    if let Ok(key) = DeviceKey::new(oui, class, serial) {
        assert!(class.chars().count() <= 64 && serial.chars().count() <= 64);
        let written = key.to_string();
        assert!(written.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_%".contains(&byte)));
        assert_eq!(written.parse(), Ok(key.clone()));
        let says = EndpointId::new(format!("ops::{written}")).map(|id| id.says());
        assert!(says.is_err() || says == Ok(EndpointSays::Key(key.clone())));
    }
    if let Ok(key) = text.parse::<DeviceKey>() {
        assert_eq!(key.to_string().parse(), Ok(key));
    }
    if let Ok(id) = EndpointId::new(text)
        && let EndpointSays::Key(key) = id.says()
    {
        assert_eq!(EndpointSays::Key(key.clone()).choose([&key]), Some(&key));
    }
    if let Some(glob) = Glob::new(pattern) {
        assert!(glob.fits(pattern) || pattern.contains(['*', '?']));
        let _: bool = glob.fits(text);
    }
    assert!(CommandKey::new(serial).is_err() || serial.chars().count() <= 32);
    assert!(!FileRow::is_name(class) || !class.contains(['/', '\n']));
    let _: Option<Class> = text.split('\n').map(Class::of_code).max();
}
