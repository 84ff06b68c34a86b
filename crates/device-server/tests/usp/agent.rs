use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use http::StatusCode;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::site::Site;
use crate::wire::{US, all, at, entries, message, number, quoted, record, text};

/// An agent, written by hand: what it is asked when it comes it answers by itself.
pub(crate) struct Agent {
    pub(crate) eid: String,
    pub(crate) socket: WebSocketStream<TcpStream>,
    pub(crate) identity: Identity,
    /// Subscriptions that it has: their ids and kinds, by instance.
    pub(crate) subscriptions: Vec<(u32, Vec<(String, String)>)>,
    /// Names of what it was asked when it came.
    pub(crate) asked: Vec<&'static str>,
}

/// What it says of itself.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) oui: &'static str,
    pub(crate) class: &'static str,
    pub(crate) serial: &'static str,
    pub(crate) software: &'static str,
}

impl Default for Identity {
    fn default() -> Self {
        Self { oui: "00D09E", class: "Box", serial: "A1", software: "1.0" }
    }
}

/// A request of the server.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) id: String,
    /// Which of `Request`: 1 Get, 2 GetSupportedDM, 3 GetInstances, 4 Set, 5 Add, 6 Delete, 7 Operate, 9 GetSupportedProtocol.
    pub(crate) kind: u64,
    pub(crate) body: Vec<u8>,
}

/// How a handshake looks.
#[derive(Clone)]
pub(crate) struct Handshake<'a> {
    pub(crate) target: String,
    pub(crate) protocol: Option<&'a str>,
    pub(crate) authorization: Option<&'a str>,
    /// What its certificate names.
    pub(crate) certificate: Option<&'a str>,
}

impl Default for Handshake<'_> {
    fn default() -> Self {
        Self { target: "/usp".to_owned(), protocol: Some("v1.usp"), authorization: None, certificate: None }
    }
}

/// Opens a WebSocket; what is answered, and the socket if there is one.
pub(crate) async fn open(
    site: &Site,
    handshake: Handshake<'_>,
) -> Result<(WebSocketStream<TcpStream>, http::HeaderMap), StatusCode> {
    let mut request = format!("ws://{}{}", site.addr, handshake.target).into_client_request().unwrap();
    for (name, value) in [
        ("sec-websocket-protocol", handshake.protocol),
        ("authorization", handshake.authorization),
        ("x-certificate-uri", handshake.certificate),
    ] {
        if let Some(value) = value {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
    }
    let stream = TcpStream::connect(site.addr).await.unwrap();
    match tokio_tungstenite::client_async(request, stream).await {
        Ok((socket, response)) => Ok((socket, response.headers().clone())),
        Err(Error::Http(response)) => Err(response.status()),
        Err(other) => panic!("{other}"),
    }
}

impl Agent {
    /// Connects, without a word yet.
    pub(crate) async fn open(site: &Site, eid: &str, authorization: Option<&str>) -> Result<Self, StatusCode> {
        Self::show(site, eid, Handshake { authorization, ..Handshake::default() }).await
    }

    /// Connects and shows all that.
    pub(crate) async fn show(site: &Site, eid: &str, handshake: Handshake<'_>) -> Result<Self, StatusCode> {
        let target = format!("/usp?eid={}", eid.replace(':', "%3A"));
        let (socket, _) = open(site, Handshake { target, ..handshake }).await?;
        Ok(Self {
            eid: eid.to_owned(),
            socket,
            identity: Identity::default(),
            subscriptions: Vec::new(),
            asked: Vec::new(),
        })
    }

    /// Connects and says that it is here.
    pub(crate) async fn connect(site: &Site, eid: &str) -> Self {
        let mut agent = Self::open(site, eid, None).await.unwrap();
        agent.say_connect().await;
        agent
    }

    /// `websocket_connect`, field 9 of the record.
    pub(crate) async fn say_connect(&mut self) {
        let record = format!("0a('1.3') 12('{US}') 1a('{}') 4a()", self.eid);
        self.send(crate::notation::bytes(&record)).await;
    }

    pub(crate) async fn send(&mut self, bytes: Vec<u8>) {
        self.socket.send(Message::Binary(bytes.into())).await.unwrap();
    }

    /// Sends a message in a record of its own.
    pub(crate) async fn say(&mut self, message: &str) {
        let bytes = record(US, &self.eid, message);
        self.send(bytes).await;
    }

    /// What the server sends next: a message, or how it closes.
    pub(crate) async fn frame(&mut self) -> Option<Message> {
        let next = tokio::time::timeout(Duration::from_secs(30), self.socket.next());
        next.await.expect("the server says something").and_then(Result::ok)
    }

    /// The code that the server closes with, after whatever it sends before.
    pub(crate) async fn closed(&mut self) -> Option<u16> {
        loop {
            match self.frame().await {
                Some(Message::Close(frame)) => return frame.map(|frame| frame.code.into()),
                None => return None,
                Some(_) => {}
            }
        }
    }

    /// The next record of the server; `None`: it has closed.
    pub(crate) async fn next_record(&mut self) -> Option<Vec<u8>> {
        loop {
            match self.frame().await? {
                Message::Binary(bytes) => return Some(bytes.to_vec()),
                Message::Close(_) => return None,
                _ => {}
            }
        }
    }

    /// The payload of the next record that has one.
    pub(crate) async fn heard(&mut self) -> Vec<u8> {
        loop {
            let record = self.next_record().await.expect("the way is open");
            assert_eq!((text(&record, &[2]), text(&record, &[3])), (self.eid.clone(), US.to_owned()));
            if let Some(payload) = at(&record, &[7, 2]) {
                return payload;
            }
        }
    }

    /// The next request.
    pub(crate) async fn any_request(&mut self) -> Asked {
        loop {
            let payload = self.heard().await;
            let id = text(&payload, &[1, 1]);
            if let Some(request) = at(&payload, &[2, 1]) {
                let (kind, body) = crate::wire::fields(&request).into_iter().next().unwrap();
                let crate::wire::Value::Bytes(body) = body else { panic!() };
                return Asked { id, kind, body };
            }
        }
    }

    /// The next request that is none of those that are asked when it comes: those it answers.
    pub(crate) async fn request(&mut self) -> Asked {
        loop {
            let asked = self.any_request().await;
            if !self.answers(&asked).await {
                return asked;
            }
        }
    }

    /// Answers what it is asked when it comes, until it is asked for its subscriptions, and those are as they are wanted.
    pub(crate) async fn onboard(&mut self) {
        loop {
            let asked = self.any_request().await;
            let is_done =
                asked.kind == 5 || (is_get(&asked, "Device.LocalAgent.Subscription.") && self.subscriptions.len() == 4);
            assert!(self.answers(&asked).await, "{asked:?}");
            if is_done {
                return;
            }
        }
    }

    /// Answers what is asked when an agent comes; whether it was that.
    pub(crate) async fn answers(&mut self, asked: &Asked) -> bool {
        match asked.kind {
            9 => {
                self.asked.push("GetSupportedProtocol");
                self.answer(&asked.id, 18, &format!("12(4a(0a({})))", quoted("1.2,1.3"))).await;
            }
            1 if is_get(asked, "Device.DeviceInfo.ManufacturerOUI") => {
                self.asked.push("Identity");
                let it = self.identity.clone();
                let values = [
                    ("ManufacturerOUI", it.oui),
                    ("ProductClass", it.class),
                    ("SerialNumber", it.serial),
                    ("SoftwareVersion", it.software),
                    ("ModelName", "M1"),
                    ("Manufacturer", "Maker"),
                ];
                self.answer_get(&asked.id, "Device.DeviceInfo.", &values).await;
            }
            1 if is_get(asked, "Device.LocalAgent.Subscription.") => {
                self.asked.push("Subscriptions");
                let results: String = self
                    .subscriptions
                    .iter()
                    .map(|(number, values)| {
                        let values: Vec<_> = values.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
                        format!("22(0a('Device.LocalAgent.Subscription.{number}.') {})", entries("12", &values))
                    })
                    .collect();
                let body = format!("12(0a(0a(0a('Device.LocalAgent.Subscription.') {results})))");
                self.answer(&asked.id, 2, &body).await;
            }
            2 if text(&asked.body, &[1]) == "Device." => {
                self.asked.push("GetSupportedDM");
                self.answer(&asked.id, 13, &format!("12(12(0a(0a('Device.') {})))", supported())).await;
            }
            5 if text(&asked.body, &[2, 1]) == "Device.LocalAgent.Subscription." => {
                self.asked.push("Subscribe");
                let mut results = String::new();
                for object in all(&asked.body, 2) {
                    let settings = all(&object, 2);
                    let values = settings.iter().map(|it| (text(it, &[1]), text(it, &[2]))).collect();
                    let number = self.subscriptions.len() as u32 + 1;
                    self.subscriptions.push((number, values));
                    results += &format!(
                        "0a(0a('Device.LocalAgent.Subscription.') 12(12(0a('Device.LocalAgent.Subscription.{number}.'))))"
                    );
                }
                self.answer(&asked.id, 9, &format!("12(2a({results}))")).await;
            }
            _ => return false,
        }
        true
    }

    /// Answers with a response: `body { response { … } }`.
    pub(crate) async fn answer(&mut self, id: &str, msg_type: u8, response: &str) {
        let said = message(id, msg_type, response);
        self.say(&said).await;
    }

    /// GetResp with the values of one object.
    pub(crate) async fn answer_get(&mut self, id: &str, object: &str, values: &[(&str, &str)]) {
        let found = format!("22(0a('{object}') {})", entries("12", values));
        self.answer(id, 2, &format!("12(0a(0a(0a('{object}') {found})))")).await;
    }

    /// Notify: `subscription_id`, `send_resp`, and the notification itself.
    pub(crate) async fn notify(&mut self, id: &str, subscription: &str, notification: &str) {
        let notify = format!("0a({}) 10 01 {notification}", quoted(subscription));
        self.say(&message(id, 3, &format!("0a(42({notify}))"))).await;
    }

    /// Waits for the NotifyResp to that id, and answers what it is asked meanwhile.
    pub(crate) async fn thanked(&mut self, id: &str) {
        loop {
            let payload = self.heard().await;
            if text(&payload, &[1, 1]) == id {
                assert_eq!(number(&payload, &[1, 2]), 16, "a NotifyResp");
                return;
            }
            let request = at(&payload, &[2, 1]).expect("a request");
            let (kind, body) = crate::wire::fields(&request).into_iter().next().unwrap();
            let crate::wire::Value::Bytes(body) = body else { panic!() };
            let asked = Asked { id: text(&payload, &[1, 1]), kind, body };
            assert!(self.answers(&asked).await, "{asked:?}");
        }
    }
}

fn is_get(asked: &Asked, path: &str) -> bool {
    asked.kind == 1 && text(&asked.body, &[1]) == path
}

/// Objects of a supported data model: path, access, whether it is a table, parameters with name, access and type.
fn supported() -> String {
    let parameter = |name: &str, access: u8, kind: u8| format!("32(0a('{name}') 10 {access:02x} 18 {kind:02x})");
    [
        "2a(0a('Device.') 22(0a('Reboot()') 20 01) 2a(0a('Boot!')))".to_owned(),
        format!(
            "2a(0a('Device.DeviceInfo.') {}{}{})",
            parameter("SoftwareVersion", 0, 8),
            parameter("UpTime", 0, 9),
            parameter("ProvisioningCode", 1, 8)
        ),
        format!(
            "2a(0a('Device.WiFi.SSID.{{i}}.') 10 01 18 01 {}{})",
            parameter("SSID", 1, 8),
            parameter("Enable", 1, 2)
        ),
    ]
    .concat()
}
