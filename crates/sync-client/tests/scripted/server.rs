//! A server that answers each request as a test says, one after the other.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use bytes::Bytes;
use sangam_sync_client::{Client, ClientOptions};
use std::time::Duration;

/// What came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) head: String,
    pub(crate) body: Bytes,
    /// Which connection it came on, from 0.
    pub(crate) connection: usize,
}

/// What goes back.
#[derive(Debug)]
pub(crate) enum Reply {
    Answer {
        status: u16,
        fields: &'static str,
        body: Vec<u8>,
    },
    /// The connection is closed without a word.
    Cut,
}

impl Reply {
    pub(crate) fn cbor(status: u16, body: Vec<u8>) -> Self {
        Self::Answer { status, fields: "Content-Type: application/cbor\r\n", body }
    }
}

pub(crate) struct TestServer {
    url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl TestServer {
    /// `answer` is given each request and how many came before it.
    pub(crate) fn start(answer: impl Fn(&Asked, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let (shared, answer) = (Arc::clone(&asked), Arc::new(answer));
        thread::spawn(move || {
            for (connection, stream) in listener.incoming().map_while(Result::ok).enumerate() {
                let (shared, answer) = (Arc::clone(&shared), Arc::clone(&answer));
                thread::spawn(move || serve(stream, connection, &shared, &*answer));
            }
        });
        Self { url, asked }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// A client that does not wait long.
    pub(crate) fn client(&self) -> Client {
        let options = ClientOptions { wait_first: Duration::from_millis(1), ..ClientOptions::default() };
        Client::new(&self.url, Some("a.b.c".into()), options).unwrap()
    }
}

fn serve(
    stream: TcpStream,
    connection: usize,
    shared: &Mutex<Vec<Asked>>,
    answer: &dyn Fn(&Asked, usize) -> Reply,
) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    loop {
        let asked = read(&mut reader, connection)?;
        let before = {
            let mut all = shared.lock().unwrap();
            all.push(asked.clone());
            all.len() - 1
        };
        let Reply::Answer { status, fields, body } = answer(&asked, before) else { return None };
        let head = format!("HTTP/1.1 {status} X\r\n{fields}Content-Length: {}\r\n\r\n", body.len());
        (&stream).write_all(&[head.as_bytes(), &body].concat()).ok()?;
    }
}

fn read(reader: &mut BufReader<TcpStream>, connection: usize) -> Option<Asked> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    let path = head.split(' ').nth(1)?.to_owned();
    Some(Asked { path, head, body: body.into(), connection })
}
