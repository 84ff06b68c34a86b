use std::collections::BTreeMap;

use sangam_sync_proto::Rules;
use sangam_sync_server::group::NotPushed;
use sangam_testkit::faulty_disk::Survives;
use sangam_testkit::faulty_writer::Fault;
use sangam_testkit::sync_model::{Accepted, Answer, Folded, Model, Sent};

use crate::client::Client;
use crate::dice::Dice;
use crate::mutants::Mutant;
use crate::server::Server;
use crate::wire::{Reply, Request, Row};
use crate::{Stats, Violation};

const START_MS: u64 = 1_702_569_600_000;
/// Cycles of each client after which every queue must be empty.
const ROUNDS_MAX: usize = 80;

/// All databases as the model has them.
type Models = BTreeMap<String, Model>;

/// On its way, in no order.
#[derive(Clone, Debug)]
struct Message {
    client: usize,
    seq: u64,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    Ask(Request),
    Answer(Reply),
}

/// A push that reached the server.
#[derive(Clone, Debug)]
struct Waiting {
    client: usize,
    seq: u64,
    ops: Vec<Sent>,
}

/// What goes wrong while a group is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    None,
    Faults(&'static [Fault]),
    /// The power is cut before the disk was synced.
    CutBefore(Survives),
    /// After, before anybody was answered.
    CutAfter,
}

/// Clients, a network that loses, repeats and reorders, a server whose disk fails, and what it must do.
pub(crate) struct World {
    dice: Dice,
    now: u64,
    server: Server,
    clients: Vec<Client>,
    network: Vec<Message>,
    waiting: Vec<Waiting>,
    /// What may be on the disk: more than one as long as it cannot be told from outside.
    candidates: Vec<Models>,
    /// Up to where tombstones were dropped.
    swept: BTreeMap<String, u64>,
    mutant: Option<Mutant>,
    /// How many edits in a hundred are deletions.
    deletions: u64,
    sweeps_below: usize,
    seq: u64,
    stats: Stats,
}

/// Plays one seed to its end.
pub(crate) fn run(seed: u64, mutant: Option<Mutant>) -> Result<Stats, Violation> {
    let mut world = World::new(seed, mutant);
    let steps = 60 + world.dice.roll(140);
    for _ in 0..steps {
        world.step()?;
    }
    world.settle_down()?;
    Ok(world.stats)
}

impl World {
    fn new(seed: u64, mutant: Option<Mutant>) -> Self {
        let mut dice = Dice::new(seed);
        let dbs = ["d0", "d1"];
        let (clients, dbs) = (1 + dice.roll(8), &dbs[..1 + dice.roll(2)]);
        let rules = Rules { push_ops_max: dice.pick(&[3, 500]), ..Rules::default() };
        let clients = (0..clients).map(|at| Client::new(at, dice.pick(dbs), &mut dice)).collect();
        let models = dbs.iter().map(|&db| (db.to_owned(), Model::default())).collect();
        Self {
            now: START_MS,
            server: Server::new(mutant, rules),
            clients,
            network: Vec::new(),
            waiting: Vec::new(),
            candidates: vec![models],
            swept: BTreeMap::new(),
            mutant,
            deletions: dice.pick(&[10, 20, 60]),
            sweeps_below: dice.pick(&[96, 97, 100]),
            dice,
            seq: 0,
            stats: Stats::default(),
        }
    }

    fn step(&mut self) -> Result<(), Violation> {
        self.now += self.dice.pick(&[0, 0, 1, 1, 7, 60_000]);
        match self.dice.roll(100) {
            0..15 => self.edit(),
            15..39 => self.client_acts(),
            39..73 => self.deliver()?,
            73..76 => drop(self.take_message()),
            76..79 => {
                let again = self.take_message();
                self.network.extend(again.iter().cloned());
                self.network.extend(again);
            }
            79..92 => self.group()?,
            92 => self.any_client().restart(),
            93 => self.any_client().lose_queue(),
            94 => self.cut_between()?,
            95 => self.server.checkpoint(),
            at if at < self.sweeps_below => self.sweep(),
            _ => {}
        }
        Ok(())
    }

    fn any_client(&mut self) -> &mut Client {
        let at = self.dice.roll(self.clients.len());
        &mut self.clients[at]
    }

    fn edit(&mut self) {
        let entity = format!("c{}/e{}", self.dice.roll(2), self.dice.roll(3));
        let value = (!self.dice.percent(self.deletions)).then(|| self.dice.number(4));
        let (writing, now) = (self.dice.pick(&[0, 1, 2]), self.now);
        self.any_client().edit(entity, value, writing, now);
    }

    /// A client begins a cycle, or loses patience.
    fn client_acts(&mut self) {
        let at = self.dice.roll(self.clients.len());
        let request = if self.clients[at].is_idle() {
            Some(self.clients[at].begin())
        } else if self.dice.percent(15) {
            self.clients[at].again()
        } else {
            None
        };
        self.send(at, request);
    }

    fn send(&mut self, client: usize, request: Option<Request>) {
        let Some(request) = request else { return };
        self.seq += 1;
        self.clients[client].waits_for = self.seq;
        self.network.push(Message { client, seq: self.seq, content: Content::Ask(request) });
    }

    fn take_message(&mut self) -> Option<Message> {
        let at = self.dice.roll(self.network.len());
        (!self.network.is_empty()).then(|| self.network.swap_remove(at))
    }

    fn deliver(&mut self) -> Result<(), Violation> {
        let Some(Message { client, seq, content }) = self.take_message() else { return Ok(()) };
        match content {
            Content::Ask(Request::Push { ops }) => self.waiting.push(Waiting { client, seq, ops }),
            Content::Ask(request) => {
                let reply = self.serve(client, &request);
                self.network.push(Message { client, seq, content: Content::Answer(reply) });
            }
            Content::Answer(reply) => {
                let now = self.now;
                let hearer = &mut self.clients[client];
                if hearer.waits_for == seq && !hearer.is_idle() {
                    let next = hearer.hears(&reply, now)?;
                    self.send(client, next);
                }
            }
        }
        Ok(())
    }

    /// Answers what changes nothing.
    fn serve(&mut self, client: usize, request: &Request) -> Reply {
        let client = &self.clients[client];
        match request {
            Request::Handshake { claimed } => self.server.welcome(client, *claimed),
            Request::Pull { since, limit, collection } => self.server.page(client, *since, *limit, *collection),
            Request::Push { .. } => Reply::Unavailable,
        }
    }

    /// Everything that waits is settled together.
    fn group(&mut self) -> Result<(), Violation> {
        const CALM: Trouble = Trouble::None;
        let trouble = self.dice.pick(&[
            CALM,
            CALM,
            CALM,
            CALM,
            CALM,
            CALM,
            Trouble::Faults(&[Fault::Full]),
            Trouble::Faults(&[Fault::Full, Fault::Full, Fault::UncertainBefore]),
            Trouble::Faults(&[Fault::UncertainBefore]),
            Trouble::Faults(&[Fault::UncertainAfter]),
            Trouble::CutBefore(Survives::Beginning),
            Trouble::CutBefore(Survives::Sectors),
            Trouble::CutAfter,
        ]);
        self.settle(trouble)
    }

    fn settle(&mut self, trouble: Trouble) -> Result<(), Violation> {
        let waiting = std::mem::take(&mut self.waiting);
        if waiting.is_empty() {
            return Ok(());
        }
        let pushes: Vec<(String, Vec<Sent>)> =
            waiting.iter().map(|push| (self.clients[push.client].db.clone(), push.ops.clone())).collect();
        let faults = if let Trouble::Faults(faults) = trouble { faults } else { &[] };
        let is_cut = matches!(trouble, Trouble::CutBefore(_) | Trouble::CutAfter);
        let synced = is_cut.then(|| self.server.synced());
        // The server's clock is not always right either.
        let now = self.now.saturating_add_signed(self.dice.pick(&[0, 0, 1, -2, -90_000]));
        let settled = self.server.settle(&pushes, now, faults);
        self.stats.groups += 1;
        let early = self.mutant == Some(Mutant::AcknowledgeEarly);
        if matches!(trouble, Trouble::CutBefore(_)) && !early {
            self.maybe(&pushes, &settled.outcomes, now);
        } else {
            self.certain(&pushes, &settled.outcomes, now)?;
        }
        if let Some(synced) = synced {
            let survives = if let Trouble::CutBefore(survives) = trouble { survives } else { Survives::Everything };
            self.stats.cuts += 1;
            self.server.cut(&synced, survives, &mut self.dice);
        } else if settled.uncertain {
            self.stats.uncertain += 1;
            self.server.reopen();
        }
        let answered = early || !is_cut;
        if trouble != Trouble::None {
            self.check_store()?;
        }
        if answered {
            for (push, outcome) in waiting.iter().zip(settled.outcomes) {
                self.answer(push, outcome);
            }
        }
        Ok(())
    }

    fn answer(&mut self, push: &Waiting, outcome: Result<Answer, NotPushed>) {
        let reply = match outcome {
            Ok(answer) => {
                self.stats.conflicts += answer.conflicts.len();
                self.stats.repeated += answer.repeated;
                self.stats.accepted += answer.accepted;
                Reply::Pushed { acknowledged: answer.acknowledged, conflicts: answer.conflicts }
            }
            Err(_) => Reply::Unavailable,
        };
        self.network.push(Message { client: push.client, seq: push.seq, content: Content::Answer(reply) });
    }

    /// The server said what became of a group: only what may be on the disk stays. What it says nobody knows of may be there.
    fn certain(
        &mut self,
        pushes: &[(String, Vec<Sent>)],
        outcomes: &[Result<Answer, NotPushed>],
        now: u64,
    ) -> Result<(), Violation> {
        let ops_max = self.server.rules.push_ops_max;
        let mut uncertain = Vec::new();
        for (push, outcome) in pushes.iter().zip(outcomes) {
            match outcome {
                Ok(answer) => {
                    let expected = self.candidates.iter_mut().map(|models| apply(models, push, ops_max, now));
                    let expected = expected.collect::<Vec<_>>();
                    let mut right = expected.iter().map(|expected| expected == answer);
                    self.candidates.retain(|_| right.next() == Some(true));
                    if self.candidates.is_empty() {
                        return Err(Violation::new(format!("{push:?} is answered {answer:?}, not {expected:?}")));
                    }
                }
                Err(NotPushed::Store(error)) if error.to_string().contains("for certain") => {
                    uncertain.push(push.clone());
                }
                Err(NotPushed::Store(_)) => {}
                Err(error) => return Err(Violation::new(format!("{push:?} is refused: {error}"))),
            }
        }
        self.fork(&uncertain, now);
        Ok(())
    }

    /// Nobody was told what became of a group: it is on the disk, or not.
    fn maybe(&mut self, pushes: &[(String, Vec<Sent>)], outcomes: &[Result<Answer, NotPushed>], now: u64) {
        let done = pushes.iter().zip(outcomes).filter(|(_, outcome)| outcome.is_ok());
        let done = done.map(|(push, _)| push.clone()).collect::<Vec<_>>();
        self.fork(&done, now);
    }

    fn fork(&mut self, pushes: &[(String, Vec<Sent>)], now: u64) {
        let ops_max = self.server.rules.push_ops_max;
        let mut with = self.candidates.clone();
        for models in &mut with {
            for push in pushes {
                apply(models, push, ops_max, now);
            }
        }
        with.retain(|models| !self.candidates.contains(models));
        self.candidates.extend(with);
    }

    fn cut_between(&mut self) -> Result<(), Violation> {
        let synced = self.server.synced();
        self.stats.cuts += 1;
        self.server.cut(&synced, Survives::Sectors, &mut self.dice);
        self.waiting.clear();
        self.check_store()
    }

    /// Clears out, no further than every replica has got that has anything.
    fn sweep(&mut self) {
        let dbs = self.candidates[0].keys().cloned().collect::<Vec<_>>();
        let db = self.dice.roll(dbs.len());
        let db = &dbs[db];
        let all = self.clients.iter().filter(|client| client.db == *db && client.begun);
        let resumes = all.map(|client| if client.proved { self.server.resume(db, &client.device) } else { 0 });
        let mut to = resumes.min().unwrap_or(0);
        if self.mutant == Some(Mutant::DropTombstones) {
            to = self.server.head(db);
        }
        let rows_max = self.dice.pick(&[1, 4, 100]);
        self.server.sweep(db, rows_max, to);
        let swept = self.swept.entry(db.clone()).or_default();
        *swept = to.max(*swept);
        for models in &mut self.candidates {
            models.entry(db.clone()).or_default().forget_deleted(to);
        }
        self.stats.sweeps += 1;
    }

    /// What is on the disk is what one of the candidates has.
    fn check_store(&mut self) -> Result<(), Violation> {
        let dbs = self.candidates[0].keys().cloned().collect::<Vec<_>>();
        for db in dbs {
            let (rows, head) = (self.whole(&db)?, self.server.head(&db));
            let before = self.candidates.iter().map(|models| models[&db].log().count()).collect::<Vec<_>>();
            let swept = self.swept.get(&db).copied().unwrap_or(0);
            self.candidates.retain(|models| holds(&models[&db], &rows, head, swept));
            if self.candidates.is_empty() {
                let shown = format!("{db} has head {head} and rows {rows:?}; there should be {before:?} rows");
                return Err(Violation::new(shown));
            }
        }
        Ok(())
    }

    /// Everything a replica is shown that begins anew.
    fn whole(&mut self, db: &str) -> Result<Vec<Row>, Violation> {
        let (mut rows, mut since) = (Vec::new(), 0);
        for _ in 0..10_000 {
            let (page, end) = self.server.rows(db, since, 50, None);
            rows.extend(page);
            since = end.next;
            if !end.has_more {
                return Ok(rows);
            }
        }
        Err(Violation::new(format!("the pages of {db} do not end")))
    }

    /// Nothing fails any more: every queue empties, and everybody has the same.
    fn settle_down(&mut self) -> Result<(), Violation> {
        self.network.clear();
        self.waiting.clear();
        self.clients.iter_mut().for_each(Client::end);
        (0..3).for_each(|_| self.sweep());
        let mut rounds = 0;
        while !self.clients.iter().all(Client::is_drained) {
            rounds += 1;
            if rounds > ROUNDS_MAX {
                return Err(Violation::new("a queue never empties".to_owned()));
            }
            self.round()?;
        }
        self.round()?;
        self.check_store()?;
        self.check_replicas()
    }

    /// One cycle of each client.
    fn round(&mut self) -> Result<(), Violation> {
        for at in 0..self.clients.len() {
            self.now += 1_000;
            let request = self.clients[at].begin();
            self.send(at, Some(request));
            while !self.clients[at].is_idle() {
                self.deliver()?;
                self.settle(Trouble::None)?;
            }
            let (client, head) = (&self.clients[at], self.server.head(&self.clients[at].db));
            if client.pages > client.rows + usize::try_from(head).unwrap() / 7 + 2 {
                return Err(Violation::new(format!("{} pages for {} rows", client.pages, client.rows)));
            }
        }
        Ok(())
    }

    fn check_replicas(&mut self) -> Result<(), Violation> {
        for client in &self.clients {
            let mut expected = live(&self.candidates[0][&client.db].folded());
            expected.retain(|entity, _| client.collection.is_none_or(|wanted| entity.starts_with(wanted)));
            if live(&client.pulled) != expected {
                let (device, pulled) = (&client.device, live(&client.pulled));
                return Err(Violation::new(format!("{device} has {pulled:?}, the log makes {expected:?}")));
            }
        }
        let dbs = self.candidates[0].keys().cloned().collect::<Vec<_>>();
        for db in dbs {
            let rows = self.whole(&db)?.into_iter();
            let anew: Folded = rows.map(|row| (row.sent.entity, (row.sent.version, row.sent.value))).collect();
            let expected = live(&self.candidates[0][&db].folded());
            if live(&anew) != expected {
                return Err(Violation::new(format!("who begins anew has {anew:?}, the log makes {expected:?}")));
            }
        }
        Ok(())
    }
}

fn apply(models: &mut Models, (db, ops): &(String, Vec<Sent>), ops_max: usize, now: u64) -> Answer {
    models.entry(db.clone()).or_default().push(ops, ops_max, now)
}

fn live(folded: &Folded) -> BTreeMap<String, (u64, u64)> {
    folded.iter().filter_map(|(entity, (version, value))| Some((entity.clone(), (*version, (*value)?)))).collect()
}

/// Whether a log is what a model has, but for rows that were overtaken and tombstones that were dropped.
fn holds(model: &Model, rows: &[Row], head: u64, swept: u64) -> bool {
    let overtaken = |row: &Accepted| {
        let later = model.log().rfind(|later| later.sent.entity == row.sent.entity);
        later.is_some_and(|later| {
            later.cursor > row.cursor || (later.sent.value.is_none() && later.cursor <= Some(swept))
        })
    };
    let mut rows = rows.iter().peekable();
    let all = model.log().all(|expected| {
        let found = rows.next_if(|row| Some(row.cursor) == expected.cursor);
        found.map_or_else(
            || overtaken(expected),
            |row| row.sent == Sent { timestamp_ms: expected.at_ms, ..expected.sent.clone() },
        )
    });
    all && rows.peek().is_none() && head == model.head()
}
