use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use sangam_auth::basic::BasicAuthorization;
use sangam_auth::digest::{Authorization, Credential, Refusal, RequestLine};
use sangam_storage::StoreError;
use sangam_storage::devices::{Grant, Snapshot, State, TaskState};

use crate::reading::read;
use crate::service::Service;

/// Why a device is not let in.
#[derive(Debug)]
pub(super) enum NoAccess {
    Refused(Refusal),
    Store(StoreError),
}

/// The grant of a user, as long as it is good: until its time, and while it holds.
async fn known(service: &Service, user: String) -> Result<Option<Grant>, StoreError> {
    let now_ms = service.now_ms();
    read(&service.readers, move |snapshot| {
        let Some(grant) = snapshot.grant(&user)? else { return Ok(None) };
        let is_good = grant.expires_ms > now_ms && holds_in(snapshot, &grant)?;
        Ok(is_good.then_some(grant))
    })
    .await
}

/// Whether a transfer that was begun under a grant may still end: what began in time may take longer.
pub(super) async fn holds(service: &Service, grant: Grant) -> Result<bool, StoreError> {
    read(&service.readers, move |snapshot| holds_in(snapshot, &grant)).await
}

/// Its task may still run, and its device is one of ours.
fn holds_in(snapshot: &mut dyn Snapshot, grant: &Grant) -> Result<bool, StoreError> {
    let is_ours = snapshot.device(grant.device)?.is_some_and(|device| device.state == State::Enrolled);
    Ok(is_ours && snapshot.task(grant.task)?.is_some_and(|task| may_run(task.state)))
}

/// Whether a device may be at what a task of this state has asked of it. Of one that is `unknown` its device may still tell.
fn may_run(state: TaskState) -> bool {
    match state {
        TaskState::Queued
        | TaskState::Sent
        | TaskState::AwaitingTransfer
        | TaskState::AwaitingDiagnostics
        | TaskState::AwaitingOperation
        | TaskState::Unknown => true,
        TaskState::Done | TaskState::Failed | TaskState::Cancelled | TaskState::Expired => false,
    }
}

/// What the credentials of a request are good for: those that were made for one transfer, as long as they last. Their password may
/// be shown itself, whatever the connection: it opens nothing else.
pub(super) async fn grant(service: &Service, parts: &Parts) -> Result<Grant, NoAccess> {
    let value = parts.headers.get(header::AUTHORIZATION).ok_or(NoAccess::Refused(Refusal::Missing))?;
    let value = value.to_str().map_err(|_| NoAccess::Refused(Refusal::Malformed))?;
    let basic;
    let digest;
    let user = match Authorization::parse(value) {
        Ok(answer) => {
            (digest, basic) = (Some(answer), None);
            digest.as_ref().map(|it| it.username.to_string())
        }
        Err(Refusal::WrongScheme) => {
            (digest, basic) = (None, Some(BasicAuthorization::parse(value).map_err(NoAccess::Refused)?));
            basic.as_ref().map(|it| it.username.to_string())
        }
        Err(refusal) => return Err(NoAccess::Refused(refusal)),
    };
    let user = user.unwrap_or_default();
    let now = service.now();
    let known = known(service, user).await.map_err(NoAccess::Store)?;
    let credential = known.as_ref().map(|grant| Credential::password(grant.secret.expose()));
    let verified = match (&digest, &basic) {
        (Some(answer), _) => {
            let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
            let line = RequestLine { method: parts.method.as_str(), target };
            service.digest().verify(line, answer, credential.as_ref(), now).map(|_| ())
        }
        (None, Some(answer)) => answer.verify(&service.options.realm, credential.as_ref()),
        (None, None) => Err(Refusal::Missing),
    };
    verified.map_err(NoAccess::Refused)?;
    known.ok_or(NoAccess::Refused(Refusal::UnknownUser))
}

/// What a 401 carries.
pub(super) fn challenges(service: &Service, refusal: Refusal) -> HeaderMap {
    let mut challenges = service.digest().challenges(service.now(), rand::random(), refusal);
    challenges.push(sangam_auth::basic::challenge(&service.options.realm));
    let values = challenges.into_iter().filter_map(|text| HeaderValue::try_from(text).ok());
    values.map(|value| (header::WWW_AUTHENTICATE, value)).collect()
}
