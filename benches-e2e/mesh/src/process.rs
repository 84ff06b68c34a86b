use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use sangam_testkit::network::Host;

use crate::line::{Order, Said};

/// What the ends are.
#[derive(Args, Clone, Debug)]
pub(crate) struct Kind {
    /// A Python that has aiortc: its ends instead of ours
    #[arg(long, requires = "script")]
    python: Option<PathBuf>,
    /// The script of aiortc's end
    #[arg(long)]
    script: Option<PathBuf>,
    /// Run the ends in SCHED_RR
    #[arg(long)]
    realtime: bool,
}

/// A process that is one end of links, on a core of its own.
pub(crate) struct End {
    child: Child,
    orders: ChildStdin,
    said: Receiver<Said>,
}

/// Far beyond what any step of a measurement takes.
const ANSWER_MAX: Duration = Duration::from_secs(60);
/// Lines that wait at most.
const LINES_MAX: usize = 1_024;

impl Kind {
    fn command(&self, core: usize) -> Result<Command> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let mut command = Command::new("taskset");
        command.args(["-c", &(core % cores).to_string()]);
        if self.realtime {
            command.args(["chrt", "-r", "10"]);
        }
        match (&self.python, &self.script) {
            (Some(python), Some(script)) => command.arg(python).arg("-P").arg(script),
            _ => command.arg(std::env::current_exe()?).arg("end"),
        };
        Ok(command)
    }
}

/// Puts the threads of this process that carry the ends' packets and words above the ends. Not the one that waits for processes
/// to end: the kernel has it spin until everybody has let go of their files in `/proc`, and who holds those does not get a turn
/// from real time.
pub(crate) fn raise_threads(kind: &Kind) -> Result<()> {
    let main = std::process::id().to_string();
    for task in std::fs::read_dir("/proc/self/task")?.filter(|_| kind.realtime) {
        let task = task?.file_name();
        if *main != *task {
            let raised = Command::new("chrt").args(["-r", "-p", "20"]).arg(task).status()?;
            ensure!(raised.success(), "the priority of a thread could not be changed");
        }
    }
    Ok(())
}

impl End {
    /// Starts one on a host and waits until it takes orders.
    pub(crate) fn start(kind: &Kind, host: &Host, core: usize) -> Result<Self> {
        let mut command = kind.command(core)?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = host.inside(|| command.spawn().context("cannot start an end"))?;
        let orders = child.stdin.take().context("no standard input")?;
        let output = child.stdout.take().context("no standard output")?;
        let (lines, said) = mpsc::sync_channel(LINES_MAX);
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                match serde_json::from_str(&line) {
                    Ok(said) => {
                        if lines.send(said).is_err() {
                            return;
                        }
                    }
                    Err(_) => eprintln!("an end said: {line}"),
                }
            }
        });
        let mut end = Self { child, orders, said };
        end.wait("to be ready", |said| matches!(said, Said::Ready).then_some(()))?;
        Ok(end)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Gives an order.
    pub(crate) fn order(&mut self, order: &Order) -> Result<()> {
        let mut line = serde_json::to_vec(order)?;
        line.push(b'\n');
        self.orders.write_all(&line).context("an end has gone")
    }

    /// Waits for something it says; what else it says meanwhile is of no interest.
    pub(crate) fn wait<T>(&mut self, what: &str, mut wanted: impl FnMut(Said) -> Option<T>) -> Result<T> {
        loop {
            let Ok(said) = self.said.recv_timeout(ANSWER_MAX) else { bail!("an end was to {what}, and did not") };
            if let Said::Lost { link, why } = &said {
                bail!("link {link} was lost: {why}");
            }
            if let Some(found) = wanted(said) {
                return Ok(found);
            }
        }
    }

    pub(crate) fn described(&mut self, wanted: u64) -> Result<String> {
        self.wait("describe a link", |said| match said {
            Said::Described { link, sdp } if link == wanted => Some(sdp),
            _ => None,
        })
    }

    pub(crate) fn opened(&mut self, wanted: u64) -> Result<()> {
        self.wait("open a channel", |said| matches!(said, Said::Opened { link } if link == wanted).then_some(()))
    }

    /// Bytes that it has received.
    pub(crate) fn counted(&mut self) -> Result<u64> {
        self.order(&Order::Count)?;
        self.wait("count", |said| if let Said::Counted { bytes } = said { Some(bytes) } else { None })
    }

    pub(crate) fn close(&mut self, link: u64) -> Result<()> {
        self.order(&Order::Close { link })?;
        self.wait("close a link", |said| matches!(said, Said::Closed { .. }).then_some(()))
    }
}

impl Drop for End {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Has `offerer` and `answerer` connect, and waits until both have an open channel.
pub(crate) fn connect(offerer: &mut End, answerer: &mut End, link: u64) -> Result<()> {
    offerer.order(&Order::Offer { link })?;
    let offer = offerer.described(link)?;
    ensure!(offer.contains("a=candidate"), "an end has no address: {offer}");
    answerer.order(&Order::Answer { link, sdp: offer })?;
    let answer = answerer.described(link)?;
    offerer.order(&Order::Accept { link, sdp: answer })?;
    offerer.opened(link)?;
    answerer.opened(link)
}
