//! Calls through an XMPP server (TR-069 Amendment 6 Annex K), as one of its components (XEP-0114): one connection for all devices, kept
//! up for as long as the server runs.

use std::sync::PoisonError;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use sangam_cwmp_proto::Secret;
use sangam_cwmp_proto::connection_request::Verdict;
use sangam_cwmp_proto::connection_request::xmpp::{Jid, RequestOffence};
use sangam_device_proto::device::Device;
use tokio::sync::{mpsc, oneshot};

use super::{Called, Calls};
use crate::options::XmppOptions;
use crate::service::Service;

mod connection;

use self::connection::connected;

/// The way to the connection, for those who call.
#[derive(Debug)]
pub(crate) struct Xmpp {
    options: XmppOptions,
    asks: mpsc::Sender<Ask>,
    /// Taken by who keeps the connection up.
    asked: Mutex<Option<mpsc::Receiver<Ask>>>,
}

/// A device that is to be asked for a session, and who wants to know.
#[derive(Debug)]
struct Ask {
    to: Jid,
    username: Box<str>,
    password: Secret,
    answer: oneshot::Sender<Result<Verdict, RequestOffence>>,
}

impl Xmpp {
    pub(super) fn new(options: &XmppOptions) -> Self {
        let (asks, asked) = mpsc::channel(options.pending_max.max(1));
        Self { options: options.clone(), asks, asked: Mutex::new(Some(asked)) }
    }
}

/// Calls a device through the server.
pub(super) async fn call(calls: &Calls, device: &Device) -> Called {
    let Some(xmpp) = &calls.xmpp else { return Called::NotConnected };
    let Some(to) = device.reach.jid.as_deref().and_then(|jid| Jid::parse(jid).ok()).filter(Jid::is_full) else {
        return Called::NoAddress;
    };
    let Some(login) = &device.access.to_device else { return Called::NoLogin };
    let (answer, answered) = oneshot::channel();
    let ask = Ask { to, username: login.user.clone(), password: Secret::new(login.secret.expose()), answer };
    if xmpp.asks.try_send(ask).is_err() {
        return Called::Overloaded;
    }
    // The connection answers each in time, or is gone.
    match answered.await {
        Ok(Ok(verdict)) => verdict.into(),
        Ok(Err(RequestOffence::NotReady)) | Err(_) => Called::NotConnected,
        Ok(Err(RequestOffence::Full)) => Called::Overloaded,
        Ok(Err(RequestOffence::Unwritable)) => Called::NoLogin,
        Ok(Err(_)) => Called::NoAddress,
    }
}

/// Keeps a connection with the server up. Ends with the service.
pub(crate) async fn run(service: Weak<Service>) {
    let Some((options, mut asked, metrics)) = service.upgrade().and_then(|service| {
        let xmpp = service.calls.xmpp()?;
        let asked = xmpp.asked.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        Some((xmpp.options.clone(), asked, Arc::clone(&service.metrics)))
    }) else {
        return;
    };
    drop(service);
    let mut pause = options.retry_min;
    loop {
        let ended = connected(&options, &mut asked, &metrics).await;
        metrics.xmpp_ended(ended.reason);
        tracing::warn!(
            host = options.host,
            port = options.port,
            reason = ended.reason,
            "devices cannot be called by XMPP: there is no connection with its server; it is tried again"
        );
        if ended.was_ready {
            pause = options.retry_min;
        }
        turn_away(&mut asked, jittered(pause)).await;
        pause = (pause * 2).min(options.retry_max);
    }
}

/// Says to all who ask meanwhile that there is no connection.
async fn turn_away(asked: &mut mpsc::Receiver<Ask>, pause: Duration) {
    let turning = async {
        while let Some(ask) = asked.recv().await {
            // Whoever asked may have given up.
            let _: Result<(), _> = ask.answer.send(Err(RequestOffence::NotReady));
        }
        std::future::pending::<()>().await;
    };
    let _: Result<(), _> = tokio::time::timeout(pause, turning).await;
}

/// Up to half more, so that those who lost the same server do not come back at once.
fn jittered(pause: Duration) -> Duration {
    pause + pause.mul_f64(rand::random::<f64>() / 2.0)
}
