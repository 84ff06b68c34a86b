use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::client::{Client, Opened, Session};
use crate::crowd::Gate;
use crate::ledger::{Cut, Ledger};
use crate::target::Target;
use crate::wire::Wire;

/// Where the whole is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Gathering,
    /// Rooms are spoken to and clients are cut.
    Cutting,
    /// Nothing more is said, nobody is cut; so many numbers there were.
    Settling {
        total: usize,
    },
    Over,
}

/// How many members came how far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    joined: AtomicUsize,
    heard: AtomicUsize,
    complete: AtomicUsize,
}

impl Tally {
    pub(super) fn joined(&self) -> usize {
        self.joined.load(Ordering::Relaxed)
    }

    /// Got the first number.
    pub(super) fn heard(&self) -> usize {
        self.heard.load(Ordering::Relaxed)
    }

    /// Have all numbers.
    pub(super) fn complete(&self) -> usize {
        self.complete.load(Ordering::Relaxed)
    }
}

/// A client in a room that loses its transport now and then.
pub(super) struct Member {
    target: Target,
    index: usize,
    room: String,
    cut_every_seconds: f64,
    /// Sockets that fell silent. Nobody reads them; the server must not hear that they are gone.
    silent: Vec<Wire>,
    story: Story,
}

/// What became of it.
#[derive(Debug, Default)]
pub(super) struct Story {
    pub(super) ledger: Ledger,
    pub(super) resets: u64,
    pub(super) silences: u64,
    pub(super) recovered_from_reset: u64,
    pub(super) recovered_from_silence: u64,
    pub(super) ended_by_server: u64,
}

/// What ended a transport.
enum Loss {
    /// We did.
    Cut,
    Server,
    Over,
}

/// A lost network is back after something in between, seconds.
const OUTAGE_SECONDS: std::ops::Range<f64> = 0.2..3.0;
/// How long one attempt to come back may take.
const ATTEMPT_MAX: Duration = Duration::from_secs(5);

impl Member {
    pub(super) fn new(target: Target, index: usize, room: String, cut_every_seconds: f64) -> Self {
        Self { target, index, room, cut_every_seconds, silent: Vec::new(), story: Story::default() }
    }

    pub(super) async fn live(
        mut self,
        gate: Gate,
        mut stage: watch::Receiver<Stage>,
        tally: Arc<Tally>,
    ) -> Result<Story> {
        let mut client = gate.pass(self.first_connect()).await?;
        tally.joined.fetch_add(1, Ordering::Relaxed);
        self.listen_once(&mut client).await?;
        tally.heard.fetch_add(1, Ordering::Relaxed);
        let mut is_complete = false;
        loop {
            let loss = self.listen(&mut client, &mut stage, &mut is_complete, &tally).await?;
            let (session, cut) = match loss {
                Loss::Over => return Ok(self.story),
                Loss::Server => {
                    self.story.ended_by_server += 1;
                    self.story.ledger.cut(Cut::Reset);
                    (client.into_session(), None)
                }
                Loss::Cut => {
                    let (session, cut) = self.cut(client);
                    (session, Some(cut))
                }
            };
            sleep(Duration::from_secs_f64(rand::random_range(OUTAGE_SECONDS))).await;
            let Some((returned, recovered)) = self.come_back(session, &stage).await else { return Ok(self.story) };
            client = returned;
            match cut {
                Some(Cut::Reset) => self.story.recovered_from_reset += u64::from(recovered),
                Some(Cut::Silence) => self.story.recovered_from_silence += u64::from(recovered),
                None => {}
            }
        }
    }

    async fn first_connect(&self) -> Result<Client> {
        let mut client = Client::connect(&self.target, self.index).await?;
        client.join(&self.room).await?;
        Ok(client)
    }

    async fn listen_once(&mut self, client: &mut Client) -> Result<()> {
        let number = next_number(client).await?;
        self.story.ledger.take(number);
        Ok(())
    }

    /// Until the transport is lost, one way or another.
    async fn listen(
        &mut self,
        client: &mut Client,
        stage: &mut watch::Receiver<Stage>,
        is_complete: &mut bool,
        tally: &Tally,
    ) -> Result<Loss> {
        // Even in 0..2: the mean is 1.
        let left_alone = self.cut_every_seconds * 2.0 * rand::random::<f64>();
        let cut_at = Instant::now() + Duration::from_secs_f64(left_alone);
        loop {
            let now = *stage.borrow_and_update();
            match now {
                Stage::Over => return Ok(Loss::Over),
                Stage::Settling { total } if !*is_complete && self.story.ledger.is_complete(total) => {
                    *is_complete = true;
                    tally.complete.fetch_add(1, Ordering::Relaxed);
                }
                Stage::Gathering | Stage::Cutting | Stage::Settling { .. } => {}
            }
            tokio::select! {
                number = next_number(client) => match number {
                    Ok(number) => self.story.ledger.take(number),
                    Err(_) => return Ok(Loss::Server),
                },
                () = sleep_until(cut_at), if now == Stage::Cutting => return Ok(Loss::Cut),
                changed = stage.changed() => changed.context("the measurement is off")?,
            }
        }
    }

    fn cut(&mut self, client: Client) -> (Session, Cut) {
        if rand::random() {
            self.story.resets += 1;
            self.story.ledger.cut(Cut::Reset);
            return (client.reset(), Cut::Reset);
        }
        self.story.silences += 1;
        self.story.ledger.cut(Cut::Silence);
        let (session, wire) = client.fall_silent();
        self.silent.push(wire);
        (session, Cut::Silence)
    }

    /// Tries until it is there again, in its room: joined anew where the server does not recover it. Whether it did stands
    /// beside. `None`: all is over meanwhile.
    async fn come_back(&self, session: Session, stage: &watch::Receiver<Stage>) -> Option<(Client, bool)> {
        const AGAIN: Duration = Duration::from_millis(200);
        while *stage.borrow() != Stage::Over {
            let attempt = async {
                let opened = Opened::open(&self.target, self.index).await?;
                let (mut client, recovered) = opened.enter(Some(session.clone())).await?;
                if !recovered {
                    client.ask_to_join(&self.room).await?;
                }
                anyhow::Ok((client, recovered))
            };
            if let Ok(Ok(returned)) = timeout(ATTEMPT_MAX, attempt).await {
                return Some(returned);
            }
            sleep(AGAIN).await;
        }
        None
    }
}

async fn next_number(client: &mut Client) -> Result<usize> {
    let arguments = client.next_event("said").await?;
    let number = arguments.first().and_then(serde_json::Value::as_u64).context("what was said is no number")?;
    Ok(usize::try_from(number)?)
}
