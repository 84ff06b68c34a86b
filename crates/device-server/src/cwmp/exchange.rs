use std::sync::Arc;

use sangam_auth::digest::Refusal;
use sangam_cwmp_proto::session::{AcsRequest, CpeNotice, EndReason, InformFacts, Output, Post, Reply, Session, Stored};
use sangam_cwmp_proto::{EventCode, encode};
use sangam_types::Mono;

use super::authorization::Shown;
use super::inform::{self, Taken, Trust};
use super::notice;
use super::sessions::Slot;
use super::work::Work;
use crate::aftermath;
use crate::files::Site;
use crate::names::NamesError;
use crate::service::Service;

/// How a POST is answered.
#[derive(Debug)]
pub(super) enum Answer {
    /// As the session says, with this body.
    Reply(u16, Vec<u8>),
    /// 401: the device has to prove who it is.
    Challenge(Refusal),
    /// 403, for this reason.
    Forbidden(&'static str),
}

/// A session and what is done in it.
#[derive(Debug)]
pub(super) struct Conversation {
    session: Session,
    /// `None`: its device is not one of ours, or has not said who it is.
    work: Option<Work>,
    /// How its device reaches us.
    site: Site,
}

/// What an Inform led to.
enum Begun {
    /// It is durable; the device, unless it waits for an operator.
    Durable(Option<Box<Work>>, sangam_device_proto::DeviceId),
    Refused(Answer),
    Failed,
}

impl Conversation {
    /// Begins a session with its Inform. The session it is in from then on, if it was taken.
    pub(super) async fn begin(
        service: &Arc<Service>,
        post: Post,
        shown: &Shown,
        site: Site,
    ) -> (Answer, Option<Arc<Slot>>) {
        let now = service.mono();
        let mut session = Session::new(service.options.session.clone(), now);
        session.handle_post(now, post);
        let facts = match session.poll_output() {
            Output::Inform(facts) => facts,
            other => return (refused(service, session, other), None),
        };
        match informed(service, &facts, Trust::Shown(shown), &site).await {
            Begun::Refused(answer) => (answer, None),
            Begun::Failed => {
                // It is to say it again: nothing else is known of it.
                let _: Result<(), _> = session.handle_durable(service.mono(), Stored::Failed);
                let output = session.poll_output();
                (refused(service, session, output), None)
            }
            Begun::Durable(work, device) => {
                if work.is_some() {
                    service.calls.came_from(device, site.from);
                }
                let mut conversation = Self { session, work: work.map(|work| *work), site };
                let _: Result<(), _> = conversation.session.handle_durable(service.mono(), Stored::Durable);
                let slot = Slot::new(conversation, now);
                // Held until the session before is ended: whoever comes after waits for all that came before.
                let mut conversation = slot.conversation.lock().await;
                let before = service.sessions.open(device, &slot);
                service.metrics.session_began();
                if let Some(before) = before {
                    before.conversation.lock().await.abandon(service, &before, EndReason::Superseded).await;
                }
                if !service.sessions.is_open(&slot) {
                    // Another session of the device began meanwhile, and ends this one.
                    return (Answer::Reply(503, Vec::new()), None);
                }
                conversation.settle_lost(service).await;
                let answer = conversation.drive(service, &slot).await;
                drop(conversation);
                (answer, Some(slot))
            }
        }
    }

    /// Goes on with what a device posts.
    pub(super) async fn go_on(&mut self, service: &Arc<Service>, slot: &Slot, post: Post) -> Answer {
        slot.heard(service.mono());
        self.session.handle_post(service.mono(), post);
        self.drive(service, slot).await
    }

    /// Time has passed.
    pub(super) async fn handle_timeout(&mut self, service: &Arc<Service>, slot: &Slot, now: Mono) {
        self.session.handle_timeout(now);
        self.drive(service, slot).await;
    }

    /// It is given up.
    pub(super) async fn abandon(&mut self, service: &Arc<Service>, slot: &Slot, reason: EndReason) {
        self.session.abandon(reason);
        self.drive(service, slot).await;
    }

    async fn settle_lost(&mut self, service: &Service) {
        let Some(work) = &self.work else { return };
        if let Err(error) = work.settle_lost(service).await {
            not_stored(&error);
        }
    }

    /// Does what the session asks for until it waits; how the open POST is answered.
    async fn drive(&mut self, service: &Arc<Service>, slot: &Slot) -> Answer {
        let mut answer = Answer::Reply(503, Vec::new());
        loop {
            match self.session.poll_output() {
                Output::Inform(facts) => {
                    if let Some(refused) = self.inform_again(service, slot, &facts).await {
                        return refused;
                    }
                }
                Output::Notice(notice) => self.notice(service, &notice).await,
                Output::Next => self.next(service).await,
                Output::Answered { handle, outcome } => {
                    if let Some(work) = &mut self.work
                        && let Err(error) = work.answered(service, handle, outcome).await
                    {
                        not_stored(&error);
                    }
                }
                Output::Reply(reply) => {
                    if let Some(written) = self.written(service, &reply) {
                        answer = written;
                    }
                }
                Output::Ended { reason, .. } => self.ended(service, slot, reason).await,
                Output::Wait(deadline) => {
                    slot.set_deadline(deadline.map(|deadline| deadline.at));
                    return answer;
                }
            }
        }
    }

    /// A device that begins anew in its session has proven who it is. `Some`: it may not.
    async fn inform_again(&mut self, service: &Arc<Service>, slot: &Slot, facts: &InformFacts) -> Option<Answer> {
        let owes_login = self.work.as_ref().is_some_and(Work::owes_login);
        let stored = match informed(service, facts, Trust::Session { owes_login }, &self.site).await {
            Begun::Durable(work, _) => {
                self.work = work.map(|work| *work);
                self.settle_lost(service).await;
                Stored::Durable
            }
            Begun::Failed => Stored::Failed,
            Begun::Refused(answer) => {
                self.session.abandon(EndReason::Abandoned);
                self.ended(service, slot, EndReason::Abandoned).await;
                return Some(answer);
            }
        };
        let _: Result<(), _> = self.session.handle_durable(service.mono(), stored);
        None
    }

    async fn notice(&mut self, service: &Service, notice: &CpeNotice) {
        // Of a device that is not one of ours nothing more is kept.
        let stored = match &self.work {
            None => Ok(()),
            Some(work) => notice::take(service, work.device().id, notice).await,
        };
        let stored = stored.map_or_else(
            |error| {
                not_stored(&error);
                Stored::Failed
            },
            |()| Stored::Durable,
        );
        let _: Result<(), _> = self.session.handle_durable(service.mono(), stored);
    }

    async fn next(&mut self, service: &Service) {
        let next = match &mut self.work {
            None => Ok(None),
            Some(work) => work.next(service).await,
        };
        let request: Option<AcsRequest> = next.unwrap_or_else(|error| {
            not_stored(&error);
            None
        });
        let _: Result<(), _> = self.session.handle_work(service.mono(), request);
    }

    /// The bytes of a reply. `None`: it cannot be written, and the session gives another.
    fn written(&mut self, service: &Service, reply: &Reply) -> Option<Answer> {
        let mut body = Vec::new();
        if let Reply::Envelope(envelope) = reply
            && let Err(error) = encode(envelope, &mut body)
        {
            self.session.handle_unwritable(service.mono(), error);
            return None;
        }
        Some(Answer::Reply(reply.status(), body))
    }

    async fn ended(&mut self, service: &Arc<Service>, slot: &Slot, reason: EndReason) {
        if let Some(work) = &mut self.work
            && let Err(error) = work.end(service).await
        {
            // It is found as sent when the device comes again.
            not_stored(&error);
        }
        if reason == EndReason::Superseded && !self.session.is_ended() {
            // An Inform of its own: another session goes on in this place.
            return;
        }
        service.sessions.close(slot, self.work.as_ref().map(|work| work.device().id));
        let took = service.mono().saturating_since(slot.began);
        service.metrics.session_ended(reason.label(), took);
        self.work = None;
    }
}

/// Makes an Inform durable and says what is to be done.
async fn informed(service: &Arc<Service>, facts: &InformFacts, trust: Trust<'_>, site: &Site) -> Begun {
    match inform::take(service, facts, trust).await {
        Taken::Served { device, rotated, idle_since } => {
            let test_ended = facts.inform.events.iter().any(|event| event.code == EventCode::DiagnosticsComplete);
            let id = device.id;
            let values: Vec<_> =
                facts.inform.parameters.iter().map(|it| (it.path.as_str(), it.value.as_str())).collect();
            aftermath::came(service, &device, facts.is_bootstrap, &values).await;
            let work = Work::new(service, *device, site.clone(), rotated, test_ended).idle_since(idle_since);
            Begun::Durable(Some(Box::new(work)), id)
        }
        Taken::Waiting(device) => Begun::Durable(None, device.id),
        Taken::Challenge(refusal) => Begun::Refused(Answer::Challenge(refusal)),
        Taken::Forbidden(reason) => Begun::Refused(Answer::Forbidden(reason)),
        Taken::Failed => Begun::Failed,
    }
}

/// What is answered by a session that does not begin.
fn refused(service: &Service, mut session: Session, first: Output) -> Answer {
    let mut output = first;
    let mut answer = Answer::Reply(503, Vec::new());
    loop {
        match output {
            Output::Reply(reply) => {
                let mut body = Vec::new();
                let written = match &reply {
                    Reply::Envelope(envelope) => encode(envelope, &mut body).is_ok(),
                    _ => true,
                };
                answer = if written { Answer::Reply(reply.status(), body) } else { Answer::Reply(400, Vec::new()) };
            }
            Output::Ended { reason, .. } => service.metrics.refused(reason.label()),
            Output::Wait(_) => return answer,
            _ => {}
        }
        output = session.poll_output();
    }
}

fn not_stored(error: &NamesError) {
    tracing::warn!(
        error = sangam_storage::with_sources(error),
        "what was done with a device could not be made durable"
    );
}
