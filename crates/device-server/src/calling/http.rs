//! Calls by a GET of the URL that the device told (TR-069 Amendment 6 §3.2.2).

use sangam_auth::digest::{Challenges, DigestClient, RequestLine};
use sangam_cwmp_proto::connection_request::http::{Answer, ConnectionRequestUrl, HttpRequest, Step};
use sangam_device_proto::device::Device;

use super::get::{Got, NoAnswer, Target, get};
use super::reach::Rule;
use super::{Called, Calls};

/// Calls a device at its URL.
pub(super) async fn call(calls: &Calls, device: &Device) -> Called {
    let Some(told) = &device.reach.connection_request_url else { return Called::NoAddress };
    let url = match ConnectionRequestUrl::parse(told) {
        Ok(url) => url,
        Err(offence) => {
            tracing::debug!(device = %device.key, %offence, "a device told of no URL that can be called");
            return Called::NoAddress;
        }
    };
    let rule = Rule { origin: calls.origin(device.id), any_address: calls.options.any_address };
    match calls.addresses(&url.host, url.port, rule).await {
        Ok(addresses) => converse(calls, device, Target { addresses, url: url.clone() }, url).await,
        Err(why) => why,
    }
}

/// The exchanges of one call.
async fn converse(calls: &Calls, device: &Device, target: Target, url: ConnectionRequestUrl) -> Called {
    let login = device.access.to_device.as_ref();
    let mut client = login.map(|login| DigestClient::new(&*login.user, login.secret.expose()));
    let (mut request, mut exchange) = HttpRequest::new(url);
    loop {
        let got = get(&target, &exchange, &calls.options, &calls.tls).await;
        if matches!(got, Err(NoAnswer::Timeout)) {
            return Called::Timeout;
        }
        let got: Option<Got> = got.ok();
        let challenges: Vec<&str> = got.iter().flat_map(|got| &got.challenges).map(String::as_str).collect();
        let answer = got.as_ref().map_or(Answer::Nothing, |got| Answer::Response {
            status: got.status,
            challenges: &challenges,
            retry_after: got.retry_after.as_deref(),
        });
        let mut authorizer = |challenges: &[&str], method: &str, target: &str| {
            let client = client.as_mut()?;
            client.challenged(&Challenges::parse(challenges.iter().copied())).ok()?;
            client.authorize(RequestLine { method, target }, rand::random())
        };
        match request.handle_answer(&answer, &mut authorizer) {
            Step::Send(next) => exchange = next,
            Step::Done(verdict) => return verdict.into(),
        }
    }
}
