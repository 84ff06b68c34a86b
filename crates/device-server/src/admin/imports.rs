use sangam_control::{DeviceAdminError, DeviceImport, ImportedDevice};
use sangam_device_proto::device::{Device, State};
use sangam_device_proto::identity::DeviceKey;
use sangam_device_proto::secret::{Login, Secret};
use sangam_storage::devices::{Outcome, Row};

use super::{ATTEMPTS_MAX, Admin, Told, invalid, overtaken};

/// The most characters of a user name: what TR-181 has room for in `ManagementServer.Username`.
const USER_CHARS_MAX: usize = 256;

impl Admin {
    /// Makes a device known, or more known than it is.
    pub(super) async fn take_import(&self, wanted: DeviceImport) -> Told<ImportedDevice> {
        let key = DeviceKey::new(&wanted.oui, &wanted.product_class, &wanted.serial_number)
            .map_err(|error| DeviceAdminError::Invalid(sangam_storage::with_sources(&error)))?;
        let login = wanted.login.map(login).transpose()?;
        for _ in 0..ATTEMPTS_MAX {
            let (sought, most) = (key.clone(), self.service.options.devices_max);
            // Counting looks at all of them: only where there may be too many.
            let counts = self.service.numbers.devices() >= most;
            let (known, devices) = self
                .read(move |snapshot| {
                    let known = snapshot.device_by_key(&sought)?;
                    let devices = if known.is_some() || !counts { 0 } else { snapshot.totals()?.devices.iter().sum() };
                    Ok((known, devices))
                })
                .await?;
            if known.is_none() && devices >= most {
                return Err(DeviceAdminError::Full);
            }
            let is_new = known.is_none();
            let mut device = known.unwrap_or_else(|| {
                Device::new(self.service.numbers.device(), key.clone(), State::Pending, self.service.now_ms())
            });
            let changed = improve(&mut device, &wanted.tags, login.as_ref())?;
            let told = |outcome| Ok(ImportedDevice { id: key.to_string(), outcome });
            if !changed && !is_new {
                return told("unchanged");
            }
            device.revision = if is_new { 1 } else { device.revision.saturating_add(1) };
            if self.commit(vec![Row::Device(Box::new(device))]).await? == Outcome::Done {
                return told(if is_new { "created" } else { "changed" });
            }
        }
        Err(overtaken())
    }
}

/// Whether anything of it was not so already.
fn improve(device: &mut Device, tags: &[String], login: Option<&Login>) -> Told<bool> {
    let mut changed = false;
    for tag in tags {
        changed |= device.tag(tag);
        if !device.has_tag(tag) {
            return Err(invalid("a tag has 1 to 64 characters, and a device at most 64 tags"));
        }
    }
    if device.state == State::Pending {
        device.state = State::Enrolled;
        changed = true;
    }
    // One that it has stays good: the device may have been given it since, and know no other.
    if device.access.from_device.is_none()
        && let Some(login) = login
    {
        device.access.from_device = Some(login.clone());
        changed = true;
    }
    Ok(changed)
}

fn login((user, password): (String, String)) -> Told<Login> {
    let plain = !user.chars().any(char::is_control);
    if user.is_empty() || user.chars().count() > USER_CHARS_MAX || !plain || password.is_empty() {
        return Err(invalid("a login has a user name of 1 to 256 characters, and a password"));
    }
    let secret = Secret::new(password).ok_or_else(|| invalid("a password has at most 512 bytes"))?;
    Ok(Login { user: user.into(), secret })
}

#[cfg(test)]
mod tests {
    use sangam_device_proto::DeviceId;

    use super::*;

    fn a_login(secret: &str) -> Login {
        login(("u".to_owned(), secret.to_owned())).unwrap()
    }

    #[test]
    fn an_import_adds_and_never_takes_away() {
        let key = DeviceKey::new("00D09E", "Box", "A1").unwrap();
        let mut device = Device::new(DeviceId(1), key, State::Pending, 0);
        let tags = ["b".to_owned(), "a".to_owned()];
        assert_eq!(improve(&mut device, &tags, Some(&a_login("first"))), Ok(true));
        assert_eq!((device.state, device.tags.len()), (State::Enrolled, 2));
        assert_eq!(improve(&mut device, &tags, Some(&a_login("second"))), Ok(false), "it has a login");
        assert_eq!(device.access.from_device, Some(a_login("first")));
        device.state = State::Blocked;
        assert_eq!(improve(&mut device, &[], None), Ok(false), "who is blocked stays so");
        assert!(improve(&mut device, &[String::new()], None).is_err());
    }

    #[test]
    fn a_login_has_a_name_and_a_password_within_bounds() {
        for (user, password) in [("", "p"), ("u", ""), ("u\n", "p"), (&*"u".repeat(257), "p"), ("u", &"p".repeat(513))]
        {
            assert!(login((user.to_owned(), password.to_owned())).is_err(), "{user}");
        }
    }
}
