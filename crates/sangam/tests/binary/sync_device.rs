//! A device of sync that speaks just enough: android-a92f1 of production-db, with one entity, notes/note-99.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

pub(crate) const DB: &str = "production-db";
pub(crate) const DEVICE: &str = "android-a92f1";

/// What it shakes hands with.
const HANDSHAKE: &str = "a364646249646d70726f64756374696f6e2d64626864657669636549646d616e64726f69642d61393266316a636c69656e74496e666fa268706c6174666f726d67616e64726f69646a61707056657273696f6e65312e322e33";
/// A pull of 100 operations since 12000.
const PULL: &str = "a364646249646d70726f64756374696f6e2d64626b73696e6365437572736f72192ee0656c696d69741864";
/// A push of operation 5001, an upsert of that entity, version 1.
const PUSH: &str = "a364646249646d70726f64756374696f6e2d64626864657669636549646d616e64726f69642d6139326631636f707381a9646f70496419138964646249646d70726f64756374696f6e2d64626864657669636549646d616e64726f69642d61393266316a636f6c6c656374696f6e656e6f74657368656e746974794964676e6f74652d3939666f7054797065667570736572746d656e7469747956657273696f6e016a656e7469747943626f724fa16474657874686e6577206e6f74656b74696d657374616d704d731b0000018c690e8b10";

/// The device, at a server.
pub(crate) struct Device<'a> {
    pub(crate) server: SocketAddr,
    pub(crate) token: &'a str,
}

impl Device<'_> {
    /// Shakes hands and gives the cursor that it is to go on from, below 24.
    pub(crate) fn handshake(&self) -> u8 {
        let answer = self.post("/v1/handshake", HANDSHAKE);
        let (status, body) = answer;
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
        let key = b"\x6cserverCursor";
        let at = body.windows(key.len()).position(|part| part == key).unwrap();
        body[at + key.len()]
    }

    /// Pulls from a cursor below 24 and gives the status.
    pub(crate) fn pull(&self, since: u8) -> u16 {
        self.post("/v1/pull", &PULL.replace("192ee0", &format!("{since:02x}"))).0
    }

    /// Pushes that entity as operation 5000 and a digit, in a version of one digit, and gives the status.
    pub(crate) fn push(&self, digit: u64, version: u64) -> u16 {
        assert!(digit < 10 && version < 10);
        let hex = PUSH.replace("191389", &format!("19{:04x}", 5_000 + digit));
        let hex = hex.replace("56657273696f6e01", &format!("56657273696f6e0{version}"));
        // An equal text would be no change.
        self.post("/v1/push", &hex.replace("6577206e6f7465", &format!("6577206e6f743{digit}"))).0
    }

    fn post(&self, path: &str, hex: &str) -> (u16, Vec<u8>) {
        let body: Vec<u8> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        let mut stream = TcpStream::connect(self.server).unwrap();
        let (host, token, length) = (self.server, self.token, body.len());
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: application/cbor\r\n\
             Authorization: Bearer {token}\r\nContent-Length: {length}\r\n\r\n"
        )
        .unwrap();
        stream.write_all(&body).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let status = String::from_utf8_lossy(&answer).strip_prefix("HTTP/1.1 ").unwrap()[..3].parse().unwrap();
        (status, answer)
    }
}
