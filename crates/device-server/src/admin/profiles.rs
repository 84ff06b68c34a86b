use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sangam_control::{
    DeviceAdminError, DeviceList, DeviceProfile, DeviceProfiles, DeviceWants, Once, ProfileApplies, ProfileSetting,
    ProfileWanted, WantedBy, WantedValue,
};
use sangam_device_proto::device::State;
use sangam_device_proto::profile::{Pursuit, Wanted};
use sangam_storage::devices::{Applies, Glob, Outcome, ProductClass, Profile, ProfileId, ProfileValue, Row, ValueKind};
use sangam_types::Wall;

use super::once::Keyed;
use super::{ATTEMPTS_MAX, Admin, Told, invalid, listed, not_done, overtaken};
use crate::calling::call;
use crate::provisioning::{Board, Study, look, study, why};

/// Of a profile.
const NAME_CHARS_MAX: usize = 128;

impl DeviceProfiles for Admin {
    fn profiles(&self, after: Option<u64>, limit: usize) -> BoxFuture<'_, Told<DeviceList<DeviceProfile>>> {
        async move {
            let after = after.map(ProfileId);
            let rows = self.read(move |snapshot| snapshot.profiles(after, limit + 1)).await?;
            Ok(listed(rows, limit, |row| row.id.0, profile_view))
        }
        .boxed()
    }

    fn profile(&self, id: u64) -> BoxFuture<'_, Told<DeviceProfile>> {
        async move { Ok(profile_view(&self.found_profile(id).await?)) }.boxed()
    }

    fn create(&self, wanted: ProfileWanted, once: Once) -> BoxFuture<'_, Told<DeviceProfile>> {
        self.create_profile(wanted, once).boxed()
    }

    fn replace(&self, id: u64, wanted: ProfileWanted, revision: Option<u32>) -> BoxFuture<'_, Told<DeviceProfile>> {
        async move {
            let _changing = self.service.provisioning.changing().await;
            let before = self.expected(id, revision).await?;
            let mut profile = self.profile_of(before.id, wanted, Some(&before))?;
            profile.revision = before.revision.saturating_add(1);
            profile.created_ms = before.created_ms;
            self.store_profile(Row::Profile(Box::new(profile.clone())), None).await?;
            let mut all = self.known_profiles(before.id);
            all.push(profile.clone());
            self.service.provisioning.replace(all);
            Ok(profile_view(&profile))
        }
        .boxed()
    }

    fn remove(&self, id: u64, revision: Option<u32>) -> BoxFuture<'_, Told<()>> {
        async move {
            let _changing = self.service.provisioning.changing().await;
            let before = self.expected(id, revision).await?;
            self.store_profile(Row::RemoveProfile(before.id), None).await?;
            self.service.provisioning.replace(self.known_profiles(before.id));
            Ok(())
        }
        .boxed()
    }

    fn of_device(&self, name: String) -> BoxFuture<'_, Told<DeviceWants>> {
        self.wanted_of(name).boxed()
    }

    fn apply(&self, name: String) -> BoxFuture<'_, Told<DeviceWants>> {
        async move {
            let device = self.found(&name).await?;
            if device.state != State::Enrolled {
                return Err(invalid("the device is not enrolled: nothing is sent to it"));
            }
            look(&self.service, &device, true).await.map_err(|error| not_done(&error))?;
            let wants = self.wanted_of(name).await?;
            if wants.state == "under_way" {
                // If it cannot be reached, it is told when it comes by itself.
                drop(call(&self.service, device.id));
            }
            Ok(wants)
        }
        .boxed()
    }
}

impl Admin {
    async fn wanted_of(&self, name: String) -> Told<DeviceWants> {
        let device = self.found(&name).await?;
        let study = study(&self.service, &device, false).await.map_err(|error| not_done(&error))?;
        let mut wants = wants(device.key.to_string(), &study, fitting(&study.board, &device));
        if device.state != State::Enrolled && wants.state != "none" {
            wants.reason = format!("nothing is sent to it: it is {}", device.state.name());
        }
        Ok(wants)
    }

    async fn create_profile(&self, wanted: ProfileWanted, once: Once) -> Told<DeviceProfile> {
        // The values themselves are what makes two requests differ: they are only hashed.
        let values: Vec<_> = wanted.values.iter().map(|it| (&it.path, &it.value, &it.kind, it.hidden)).collect();
        let keyed = Keyed::of(&once, &format!("profile {wanted:?} {values:?}"))?;
        let _changing = self.service.provisioning.changing().await;
        for _ in 0..ATTEMPTS_MAX {
            if let Some(made) = self.made_before(keyed.as_ref()).await? {
                let id = made.parse().map_err(|_| DeviceAdminError::NoProfile)?;
                return Ok(profile_view(&self.found_profile(id).await?));
            }
            let most = self.service.options.profiles.profiles_max;
            if self.service.provisioning.board().profiles.len() >= most {
                return Err(DeviceAdminError::LimitReached(format!(
                    "there are {most} profiles, which are all there may be"
                )));
            }
            let profile = self.profile_of(self.service.numbers.profile(), wanted.clone(), None)?;
            let row = Row::Profile(Box::new(profile.clone()));
            let answered = keyed.as_ref().map(|keyed| keyed.row(&profile.id.to_string(), self.service.now_ms()));
            let is_done = self.commit([Some(row), answered].into_iter().flatten().collect()).await? == Outcome::Done;
            if is_done {
                let mut all = self.known_profiles(profile.id);
                all.push(profile.clone());
                self.service.provisioning.replace(all);
                return Ok(profile_view(&profile));
            }
        }
        Err(overtaken())
    }

    async fn found_profile(&self, id: u64) -> Told<Profile> {
        self.read(move |snapshot| snapshot.profile(ProfileId(id))).await?.ok_or(DeviceAdminError::NoProfile)
    }

    /// The profile, if it has the revision that whoever asks has seen.
    async fn expected(&self, id: u64, revision: Option<u32>) -> Told<Profile> {
        let profile = self.found_profile(id).await?;
        match revision {
            Some(revision) if revision != profile.revision => Err(DeviceAdminError::Changed(profile.revision)),
            _ => Ok(profile),
        }
    }

    async fn store_profile(&self, row: Row, answered: Option<Row>) -> Told<()> {
        let rows = [Some(row), answered].into_iter().flatten().collect();
        if self.commit(rows).await? == Outcome::Done { Ok(()) } else { Err(overtaken()) }
    }

    /// All profiles but one, as they count now.
    fn known_profiles(&self, but: ProfileId) -> Vec<Profile> {
        self.service.provisioning.board().profiles.iter().filter(|it| it.id != but).cloned().collect()
    }

    fn profile_of(&self, id: ProfileId, wanted: ProfileWanted, before: Option<&Profile>) -> Told<Profile> {
        let ProfileWanted { name, enabled, priority, applies, values } = wanted;
        let is_name = !name.is_empty() && name.chars().count() <= NAME_CHARS_MAX && !name.chars().any(char::is_control);
        if !is_name {
            return Err(invalid("a profile has a name of 1 to 128 characters"));
        }
        let profile = Profile {
            id,
            revision: 1,
            name: name.into(),
            enabled,
            priority,
            applies: applies_of(applies)?,
            values: values.into_iter().map(|it| setting(it, before)).collect::<Told<_>>()?,
            created_ms: self.service.now_ms(),
        };
        let told = |why: String| DeviceAdminError::Invalid(format!("the profile cannot be wanted of a device: {why}"));
        profile.check().map_err(|why| told(why.to_string()))?;
        let bytes: usize = profile.values.iter().map(|value| value.path.len() + value.value.len() + 40).sum();
        let most = self.service.options.tasks.payload_bytes_max;
        if bytes > most {
            return Err(told(format!("its values have {bytes} bytes, and a task has room for {most}")));
        }
        Ok(profile)
    }
}

fn applies_of(applies: ProfileApplies) -> Told<Applies> {
    let glob = |text: Option<String>| -> Told<Option<Glob>> {
        text.map(|text| Glob::new(&text).ok_or_else(|| invalid("a pattern has at most 128 characters"))).transpose()
    };
    let oui = applies.oui.map(|oui| oui.parse()).transpose();
    let class = applies.product_class.map(ProductClass::new).transpose();
    Ok(Applies {
        oui: oui.map_err(|_| invalid("an OUI is six hexadecimal digits"))?,
        product_class: class.map_err(|_| invalid("a product class has at most 64 characters"))?,
        manufacturer: glob(applies.manufacturer)?,
        model: glob(applies.model)?,
        software_version: glob(applies.software_version)?,
        tag: glob(applies.tag)?,
    })
}

/// A hidden value that is not given is the one that was there.
fn setting(wanted: ProfileSetting, before: Option<&Profile>) -> Told<ProfileValue> {
    let ProfileSetting { path, value, kind, hidden } = wanted;
    let kind = ValueKind::parse(&kind).filter(|kind| *kind != ValueKind::Object);
    let kind = kind.ok_or_else(|| invalid("a value has a type that XML Schema does not have"))?;
    let kept = || before?.values.iter().find(|it| it.hidden && *it.path == *path).map(|it| it.value.clone());
    let value = value.map(Into::into).or_else(|| if hidden { kept() } else { None });
    let value = value.ok_or_else(|| DeviceAdminError::Invalid(format!("there is no value for {path}")))?;
    Ok(ProfileValue { path: path.into(), value, kind, hidden })
}

fn profile_view(profile: &Profile) -> DeviceProfile {
    let text = |glob: &Option<Glob>| glob.as_ref().map(|glob| glob.as_str().to_owned());
    let applies = &profile.applies;
    DeviceProfile {
        id: profile.id.0,
        revision: profile.revision,
        name: profile.name.to_string(),
        enabled: profile.enabled,
        priority: profile.priority,
        applies: ProfileApplies {
            oui: applies.oui.map(|oui| oui.to_string()),
            product_class: applies.product_class.as_ref().map(|class| class.to_string()),
            manufacturer: text(&applies.manufacturer),
            model: text(&applies.model),
            software_version: text(&applies.software_version),
            tag: text(&applies.tag),
        },
        values: profile.values.iter().map(setting_view).collect(),
        created_at: Wall::from_unix_millis(profile.created_ms),
    }
}

fn setting_view(value: &ProfileValue) -> ProfileSetting {
    ProfileSetting {
        path: value.path.to_string(),
        value: (!value.hidden).then(|| value.value.to_string()),
        kind: value.kind.name().to_owned(),
        hidden: value.hidden,
    }
}

/// The profiles that are for a device, the one that wins first.
fn fitting(board: &Board, device: &sangam_device_proto::device::Device) -> Vec<WantedBy> {
    let mut fitting: Vec<&Profile> =
        board.profiles.iter().filter(|profile| profile.enabled && profile.applies.fits(device)).collect();
    fitting.sort_by_key(|profile| std::cmp::Reverse((profile.priority, profile.id)));
    let by = |profile: &&Profile| WantedBy {
        id: profile.id.0,
        name: profile.name.to_string(),
        priority: profile.priority,
        revision: profile.revision,
    };
    fitting.iter().map(by).collect()
}

fn wants(device: String, study: &Study, profiles: Vec<WantedBy>) -> DeviceWants {
    let differs = || format!("{} of {} values differ", study.drift.sets.len(), study.desired.values.len());
    let last = study.last.as_ref().map(|task| task.id.0);
    let (state, reason, task, next_try_at) = match study.pursuit {
        Pursuit::Held if study.desired.values.is_empty() => ("none", String::new(), None, None),
        Pursuit::Held => ("held", String::new(), last, None),
        Pursuit::Set | Pursuit::Stale(_) => ("due", differs(), None, None),
        Pursuit::UnderWay(task) => ("under_way", differs(), Some(task.0), None),
        Pursuit::Later(until) => ("waiting", why(study), last, Some(Wall::from_unix_millis(until))),
    };
    let values = study.desired.values.values().map(|wanted| wanted_view(wanted, study)).collect();
    DeviceWants { device, state, reason, task, next_try_at, profiles, values }
}

fn wanted_view(wanted: &Wanted, study: &Study) -> WantedValue {
    let value = &wanted.value;
    let current = study.current(&value.path).filter(|_| !value.hidden);
    let state = match current {
        _ if value.hidden && study.is_told => "told",
        _ if value.hidden => "not_told",
        None => "unknown",
        Some(is) if value.kind.is_same(is, &value.value) => "held",
        Some(_) => "differs",
    };
    WantedValue {
        path: value.path.to_string(),
        value: (!value.hidden).then(|| value.value.to_string()),
        kind: value.kind.name(),
        hidden: value.hidden,
        profile: wanted.by.0,
        current: current.map(str::to_owned),
        state,
    }
}
