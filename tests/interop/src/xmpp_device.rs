//! A device's end of XMPP, written by hand from RFC 6120 and TR-069 Annex K: it shares nothing with our component.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use sangam_testkit::WAIT_MAX;

use crate::Prosody;

/// A device that is logged in with its server as `cpe1@example.net/box`.
#[derive(Debug)]
pub struct XmppDevice {
    stream: TcpStream,
    heard: String,
}

impl XmppDevice {
    /// Its full JID.
    pub const JID: &str = "cpe1@example.net/box";

    /// Logs in and takes its resource.
    ///
    /// # Errors
    /// The server answers otherwise than it should.
    pub fn connect(server: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(server)?;
        stream.set_read_timeout(Some(WAIT_MAX))?;
        let mut device = Self { stream, heard: String::new() };
        device.open()?;
        let plain = format!("\0{}\0{}", Prosody::USER, Prosody::PASSWORD);
        let plain = base64::engine::general_purpose::STANDARD.encode(plain);
        device.say(&format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{plain}</auth>"))?;
        device.until("<success", ">")?;
        device.heard.clear();
        device.open()?;
        let bind = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>box</resource></bind>";
        device.say(&format!("<iq type='set' id='bind'>{bind}</iq>"))?;
        let bound = device.until("<iq", "</iq>")?;
        if !bound.contains(Self::JID) {
            bail!("it is not {}: {bound}", Self::JID);
        }
        Ok(device)
    }

    /// Waits for a request, and answers it as Annex K has it: with a result if name and password are these. The request.
    ///
    /// # Errors
    /// None comes.
    pub fn answer(&mut self, user: &str, password: &str) -> Result<String> {
        let iq = self.until("<iq", "</iq>")?;
        let (id, from) = (attribute(&iq, "id")?, attribute(&iq, "from")?);
        let is_known = iq.contains("urn:broadband-forum-org:cwmp:xmppConnReq-1-0")
            && iq.contains(&format!("<username>{user}</username>"))
            && iq.contains(&format!("<password>{password}</password>"));
        let answer = if is_known {
            format!("<iq type='result' id='{id}' to='{from}'/>")
        } else {
            let condition = "<not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>";
            format!("<iq type='error' id='{id}' to='{from}'><error type='cancel'>{condition}</error></iq>")
        };
        self.say(&answer)?;
        Ok(iq)
    }

    fn open(&mut self) -> Result<()> {
        self.say(
            "<?xml version='1.0'?><stream:stream to='example.net' version='1.0' xmlns='jabber:client' \
             xmlns:stream='http://etherx.jabber.org/streams'>",
        )?;
        self.until("<stream:features", "</stream:features>").map(drop)
    }

    fn say(&mut self, text: &str) -> Result<()> {
        Ok(self.stream.write_all(text.as_bytes())?)
    }

    /// What came from `begin` to `end`.
    fn until(&mut self, begin: &str, end: &str) -> Result<String> {
        loop {
            let from = self.heard.find(begin);
            let to = from.and_then(|from| self.heard[from..].find(end).map(|at| from + at + end.len()));
            if let (Some(from), Some(to)) = (from, to) {
                let found = self.heard[from..to].to_owned();
                self.heard.drain(..to);
                return Ok(found);
            }
            let mut buffer = [0; 4_096];
            let len = self.stream.read(&mut buffer).with_context(|| format!("no {end} after {:?}", self.heard))?;
            if len == 0 {
                bail!("the server has left after {:?}", self.heard);
            }
            self.heard.push_str(&String::from_utf8_lossy(&buffer[..len]));
        }
    }
}

/// Of the first tag, in either kind of quotes.
fn attribute(stanza: &str, name: &str) -> Result<String> {
    let tag = stanza.split('>').next().unwrap_or_default();
    let after = ['\'', '"'].into_iter().find_map(|quote| {
        let (_, after) = tag.split_once(&format!(" {name}={quote}"))?;
        after.split(quote).next()
    });
    after.map(str::to_owned).with_context(|| format!("no {name} in {stanza}"))
}
