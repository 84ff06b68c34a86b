use std::time::Duration;

use secrecy::SecretString;

use super::super::device::{Context, Device};
use super::super::mishap::Mishap;
use super::super::retry::{RetryWaits, retry_wait};
use super::super::tree::Slot;
use super::{Ended, Failure};

impl Device {
    /// What it logs in with: what the ACS set, or what the factory did.
    pub(super) fn login(&self, cx: &Context<'_>) -> Option<(String, SecretString)> {
        let named = cx.world.model(self.facts.number).named;
        let set = |index| self.differences.get(Slot::fixed(index)).map(str::to_owned);
        let user = set(named.user).unwrap_or_else(|| cx.world.user.clone());
        let password = set(named.password).map(SecretString::from).or_else(|| cx.world.password.clone())?;
        Some((user, password))
    }

    pub(super) fn end(
        &mut self,
        cx: &mut Context<'_>,
        failure: Option<Failure>,
        retry_after: Option<Duration>,
    ) -> Ended {
        let session = self.session.take();
        let took = session.as_ref().map_or(Duration::ZERO, |it| cx.now.mono.saturating_since(it.began));
        let informed = session.and_then(|it| it.informed);
        if failure.is_some() {
            self.failures += 1;
            let told = retry_after.filter(|_| failure == Some(Failure::Busy));
            let wait = retry_wait(self.failures, told, self.retry_waits(cx), &mut self.dice);
            self.hold_until = cx.now.mono + wait;
            cx.tally.retries += 1;
        } else {
            self.failures = 0;
            self.hold_until = cx.now.mono;
        }
        self.tell_of_ended(cx.tally);
        if std::mem::take(&mut self.is_to_reset) {
            self.reboot = None;
            self.reset(cx);
        } else if let Some(command_key) = self.reboot.take() {
            self.note_done(cx, "Reboot", &command_key, true);
            self.switch_off(cx, Some(&*command_key));
        } else if failure == Some(Failure::Mishap(Mishap::PowerLoss)) {
            self.switch_off(cx, None);
        }
        Ended { failure, took, informed }
    }

    /// As the ACS set them, or the factory (TR-181 `ManagementServer.CWMPRetryMinimumWaitInterval` and its multiplier).
    fn retry_waits(&self, cx: &Context<'_>) -> RetryWaits {
        let tree = self.tree(cx.world, cx.now);
        let number = |index| tree.value(Slot::fixed(index)).parse().ok();
        RetryWaits {
            shortest: number(tree.model.named.retry_wait).map_or(cx.world.retry_wait, Duration::from_secs),
            multiplier_thousandths: number(tree.model.named.retry_multiplier).unwrap_or(2_000),
        }
    }
}
