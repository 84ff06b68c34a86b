use std::net::SocketAddr;

use anyhow::{Context, Result, bail, ensure};

use crate::device::Device;
use crate::digest::Nonce;
use crate::envelope::{id, inform, set_value, values_are_set};
use crate::http::{Answer, Connection};

/// How a session is held.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    pub(crate) events: &'static [&'static str],
    /// The address is another than the last time.
    pub(crate) is_changed: bool,
    /// The nonce of the last session is tried before a challenge is asked for.
    pub(crate) keeps_nonce: bool,
    /// The connection of the last session is used.
    pub(crate) keeps_connection: bool,
}

/// Requests of one session beyond which something is wrong.
const REQUESTS_MAX: u32 = 16;

/// Holds a whole session: how many requests it took.
pub(crate) async fn hold(device: &mut Device, server: SocketAddr, manner: Manner) -> Result<u32> {
    if !manner.keeps_nonce {
        device.nonce = None;
    }
    if manner.is_changed {
        device.changes += 1;
    }
    let mut connection = match device.connection.take() {
        Some(connection) => connection,
        None => Connection::open(server, device.number).await?,
    };
    let (mut cookie, mut requests) = (None, 0);
    let mut body = inform(device.number, manner.events, device.changes);
    loop {
        requests += 1;
        ensure!(requests <= REQUESTS_MAX, "a session without an end");
        let answer = connection.ask(&request(device, cookie.as_deref(), &body)).await?;
        cookie = answer.cookie.clone().or(cookie);
        match answer.status {
            401 => device.nonce = Some(Nonce::of(&answer.challenges)?),
            200 => body = next(device, &answer)?,
            204 => break,
            status => bail!("answered {status}: {}", answer.body),
        }
    }
    device.connection = Some(connection).filter(|_| manner.keeps_connection);
    Ok(requests)
}

/// What is said to an answer with a body.
fn next(device: &mut Device, answer: &Answer) -> Result<String> {
    if answer.body.contains("InformResponse>") {
        return Ok(String::new());
    }
    ensure!(answer.body.contains("SetParameterValues>"), "asked for something else: {}", answer.body);
    if let Some(user) = set_value(&answer.body, "Username") {
        user.clone_into(&mut device.user);
        set_value(&answer.body, "Password").context("no password")?.clone_into(&mut device.password);
        device.nonce = None;
    }
    Ok(values_are_set(id(&answer.body).context("a request without an ID")?))
}

fn request(device: &mut Device, cookie: Option<&str>, body: &str) -> Vec<u8> {
    let authorization = match &mut device.nonce {
        Some(nonce) => nonce.authorization(&device.user, &device.password),
        None => String::new(),
    };
    let cookie = cookie.map(|cookie| format!("Cookie: {cookie}\r\n")).unwrap_or_default();
    format!(
        "POST / HTTP/1.1\r\nHost: acs.example.org\r\nUser-Agent: bench\r\nContent-Type: text/xml; charset=\"utf-8\"\r\n\
         SOAPAction: \"\"\r\n{authorization}{cookie}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
