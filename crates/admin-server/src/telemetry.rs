use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use sangam_control::{Figure, Figures};
use sangam_types::Wall;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::state::Clock;

/// From one sample to the next.
const INTERVAL: Duration = Duration::from_secs(60);
/// Samples that are kept: a week of them, some two megabytes. They do not outlive the process.
const SAMPLES_MAX: usize = 7 * 24 * 60;
/// Names that are kept; what comes beyond is left out.
const NAMES_MAX: usize = 64;
/// How long one source may take.
const LIMIT: Duration = Duration::from_secs(1);
/// For how long what was read answers further requests.
const KEEP: Duration = Duration::from_secs(1);

/// What the server says of itself in figures: read now, and each minute for the last week.
pub struct Telemetry {
    sources: Vec<Arc<dyn Figures>>,
    kept: StdMutex<Kept>,
    live: Mutex<Option<(Instant, Arc<[Figure]>)>>,
    limit: Duration,
    keep: Duration,
}

#[derive(Debug, Default)]
struct Kept {
    /// When the samples were taken, oldest first.
    at: VecDeque<Wall>,
    /// One value for each sample, `NaN` where there was none.
    series: BTreeMap<&'static str, VecDeque<f64>>,
}

/// What a figure was at some time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    pub(crate) at: Wall,
    pub(crate) value: f64,
}

impl Telemetry {
    /// Of these sources.
    #[must_use]
    pub fn new(sources: Vec<Arc<dyn Figures>>) -> Self {
        Self { sources, kept: StdMutex::default(), live: Mutex::default(), limit: LIMIT, keep: KEEP }
    }

    /// Takes a sample each minute, for as long as it is polled.
    pub async fn run(&self, clock: Clock) {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.sample(clock().wall).await;
        }
    }

    /// Takes a sample.
    pub async fn sample(&self, now: Wall) {
        let figures = self.live().await;
        let mut kept = self.kept();
        if kept.at.len() >= SAMPLES_MAX {
            kept.at.pop_front();
            for values in kept.series.values_mut() {
                values.pop_front();
            }
            kept.series.retain(|_, values| values.iter().any(|value| !value.is_nan()));
        }
        let before = kept.at.len();
        kept.at.push_back(now);
        for figure in figures.iter() {
            if kept.series.len() < NAMES_MAX || kept.series.contains_key(figure.name) {
                let values = kept.series.entry(figure.name).or_insert_with(|| vec![f64::NAN; before].into());
                // A source that says a name twice is heard once.
                if values.len() == before {
                    values.push_back(figure.value);
                }
            }
        }
        for values in kept.series.values_mut().filter(|values| values.len() == before) {
            values.push_back(f64::NAN);
        }
    }

    /// What the sources say now, or said less than a second ago.
    pub(crate) async fn live(&self) -> Arc<[Figure]> {
        let mut live = self.live.lock().await;
        if let Some((read, figures)) = &*live
            && read.elapsed() < self.keep
        {
            return Arc::clone(figures);
        }
        let all = join_all(self.sources.iter().map(|source| timeout(self.limit, source.figures()))).await;
        let figures: Arc<[Figure]> =
            all.into_iter().filter_map(Result::ok).flatten().filter(|figure| figure.value.is_finite()).collect();
        *live = Some((Instant::now(), Arc::clone(&figures)));
        figures
    }

    /// The last value of each name.
    pub(crate) fn current(&self) -> Vec<(&'static str, Point)> {
        let kept = self.kept();
        let last = |(name, values): (&&'static str, &VecDeque<f64>)| points(&kept, values).last().map(|it| (*name, it));
        kept.series.iter().filter_map(last).collect()
    }

    /// What a name was since then, oldest first.
    pub(crate) fn history(&self, name: &str, since: Wall) -> Vec<Point> {
        let kept = self.kept();
        let values = kept.series.get(name);
        values.into_iter().flat_map(|values| points(&kept, values)).filter(|point| point.at >= since).collect()
    }

    /// All names with all that is kept of them.
    pub(crate) fn all(&self) -> Vec<(&'static str, Vec<Point>)> {
        let kept = self.kept();
        kept.series.iter().map(|(name, values)| (*name, points(&kept, values).collect())).collect()
    }

    /// When the last sample was taken.
    pub(crate) fn last_at(&self) -> Option<Wall> {
        self.kept().at.back().copied()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn points<'a>(kept: &'a Kept, values: &'a VecDeque<f64>) -> impl Iterator<Item = Point> + 'a {
    let pairs = kept.at.iter().zip(values).filter(|(_, value)| !value.is_nan());
    pairs.map(|(at, value)| Point { at: *at, value: *value })
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use futures_util::future::BoxFuture;

    use super::*;

    struct Told(StdMutex<Vec<Figure>>);

    impl Figures for Told {
        fn figures(&self) -> BoxFuture<'_, Vec<Figure>> {
            let figures = self.0.lock().unwrap().clone();
            async move { figures }.boxed()
        }
    }

    struct Silent;

    impl Figures for Silent {
        fn figures(&self) -> BoxFuture<'_, Vec<Figure>> {
            std::future::pending().boxed()
        }
    }

    fn at(secs: u64) -> Wall {
        Wall::from_unix_secs(secs)
    }

    #[tokio::test]
    async fn a_name_that_comes_later_or_stays_away_is_missing_there_and_no_source_holds_up_the_others() {
        let told = Arc::new(Told(StdMutex::new(vec![Figure::new("a", 1.0), Figure::new("a", 9.0)])));
        let sources = vec![Arc::clone(&told) as Arc<dyn Figures>, Arc::new(Silent)];
        let telemetry = Telemetry { limit: Duration::from_millis(5), keep: Duration::ZERO, ..Telemetry::new(sources) };
        telemetry.sample(at(60)).await;
        *told.0.lock().unwrap() = vec![Figure::new("b", 2.0), Figure::new("c", f64::NAN)];
        telemetry.sample(at(120)).await;
        let point = |secs, value| Point { at: at(secs), value };
        assert_eq!(telemetry.current(), [("a", point(60, 1.0)), ("b", point(120, 2.0))]);
        assert_eq!(telemetry.history("b", at(0)), [point(120, 2.0)]);
        assert_eq!(telemetry.history("a", at(61)), []);
        assert_eq!(telemetry.last_at(), Some(at(120)));
    }

    #[tokio::test]
    async fn no_more_than_a_week_is_kept() {
        let told = Arc::new(Told(StdMutex::new(vec![Figure::new("a", 1.0)])));
        let telemetry = Telemetry::new(vec![Arc::clone(&told) as Arc<dyn Figures>]);
        for minute in 0..SAMPLES_MAX as u64 + 5 {
            telemetry.sample(at(60 * minute)).await;
        }
        let all = telemetry.all();
        assert_eq!((all.len(), all[0].1.len(), all[0].1[0].at), (1, SAMPLES_MAX, at(300)));
    }
}
