use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sangam_testkit::http::{Answer, send};

use crate::book::{Book, Event};
use crate::soap::{envelope, inform, text, transfer_complete, value};

/// What a device waits before it tries again: much less than devices do, so that much happens.
const WAIT: Duration = Duration::from_millis(30);
/// An event that only this test has; its command key is the number of the Inform.
pub(crate) const TICK: &str = "X 00D09E Tick";

/// A device that informs for ever and does what it is told.
pub(crate) struct Device {
    pub(crate) serial: String,
    server: SocketAddr,
    book: Mutex<Book>,
}

/// The session broke off: there was no answer, or one that asks to come later.
struct Broken;

/// The cookie of a session.
type Cookie = Option<String>;

impl Device {
    pub(crate) fn new(server: SocketAddr, serial: String) -> Self {
        let due = ["0 BOOTSTRAP", "1 BOOT"].map(|code| (code.to_owned(), String::new()));
        let book = Book { events_due: due.into(), ..Book::default() };
        Self { serial, server, book: Mutex::new(book) }
    }

    /// As operators name it.
    pub(crate) fn id(&self) -> String {
        format!("00D09E-Box-{}", self.serial)
    }

    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One session after the other; what fails is tried again.
    pub(crate) fn run(&self, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) && self.book().wrong.is_none() {
            if self.session().is_err() {
                thread::sleep(WAIT);
            }
        }
    }

    fn session(&self) -> Result<(), Broken> {
        let (events, number) = self.next_inform();
        let mut cookie = None;
        let answer = self.post(&mut cookie, &inform(&self.serial, &events, number))?;
        if !answer.body.contains("InformResponse") {
            return self.is_wrong("an Inform", &answer);
        }
        self.informed(events, number);
        let due = self.book().transfers_due.clone();
        for task in due {
            let answer = self.post(&mut cookie, &transfer_complete(task))?;
            if !answer.body.contains("TransferCompleteResponse") {
                return self.is_wrong("TransferComplete", &answer);
            }
            let mut book = self.book();
            book.transfers_due.remove(&task);
            book.transfers_acked.insert(task);
        }
        let mut asked = self.post(&mut cookie, "")?;
        while asked.status == 200 {
            let Some((reply, task)) = self.execute(&asked.body) else { return self.is_wrong("nothing", &asked) };
            asked = self.post(&mut cookie, &reply)?;
            self.book().answered.extend(task);
        }
        Ok(())
    }

    /// All events that wait, and the number of this Inform: the same as before if that was not answered.
    fn next_inform(&self) -> (Vec<Event>, u64) {
        let mut book = self.book();
        let number = book.acked + 1;
        book.sent = number;
        let mut events = book.events_due.clone();
        events.push((TICK.to_owned(), number.to_string()));
        book.events_told.extend(events.iter().cloned());
        (events, number)
    }

    fn informed(&self, events: Vec<Event>, number: u64) {
        let mut book = self.book();
        book.acked = number;
        book.events_due.retain(|event| !events.contains(event));
        book.events_acked.extend(events);
    }

    /// Does what the server asks: the reply, and the number of the task.
    fn execute(&self, body: &str) -> Option<(String, Option<u64>)> {
        let (key, id) = (text(body, "CommandKey").or(text(body, "ParameterKey")), text(body, "ID")?);
        let task = key.and_then(|key| key.strip_prefix("task-")?.parse::<u64>().ok());
        let mut book = self.book();
        if let Some(user) = value(body, "Username") {
            book.login = Some((user.to_owned(), value(body, "Password")?.to_owned()));
            return Some((envelope(id, SET), None));
        }
        let task = task?;
        *book.ran.entry(task).or_default() += 1;
        let key = format!("task-{task}");
        let due = |code: &str, key: &str| (code.to_owned(), key.to_owned());
        let reply = if body.contains(":Reboot>") {
            book.events_due.extend([due("1 BOOT", ""), due("M Reboot", &key)]);
            "<cwmp:RebootResponse></cwmp:RebootResponse>"
        } else if body.contains(":Download>") {
            book.events_due.extend([due("7 TRANSFER COMPLETE", ""), due("M Download", &key)]);
            book.transfers_due.insert(task);
            "<cwmp:DownloadResponse><Status>1</Status><StartTime>0001-01-01T00:00:00Z</StartTime>\
             <CompleteTime>0001-01-01T00:00:00Z</CompleteTime></cwmp:DownloadResponse>"
        } else if body.contains(":SetParameterValues>") {
            SET
        } else {
            return None;
        };
        Some((envelope(id, reply), Some(task)))
    }

    fn post(&self, cookie: &mut Cookie, body: &str) -> Result<Answer, Broken> {
        let mut headers = vec![("Content-Type", "text/xml; charset=utf-8".to_owned()), ("SOAPAction", String::new())];
        headers.extend(cookie.clone().map(|cookie| ("Cookie", cookie)));
        let login = self.book().login.clone();
        let basic = login.map(|(user, password)| STANDARD.encode(format!("{user}:{password}")));
        headers.extend(basic.map(|basic| ("Authorization", format!("Basic {basic}"))));
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, &**value)).collect();
        let Ok(answer) = send(self.server, "POST", "/cwmp", &headers, body) else {
            self.book().unanswered += 1;
            return Err(Broken);
        };
        match answer.status {
            // TR-069 A.5.1: it could not be stored and is to be said again.
            200 if text(&answer.body, "FaultCode") == Some("8005") => {
                self.book().refused += 1;
                return Err(Broken);
            }
            200 | 204 => {}
            503 => {
                self.book().refused += 1;
                return Err(Broken);
            }
            _ => return self.is_wrong("a POST", &answer),
        }
        if let Some((_, new)) = answer.head.lines().filter_map(|line| line.split_once(": ")).find(is_cookie) {
            *cookie = new.split(';').next().map(str::to_owned);
        }
        Ok(answer)
    }

    fn is_wrong<T>(&self, what: &str, answer: &Answer) -> Result<T, Broken> {
        self.book().wrong(format!("{what} was answered {}: {}", answer.head, answer.body));
        Err(Broken)
    }
}

fn is_cookie((name, _): &(&str, &str)) -> bool {
    name.eq_ignore_ascii_case("set-cookie")
}

const SET: &str = "<cwmp:SetParameterValuesResponse><Status>0</Status></cwmp:SetParameterValuesResponse>";
