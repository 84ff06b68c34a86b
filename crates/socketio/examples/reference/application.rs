use std::time::Duration;

use bytes::Bytes;
use sangam_socketio::upper::{Forbidden, Opening};
use sangam_socketio::{AckId, Application, Arguments, Entering, Entry, Event, Socket};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

/// The behaviour that the conformance suite expects. An event with an argument of another type than it needs, or
/// without the acknowledgement it needs, is ignored.
pub(crate) struct Reference;

impl Application for Reference {
    type Guest = ();

    fn open(&self, _opening: &Opening) -> Result<(), Forbidden> {
        Ok(())
    }

    fn enter(&self, entering: &mut Entering<'_, ()>) -> Entry {
        match entering.namespace {
            "/" | "/custom" => Entry::Accept,
            "/guarded" if token(entering.auth).as_deref() == Some("let-me-in") => Entry::Accept,
            "/guarded" => Entry::refuse("not allowed"),
            other if is_dynamic(other) => Entry::Accept,
            _ => Entry::invalid_namespace(),
        }
    }

    fn connected(&self, socket: &mut Socket<'_, ()>) {
        let auth = socket.auth().map_or("{}", Arguments::json);
        let auth = RawValue::from_string(auth.to_owned());
        let auth: Vec<&RawValue> = auth.iter().map(|auth| &**auth).collect();
        socket.emit(Arguments::event("auth", &auth, Vec::new()));
    }

    fn event(&self, socket: &mut Socket<'_, ()>, event: Event) {
        match &*event.name() {
            "message" => emit_as(socket, &event, "message-back"),
            "message-with-ack" => {
                if let (Some(id), Ok(arguments)) = (event.id, event.arguments.without_name()) {
                    socket.answer(id, arguments);
                }
            }
            "join" | "leave" | "rooms" | "recovered" => keep_rooms(socket, &event),
            "say" | "say-others" | "say-except" | "maybe" => {
                speak(socket, &event);
            }
            "ask-me" => {
                ask_one(socket, &event);
            }
            "ask-room" => {
                ask_room(socket, &event);
            }
            "kick-me" => socket.disconnect(),
            "kick-me-hard" => socket.close_session(),
            _ => {}
        }
    }

    fn acknowledged(&self, socket: &mut Socket<'_, ()>, _ack: AckId, answer: Option<Arguments>) {
        let answer = answer.unwrap_or_else(|| Arguments::list(&[], Vec::new()));
        let items = answer.items().unwrap_or_default();
        socket.emit(Arguments::event("answered", &items, answer.attachments().to_vec()));
    }

    fn unacknowledged(&self, socket: &mut Socket<'_, ()>, _ack: AckId) {
        socket.emit(Arguments::event("unanswered", &[], Vec::new()));
    }
}

fn token(auth: Option<&Arguments>) -> Option<String> {
    let auth: Value = serde_json::from_str(auth?.json()).ok()?;
    auth.get("token")?.as_str().map(str::to_owned)
}

fn is_dynamic(namespace: &str) -> bool {
    let digits = namespace.strip_prefix("/dyn-").unwrap_or_default();
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn emit_as(socket: &mut Socket<'_, ()>, event: &Event, name: &str) {
    if let Ok(renamed) = event.arguments.renamed(name) {
        socket.emit(renamed);
    }
}

fn keep_rooms(socket: &mut Socket<'_, ()>, event: &Event) {
    let (Ok(items), Some(id)) = (event.arguments.items(), event.id) else { return };
    let room = items.get(1).and_then(|item| text(item));
    let answer = match (&*event.name(), room) {
        ("join", Some(room)) => socket.join(&room).ok().map(|()| Value::Array(vec![])),
        ("leave", Some(room)) => {
            socket.leave(&room);
            Some(Value::Array(vec![]))
        }
        ("rooms", _) => {
            let mut rooms = socket.rooms();
            rooms.sort();
            Some(Value::Array(vec![rooms.iter().map(|room| Value::from(&**room)).collect()]))
        }
        ("recovered", _) => Some(Value::Array(vec![Value::Bool(socket.recovered())])),
        _ => None,
    };
    if let Some(answer) = answer.and_then(|answer| Arguments::new(answer.to_string().into()).ok()) {
        socket.answer(id, answer);
    }
}

fn speak(socket: &mut Socket<'_, ()>, event: &Event) -> Option<usize> {
    let items = event.arguments.items().ok()?;
    let room = text(items.get(1)?)?;
    let all = socket.server().of(socket.namespace()).to(&room);
    let (audience, name, said) = match &*event.name() {
        "say-others" => (socket.to(&room), "said", &items[2..]),
        "say-except" => (all.except(&text(items.get(2)?)?), "said", &items[3..]),
        "maybe" => (all.volatile(), "maybe", &items[2..]),
        _ => (all, "said", &items[2..]),
    };
    Some(audience.emit(Arguments::event(name, said, event.arguments.attachments().to_vec())))
}

fn ask_one(socket: &mut Socket<'_, ()>, event: &Event) -> Option<AckId> {
    let items = event.arguments.items().ok()?;
    let timeout = millis(items.get(1)?)?;
    let question = Arguments::event("question", &items[2..], event.arguments.attachments().to_vec());
    Some(socket.ask(question, timeout))
}

fn ask_room(socket: &mut Socket<'_, ()>, event: &Event) -> Option<()> {
    let items = event.arguments.items().ok()?;
    let (room, timeout) = (text(items.get(1)?)?, millis(items.get(2)?)?);
    let question = Arguments::event("question", &items[3..], event.arguments.attachments().to_vec());
    let (server, namespace, sid) = (socket.server().clone(), socket.namespace().to_owned(), socket.sid().clone());
    let answers = server.of(&namespace).to(&room).ask(question, timeout);
    tokio::spawn(async move {
        let answers = answers.await;
        let (lists, attachments) = first_of_each(&answers.lists);
        let items = [to_raw_value(&(answers.missing > 0)), to_raw_value(&lists)];
        let items: Vec<&RawValue> = items.iter().flatten().map(|item| &**item).collect();
        server.of(&namespace).to(&sid).emit(Arguments::event("room-answers", &items, attachments));
    });
    Some(())
}

/// As Node does, of each answer the first argument, ordered by its text.
fn first_of_each(answers: &[Arguments]) -> (Vec<Box<RawValue>>, Vec<Bytes>) {
    let mut attachments = Vec::new();
    let mut firsts: Vec<Box<RawValue>> = Vec::new();
    for answer in answers {
        let answer = answer.shifted(attachments.len());
        firsts.extend(answer.items().unwrap_or_default().first().map(|&item| item.to_owned()));
        attachments.extend_from_slice(answer.attachments());
    }
    firsts.sort_by(|a, b| a.get().cmp(b.get()));
    (firsts, attachments)
}

fn text(item: &RawValue) -> Option<String> {
    serde_json::from_str(item.get()).ok()
}

fn millis(item: &RawValue) -> Option<Duration> {
    let millis: f64 = serde_json::from_str(item.get()).ok()?;
    Duration::try_from_secs_f64(millis / 1_000.0).ok()
}
