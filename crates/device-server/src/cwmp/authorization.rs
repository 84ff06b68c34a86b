use std::sync::Arc;

use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use sangam_auth::basic::BasicAuthorization;
use sangam_auth::digest::{Authorization, Credential, Refusal, RequestLine};
use sangam_device_proto::device::Device;
use sangam_device_proto::enrol::Proof;
use sangam_device_proto::identity::DeviceKey;
use sangam_device_proto::secret::Login;
use sangam_net::ClientCertificate;
use sangam_net::http::{Client, Scheme};

use crate::certificate::{self, Names};
use crate::service::Service;

/// What a device shows to prove who it is, not yet believed.
#[derive(Debug)]
pub(super) struct Shown {
    what: Result<What, Refusal>,
    method: String,
    target: String,
    /// What its connection has proven already.
    certificate: Option<Arc<ClientCertificate>>,
}

#[derive(Debug)]
enum What {
    Digest(Box<Authorization>),
    Basic(BasicAuthorization),
}

impl Shown {
    /// What a request shows.
    pub(super) fn of(service: &Service, parts: &Parts, client: &Client) -> Self {
        let what = match parts.headers.get(header::AUTHORIZATION).map(HeaderValue::to_str) {
            None => Err(Refusal::Missing),
            Some(Err(_)) => Err(Refusal::Malformed),
            Some(Ok(value)) => read(service, value, client),
        };
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
        let certificate = parts.extensions.get::<Arc<ClientCertificate>>().cloned();
        Self { what, method: parts.method.as_str().to_owned(), target, certificate }
    }

    /// Whom its certificate names, seen from the device that it says it is; counted.
    pub(super) fn certificate_names(&self, service: &Service, key: &DeviceKey, device: Option<&Device>) -> Names {
        let Some(certificate) = &self.certificate else { return Names::Nobody };
        let endpoint = device.and_then(|device| device.endpoint.as_ref());
        let names = certificate::names(certificate, key, endpoint);
        service.metrics.certificate(match names {
            Names::It => "proven",
            Names::Another => "another_device",
            Names::Nobody => "names_nobody",
        });
        names
    }

    /// Who that proves a device to be: by its own login, by the next one that it was given, or by one that all new devices have.
    ///
    /// # Errors
    ///
    /// Nothing was shown, or what was shown proves nothing.
    pub(super) fn proof(&self, service: &Service, device: Option<&Device>) -> Result<Proof, Refusal> {
        let what = self.what.as_ref().map_err(|refusal| *refusal)?;
        let user = match what {
            What::Digest(answer) => &answer.username,
            What::Basic(answer) => &answer.username,
        };
        let access = device.map(|device| &device.access);
        let own = access.and_then(|access| access.from_device.as_ref()).map(|it| (it, Proof::Own { next: false }));
        let next = access.and_then(|access| access.from_device_next.as_ref()).map(|it| (it, Proof::Own { next: true }));
        let live = service.live.load();
        let shared = live.credentials.of(user).map(|it| (it, Proof::Shared));
        let named = own.into_iter().chain(next).filter(|(login, _)| *login.user == **user).chain(shared);
        let mut refusal = Refusal::UnknownUser;
        for (login, proof) in named {
            match self.verify(service, what, Some(login)) {
                Ok(()) => return Ok(proof),
                // Who is right but late is told so.
                Err(why) if why.is_stale() => return Err(why),
                Err(why) => refusal = why,
            }
        }
        if refusal == Refusal::UnknownUser {
            self.verify(service, what, None)?;
        }
        Err(refusal)
    }

    fn verify(&self, service: &Service, what: &What, login: Option<&Login>) -> Result<(), Refusal> {
        let credential = login.map(|login| Credential::password(login.secret.expose()));
        match what {
            What::Basic(answer) => answer.verify(&service.options.realm, credential.as_ref()),
            What::Digest(answer) => {
                let line = RequestLine { method: &self.method, target: &self.target };
                service.digest().verify(line, answer, credential.as_ref(), service.now()).map(|_| ())
            }
        }
    }
}

fn read(service: &Service, value: &str, client: &Client) -> Result<What, Refusal> {
    let may_be_basic = client.scheme == Scheme::Https || service.live.load().basic_without_tls;
    match Authorization::parse(value) {
        Ok(answer) => Ok(What::Digest(Box::new(answer))),
        Err(Refusal::WrongScheme) if may_be_basic => BasicAuthorization::parse(value).map(What::Basic),
        Err(refusal) => Err(refusal),
    }
}

/// What a 401 carries.
pub(super) fn challenges(service: &Service, refusal: Refusal, client: &Client) -> HeaderMap {
    let mut challenges = service.digest().challenges(service.now(), rand::random(), refusal);
    if client.scheme == Scheme::Https || service.live.load().basic_without_tls {
        challenges.push(sangam_auth::basic::challenge(&service.options.realm));
    }
    let values = challenges.into_iter().filter_map(|text| HeaderValue::try_from(text).ok());
    values.map(|value| (header::WWW_AUTHENTICATE, value)).collect()
}
