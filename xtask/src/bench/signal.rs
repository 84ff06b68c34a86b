//! Our Socket.IO server and Node's, the same work in turn.

mod goal;
mod peer;
mod plan;
mod rows;
mod step;
mod table;

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Args;

pub(super) use self::peer::install_node;
use self::peer::{Kind, Peers, Programs};
use self::plan::{Measure, Plan};
use self::step::{Bench, EchoOutcome, IdleOutcome, JitterOutcome, ProductOutcome, RoomOutcome, StormOutcome};
use super::measure::Measure as _;
use super::place::Priority;
use super::{machine, report};
use crate::repository::Repository;
use crate::{Verdict, process};

#[derive(Args)]
pub(crate) struct Signal {
    /// How often each server does what is quick; the servers take turns. Memory is read twice at most, storms and cuts are
    /// made three times at most
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// What to measure; everything if not given
    #[arg(long, value_delimiter = ',')]
    only: Vec<Measure>,
    /// Run at ordinary priority instead of SCHED_RR: gentler to whoever shares the machine, and the readings spread
    #[arg(long)]
    no_realtime: bool,
    /// Put Node's server in our place as well: how far the ratios are from 1 is what the measurement is worth
    #[arg(long)]
    node_twice: bool,
    /// A few clients, once: shows that the measurement works
    #[arg(long)]
    smoke: bool,
    /// Measure the programs in this directory instead of building them
    #[arg(long)]
    programs: Option<PathBuf>,
    /// Print only: leave docs/BENCHMARKS.md as it is
    #[arg(long)]
    dry: bool,
}

/// The readings of one server, in the order of the rounds.
#[derive(Default)]
struct Readings {
    idle: Vec<IdleOutcome>,
    idle_with_recovery: Vec<IdleOutcome>,
    echo: Vec<EchoOutcome>,
    room: Vec<RoomOutcome>,
    storm: Vec<StormOutcome>,
    jitter: Vec<JitterOutcome>,
}

/// Everything that was measured; the nth reading of one server belongs to the nth of the other.
struct Results {
    /// What stands in the first column: ours, or Node in our place.
    first: Readings,
    node: Readings,
    product: ProductOutcome,
}

impl Signal {
    /// One short run on programs that are there: shows that the command works, whatever the figures are.
    pub(super) fn smoke(programs: PathBuf) -> Self {
        let programs = Some(programs);
        Self { rounds: 1, only: Vec::new(), no_realtime: true, node_twice: false, smoke: true, programs, dry: true }
    }

    pub(super) fn run(&self, repository: &Repository) -> Result<Verdict> {
        let plan = if self.smoke { Plan::smoke() } else { Plan::full(self.rounds, &self.only) };
        let publishes = !self.dry && !self.smoke && !self.node_twice;
        for measure in plan.measures.iter().filter(|_| publishes) {
            report::check_section(repository, &measure.section())?;
        }
        let machine = machine::description(repository);
        let Some((programs, peers)) = self.contenders(repository)? else {
            eprintln!("signal: neither our example `reference` nor Node's socket.io is there; nothing is measured");
            return Ok(Verdict::Pass);
        };
        let priority = if self.no_realtime { Priority::Ordinary } else { Priority::realtime_if_allowed(repository) };
        let bench = Bench { repository, programs: &programs, plan: &plan, priority };
        let results = measure(&bench, &peers)?;
        let heading = format!("`{}` on {machine}, {}", self.command_line(), peer::versions(repository)?);
        let mut missed = Vec::new();
        for &measure in &plan.measures {
            let table = rows::table(measure, &plan, &results);
            let text = table.text(&format!("{heading}; server on core 1, generator on core 0, {priority}:"), &peers);
            println!("{text}");
            if publishes {
                report::publish(repository, &measure.section(), &text)?;
            }
            missed.extend(table.missed());
        }
        // A stand-in and a smoke run have no goals.
        if missed.is_empty() || self.smoke || self.node_twice {
            return Ok(Verdict::Pass);
        }
        println!("missed:\n- {}", missed.join("\n- "));
        Ok(Verdict::Fail)
    }

    /// What runs against what; `None`: a smoke run finds nothing that it could run.
    fn contenders(&self, repository: &Repository) -> Result<Option<(Programs, Peers)>> {
        let programs = match &self.programs {
            // Servers are started elsewhere.
            Some(dir) => Programs::in_dir(&dir.canonicalize().with_context(|| format!("no {}", dir.display()))?),
            None => build(repository, self.node_twice)?,
        };
        if !self.smoke {
            install_node(repository)?;
            let first = if self.node_twice { Kind::NodeInOurPlace } else { Kind::Ours };
            let peers = Peers { first, with_node: true, with_product: !self.node_twice };
            return Ok(Some((programs, peers)));
        }
        let (ours, node) = (programs.has_reference(), peer::is_node_installed(repository));
        let first = if ours { Kind::Ours } else { Kind::NodeInOurPlace };
        Ok((ours || node).then_some((programs, Peers { first, with_node: node, with_product: true })))
    }

    /// What to type to measure the same again.
    fn command_line(&self) -> String {
        let mut line = format!("cargo xtask bench signal --rounds {}{}", self.rounds, Measure::flag(&self.only));
        for (is_set, flag) in
            [(self.no_realtime, " --no-realtime"), (self.node_twice, " --node-twice"), (self.smoke, " --smoke")]
        {
            line.push_str(if is_set { flag } else { "" });
        }
        line
    }
}

/// In release: the generator, and what of ours is measured.
fn build(repository: &Repository, node_twice: bool) -> Result<Programs> {
    let release = |more: &[&str]| {
        let mut command = repository.cargo(&["build", "--release", "--locked"]);
        process::must_pass(command.args(more))
    };
    let reference = (!node_twice).then(|| peer::reference_build(repository)).transpose()?;
    release(&["--package", "sangam-bench-signal"])?;
    if let Some(reference) = reference {
        release(&["--package", "sangam"])?;
        release(&reference)?;
    }
    Ok(Programs::in_dir(&repository.target().join("release")))
}

fn measure(bench: &Bench<'_>, peers: &Peers) -> Result<Results> {
    let plan = bench.plan;
    let mut results =
        Results { first: Readings::default(), node: Readings::default(), product: ProductOutcome::default() };
    for &measure in &plan.measures {
        for round in 1..=plan.rounds_of(measure) {
            for kind in peers.kinds() {
                eprintln!("{}, round {round} of {}: {kind}", measure.name(), plan.rounds_of(measure));
                let readings = if kind == Kind::Node { &mut results.node } else { &mut results.first };
                readings.take(bench, measure, kind)?;
            }
        }
        if measure == Measure::Idle && peers.with_product {
            eprintln!("idle: sangam serve");
            results.product = step::product(bench)?;
        }
    }
    for readings in [&results.first, &results.node] {
        readings.check()?;
    }
    Ok(results)
}

impl Readings {
    fn take(&mut self, bench: &Bench<'_>, measure: Measure, kind: Kind) -> Result<()> {
        match measure {
            Measure::Idle => {
                self.idle.push(step::idle(bench, kind, false)?);
                self.idle_with_recovery.push(step::idle(bench, kind, true)?);
            }
            Measure::Echo => self.echo.push(step::echo(bench, kind)?),
            Measure::Room => self.room.push(step::room(bench, kind)?),
            Measure::Storm => self.storm.push(step::storm(bench, kind)?),
            Measure::Jitter => self.jitter.push(step::jitter(bench, kind)?),
        }
        Ok(())
    }

    /// Numbers that cannot be are an error of the measurement, not a slow server.
    fn check(&self) -> Result<()> {
        ensure!(self.echo.iter().all(|echo| echo.echoes > 0 && echo.cpu_nanos > 0), "{:?} cannot be", self.echo);
        ensure!(self.room.iter().all(|room| room.deliveries > 0 && room.cpu_nanos > 0), "{:?} cannot be", self.room);
        let storms = self.storm.iter();
        ensure!(
            storms.clone().all(|s| s.back + s.gave_up <= s.clients && s.recovered <= s.back),
            "{:?} cannot be",
            self.storm
        );
        ensure!(self.jitter.iter().all(|j| j.expected > 0 && j.missing <= j.expected), "{:?} cannot be", self.jitter);
        Ok(())
    }
}
