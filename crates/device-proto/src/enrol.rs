//! Who becomes a device of ours, and what it proves itself with from then on.

use crate::device::{Access, Device, State};
use crate::secret::{Login, Secret};

/// What becomes of a device that nobody knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// It waits until an operator says yes.
    #[default]
    Closed,
    /// It is enrolled if it knows the credential that all new devices share; otherwise it is refused.
    SharedCredential,
    /// Everybody is enrolled: for a laboratory.
    Open,
}

/// Rules of enrolment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnrolRules {
    /// What becomes of a device that nobody knows.
    pub policy: Policy,
    /// Devices that may wait; what comes beyond is refused until some are settled.
    pub pending_max: u64,
    /// Whether a device that is enrolled by a shared credential, or none, gets one of its own at once.
    pub rotate: bool,
    /// Whether a device that an operator enrolled without a credential is believed when it comes without one: the first that
    /// comes by its name gets one of its own, and from then on nobody else is believed.
    pub trust_first: bool,
}

impl Default for EnrolRules {
    /// Closed, 1,000 may wait, credentials of its own, the first is believed.
    fn default() -> Self {
        Self { policy: Policy::Closed, pending_max: 1_000, rotate: true, trust_first: true }
    }
}

/// With what a device proved who it is. The driver found out; for a device that has a credential of its own, only that is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// With its own credential: either the one in force or the next.
    Own {
        /// Whether it was the next one.
        next: bool,
    },
    /// With the credential that new devices share.
    Shared,
    /// With a certificate that names it.
    Certificate,
    /// With nothing.
    Nothing,
}

/// What becomes of a device that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enrolment {
    /// It is served.
    Serve {
        /// It is to be given another credential in this session, see [`rotation`].
        rotate: bool,
    },
    /// It is new and enrolled with this session.
    Enrol {
        /// As of [`Enrolment::Serve`].
        rotate: bool,
    },
    /// It waits for an operator; its session ends without a task. `new`: it is not in the store yet.
    Wait {
        /// Whether a row is to be made.
        new: bool,
    },
    /// It is refused.
    Refuse(Refusal),
}

/// Why a device is refused: a label of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// An operator has blocked it.
    Blocked,
    /// It has a credential of its own and did not prove it.
    NotProven,
    /// It is not known and did not prove the shared credential.
    NotShared,
    /// As many wait as may.
    PendingFull,
}

/// Decides about a device that came: `known` is its row, `pending` how many wait.
#[must_use]
pub fn decide(rules: &EnrolRules, known: Option<&Device>, proof: Proof, pending: u64) -> Enrolment {
    match known {
        None => unknown(rules, proof, pending),
        Some(device) => match device.state {
            State::Blocked => Enrolment::Refuse(Refusal::Blocked),
            State::Pending => Enrolment::Wait { new: false },
            State::Enrolled => enrolled(rules, &device.access, proof),
        },
    }
}

fn unknown(rules: &EnrolRules, proof: Proof, pending: u64) -> Enrolment {
    match (rules.policy, proof) {
        (_, Proof::Certificate) | (Policy::Open, _) => {
            Enrolment::Enrol { rotate: rules.rotate && proof != Proof::Certificate }
        }
        (Policy::SharedCredential, Proof::Shared) => Enrolment::Enrol { rotate: rules.rotate },
        (Policy::SharedCredential, Proof::Own { .. } | Proof::Nothing) => Enrolment::Refuse(Refusal::NotShared),
        (Policy::Closed, Proof::Own { .. } | Proof::Shared | Proof::Nothing) => {
            if pending >= rules.pending_max {
                Enrolment::Refuse(Refusal::PendingFull)
            } else {
                Enrolment::Wait { new: true }
            }
        }
    }
}

fn enrolled(rules: &EnrolRules, access: &Access, proof: Proof) -> Enrolment {
    match proof {
        Proof::Own { next: false } => Enrolment::Serve { rotate: rules.rotate && access.from_device_next.is_some() },
        Proof::Own { next: true } | Proof::Certificate => Enrolment::Serve { rotate: false },
        // It was enrolled by hand, or lost what it was told before it had it.
        Proof::Shared if access.from_device.is_none() => Enrolment::Serve { rotate: rules.rotate },
        Proof::Nothing if access.from_device.is_none() => match rules.policy {
            Policy::Closed if rules.trust_first => Enrolment::Serve { rotate: rules.rotate },
            Policy::Open => Enrolment::Serve { rotate: rules.rotate },
            Policy::Closed | Policy::SharedCredential => Enrolment::Refuse(Refusal::NotProven),
        },
        Proof::Shared | Proof::Nothing => Enrolment::Refuse(Refusal::NotProven),
    }
}

/// What a device is to be told: the values of `ManagementServer.Username`, `Password` and of the two for connection requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The device towards us.
    pub from_device: Login,
    /// We towards the device.
    pub to_device: Login,
}

/// Gives a device credentials of its own, or the ones again that it was given and has not used: it may have lost them. The row is
/// to be durable before the device is told; until it proves the new one, the old one is good as well.
pub fn rotation(device: &mut Device, random: [[u8; 16]; 2]) -> Rotation {
    let user: Box<str> = device.key.to_string().into();
    let [from, to] = random.map(Secret::from_random);
    let from_device = device.access.from_device_next.get_or_insert(Login { user: user.clone(), secret: from }).clone();
    let to_device = device.access.to_device.get_or_insert(Login { user, secret: to }).clone();
    device.revision = device.revision.saturating_add(1);
    Rotation { from_device, to_device }
}

/// The device has proven the credential it was told: the one before is good no more. Whether the row is another.
pub fn proven(device: &mut Device, proof: Proof) -> bool {
    if proof != (Proof::Own { next: true }) || device.access.from_device_next.is_none() {
        return false;
    }
    device.access.from_device = device.access.from_device_next.take();
    device.revision = device.revision.saturating_add(1);
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DeviceId;
    use crate::identity::DeviceKey;

    fn device(state: State) -> Device {
        Device::new(DeviceId(1), DeviceKey::new("00D09E", "", "1").unwrap(), state, 0)
    }

    #[test]
    fn an_unknown_device_waits_unless_the_policy_says_otherwise() {
        use Proof::{Certificate, Nothing, Shared};
        let table = [
            (Policy::Closed, Nothing, 0, Enrolment::Wait { new: true }),
            (Policy::Closed, Shared, 0, Enrolment::Wait { new: true }),
            (Policy::Closed, Nothing, 2, Enrolment::Refuse(Refusal::PendingFull)),
            (Policy::Closed, Certificate, 2, Enrolment::Enrol { rotate: false }),
            (Policy::SharedCredential, Shared, 2, Enrolment::Enrol { rotate: true }),
            (Policy::SharedCredential, Nothing, 0, Enrolment::Refuse(Refusal::NotShared)),
            (Policy::Open, Nothing, 2, Enrolment::Enrol { rotate: true }),
        ];
        for (policy, proof, pending, expected) in table {
            let rules = EnrolRules { policy, pending_max: 2, ..EnrolRules::default() };
            assert_eq!(decide(&rules, None, proof, pending), expected, "{policy:?} {proof:?} {pending}");
        }
    }

    #[test]
    fn a_blocked_device_is_refused_and_a_waiting_one_waits_whatever_it_proves() {
        let rules = EnrolRules { policy: Policy::Open, ..EnrolRules::default() };
        for proof in [Proof::Nothing, Proof::Shared, Proof::Own { next: false }, Proof::Certificate] {
            let blocked = decide(&rules, Some(&device(State::Blocked)), proof, 0);
            assert_eq!(blocked, Enrolment::Refuse(Refusal::Blocked));
            let waiting = decide(&rules, Some(&device(State::Pending)), proof, u64::MAX);
            assert_eq!(waiting, Enrolment::Wait { new: false });
        }
    }

    #[test]
    fn whoever_has_a_credential_of_its_own_must_prove_it() {
        for policy in [Policy::Closed, Policy::SharedCredential, Policy::Open] {
            let rules = EnrolRules { policy, ..EnrolRules::default() };
            let mut known = device(State::Enrolled);
            known.access.from_device = Some(Login { user: "u".into(), secret: Secret::from_random([1; 16]) });
            for proof in [Proof::Shared, Proof::Nothing] {
                assert_eq!(decide(&rules, Some(&known), proof, 0), Enrolment::Refuse(Refusal::NotProven), "{policy:?}");
            }
            let own = decide(&rules, Some(&known), Proof::Own { next: false }, 0);
            assert_eq!(own, Enrolment::Serve { rotate: false });
        }
    }

    #[test]
    fn a_device_enrolled_without_a_credential_is_believed_as_the_rules_say() {
        let known = device(State::Enrolled);
        let refused = Enrolment::Refuse(Refusal::NotProven);
        let served = Enrolment::Serve { rotate: true };
        for (policy, trust_first, nothing) in [
            (Policy::Closed, true, served),
            (Policy::Closed, false, refused),
            (Policy::SharedCredential, true, refused),
            (Policy::Open, false, served),
        ] {
            let rules = EnrolRules { policy, trust_first, ..EnrolRules::default() };
            assert_eq!(decide(&rules, Some(&known), Proof::Nothing, 0), nothing, "{policy:?} {trust_first}");
            assert_eq!(decide(&rules, Some(&known), Proof::Shared, 0), served, "{policy:?} {trust_first}");
        }
    }

    #[test]
    fn a_rotation_that_was_lost_is_told_again_and_ends_when_the_device_proves_it() {
        let rules = EnrolRules { policy: Policy::SharedCredential, ..EnrolRules::default() };
        let mut known = device(State::Enrolled);
        assert_eq!(decide(&rules, Some(&known), Proof::Shared, 0), Enrolment::Serve { rotate: true });
        let told = rotation(&mut known, [[1; 16], [2; 16]]);
        assert_ne!(told.from_device.secret, told.to_device.secret);
        // The device never got it: the shared one is still good, and it is told the same again.
        assert_eq!(decide(&rules, Some(&known), Proof::Shared, 0), Enrolment::Serve { rotate: true });
        assert_eq!(rotation(&mut known, [[3; 16], [4; 16]]), told);
        assert!(!proven(&mut known, Proof::Shared));
        assert!(proven(&mut known, Proof::Own { next: true }));
        assert_eq!(known.access.from_device, Some(told.from_device));
        assert_eq!(decide(&rules, Some(&known), Proof::Shared, 0), Enrolment::Refuse(Refusal::NotProven));
        assert!(!proven(&mut known, Proof::Own { next: true }), "nothing is left to prove");
        assert_eq!(known.revision, 4);
    }
}
