//! A user of the relay who must not notice what happens to others.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use sangam_auth::turn::{RestCredential, RestOptions, RestSecret, RestSecrets};
use sangam_testkit::{WAIT_MAX, wait_until};
use sangam_types::Wall;

use crate::turn_client::{Client, Data, PATIENCE};

pub(crate) const CHANNEL: u16 = 0x4000;

/// A client over UDP with a name and a password.
pub(crate) fn client(relay: SocketAddr, username: &str, password: &str) -> Client {
    Client::new(relay, credential(username, password))
}

/// The same over TCP.
pub(crate) fn client_over_tcp(turn: SocketAddr, username: &str, password: &str) -> Client {
    let stream = TcpStream::connect(turn).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    Client::over(stream, credential(username, password))
}

fn credential(username: &str, password: &str) -> RestCredential {
    let (username, password) = (username.to_owned(), password.to_owned());
    RestCredential { username, password, expires: Wall::from_unix_secs(0) }
}

/// A credential for ten minutes, made from a shared secret.
pub(crate) fn time_limited(secret: &str, name: &str) -> RestCredential {
    let secrets = RestSecrets::new(vec![RestSecret::new(secret)], RestOptions::default()).unwrap();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    secrets.mint(name, Wall::from_unix_secs(now.as_secs()) + Duration::from_secs(600)).unwrap()
}

/// Sends one message after another to an echo peer and waits for each.
#[derive(Debug)]
pub(crate) struct Flow {
    echoes: Arc<AtomicU64>,
    ends: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Flow {
    /// Begins, through a client that has no allocation yet.
    pub(crate) fn start(connect: impl FnOnce() -> Client + Send + 'static, peer: SocketAddr) -> Self {
        let (echoes, ends) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (counted, told) = (Arc::clone(&echoes), Arc::clone(&ends));
        let thread = std::thread::spawn(move || {
            let mut client = connect();
            client.allocate();
            client.bind_channel(CHANNEL, peer);
            for number in 0_u64.. {
                echo(&client, &number.to_be_bytes());
                counted.store(number + 1, Ordering::Release);
                if told.load(Ordering::Acquire) {
                    break;
                }
            }
            client.free();
        });
        let flow = Self { echoes, ends, thread };
        flow.goes_on();
        flow
    }

    /// Waits until a hundred more echoes have come.
    pub(crate) fn goes_on(&self) {
        let wanted = self.echoes.load(Ordering::Acquire) + 100;
        wait_until("a hundred echoes", WAIT_MAX, || {
            Ok((self.echoes.load(Ordering::Acquire) >= wanted || self.thread.is_finished()).then_some(()))
        })
        .unwrap();
        assert!(!self.thread.is_finished(), "the flow has ended");
    }

    /// Ends it and gives the allocation back. Any loss fails here.
    pub(crate) fn end(self) {
        self.ends.store(true, Ordering::Release);
        self.thread.join().unwrap();
    }
}

/// One message on [`CHANNEL`] to an echo peer and back.
pub(crate) fn echo(client: &Client, message: &[u8]) {
    client.send_on_channel(CHANNEL, message);
    assert_eq!(client.data(), Data::Channel(CHANNEL, message.to_vec()));
}
