//! A run of the load test: callers come, talk, leave, and others come.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep_until, timeout_at},
};

use crate::{
    Outcome, Rates, Recording, Scenario,
    call::{Admitted, Call, Rejected},
    log::{Kept, Log, Now},
    random::Random,
    samples::{Reading, ask, metrics_url},
    silent::Silent,
    talker::Talker,
    wire::Dialect,
};

/// Who was refused or lost calls again after so long.
const AGAIN_AFTER: Duration = Duration::from_secs(2);
/// Turns that were begun in time are heard out for so long when all others have ended.
const GRACE: Duration = Duration::from_secs(20);

/// A run that can be begun, and looked at while it goes on.
#[derive(Clone, Debug)]
pub struct Run {
    pub(crate) scenario: Arc<Scenario>,
    pub(crate) recordings: Arc<[Recording]>,
    pub(crate) log: Arc<Log>,
    url: String,
}

/// What is left of a run.
#[derive(Clone, Debug)]
pub struct Finished {
    /// All that was seen.
    pub outcome: Outcome,
    /// The sound of some answers, to be listened to.
    pub kept: Vec<Kept>,
}

/// What somebody does who calls.
#[derive(Clone, Copy, Debug)]
enum Role {
    Talker(Dialect),
    Silent,
    Muted,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Talker(dialect) => dialect.name(),
            Self::Silent => "silent",
            Self::Muted => "muted",
        }
    }
}

/// Somebody's place: when they leave another one takes it.
#[derive(Clone, Copy, Debug)]
struct Place {
    role: Role,
    /// Before it is taken first.
    arrival: Duration,
    /// How long who takes it first stays.
    first_stay: Option<Duration>,
    /// How long all others do.
    stay: Option<Duration>,
    /// Numbers all places.
    number: usize,
}

impl Run {
    /// Of this scenario, at this server's `/ws`, with these recordings to speak. The sound of so
    /// many answers is kept.
    pub fn new(
        scenario: Scenario,
        url: String,
        recordings: Arc<[Recording]>,
        keep: usize,
    ) -> Result<Self> {
        scenario.check()?;
        ensure!(
            scenario.callers == 0 || !recordings.is_empty(),
            "the callers have nothing to say: there are no recordings"
        );
        let log = Arc::new(Log::new(scenario.seed, keep));
        Ok(Self { scenario: Arc::new(scenario), recordings, log, url })
    }

    /// How it goes.
    pub fn now(&self) -> Now {
        self.log.now()
    }

    /// Runs to the end. `made_by` names the program and the machine. A run begins when it is made,
    /// and can be run once.
    pub async fn complete(&self, made_by: &str) -> Result<Finished> {
        let mut sampling = JoinSet::new();
        if let Some(url) = metrics_url(&self.url) {
            sampling.spawn(self.clone().sample(url));
        }
        let mut places = JoinSet::new();
        for place in self.places() {
            places.spawn(self.clone().fill(place));
        }
        while let Some(done) = places.join_next().await {
            done.context("a caller panicked")?;
        }
        sampling.shutdown().await;
        let (outcome, kept) = self.log.take(&self.scenario, made_by);
        Ok(Finished { outcome, kept })
    }

    fn places(&self) -> impl Iterator<Item = Place> {
        let scenario = &self.scenario;
        let talkers = (0..scenario.callers).map(|number| Place {
            role: Role::Talker(scenario.dialect(number)),
            arrival: scenario.arrival(number, scenario.callers),
            first_stay: scenario.first_stay(number),
            stay: scenario.stay,
            number,
        });
        let quiet = scenario.silent + scenario.muted;
        let quiet = (0..quiet).map(move |index| Place {
            role: if index < scenario.silent { Role::Silent } else { Role::Muted },
            arrival: scenario.arrival(index, quiet),
            first_stay: None,
            stay: None,
            number: scenario.callers + index,
        });
        talkers.chain(quiet)
    }

    /// When no turn is begun any more.
    pub(crate) fn end(&self) -> Instant {
        self.log.started() + self.scenario.total()
    }

    /// Keeps a place taken until the end.
    async fn fill(self, place: Place) {
        sleep_until(self.log.started() + place.arrival).await;
        let mut random = Random::new(self.scenario.seed.wrapping_add((place.number as u64) << 32));
        let mut stay = place.first_stay;
        while Instant::now() < self.end() {
            if !self.call(place, stay, &mut random).await {
                let again = Instant::now() + AGAIN_AFTER.mul_f64(0.5 + random.fraction());
                sleep_until(again.min(self.end())).await;
            }
            stay = place.stay;
        }
    }

    /// One call. Gives whether it came to its end in peace.
    async fn call(&self, place: Place, stay: Option<Duration>, random: &mut Random) -> bool {
        let number = self.log.called(place.role.name());
        let dialect = match place.role {
            Role::Talker(dialect) => dialect,
            Role::Silent | Role::Muted => Dialect::Repartee,
        };
        let in_line = dialect == Dialect::Repartee;
        let call = Call { url: self.url.clone(), dialect, rates: Rates::default(), in_line };
        let end = self.end();
        let rejected = match place.role {
            Role::Talker(_) => match timeout_at(end, call.make()).await {
                Ok(Ok(Admitted { caller, waited, ready })) => {
                    self.log.admitted(number, waited, ready);
                    let leave = stay.map(|stay| Instant::now() + stay);
                    let cut = leave.unwrap_or(end + GRACE).min(end + GRACE);
                    let until = leave.unwrap_or(end).min(end);
                    return Talker::new(self, number, caller, random).talk(until, cut).await;
                }
                Ok(Err(rejected)) => rejected,
                // still in line when the run is over
                Err(_) => return true,
            },
            Role::Silent | Role::Muted => match timeout_at(end, Silent::call(&call)).await {
                Ok(Ok(silent)) => {
                    self.log.admitted(number, silent.waited, silent.ready);
                    let open_microphone = matches!(place.role, Role::Silent);
                    let lost = silent.stay(open_microphone, end).await;
                    self.log.left(number, 0);
                    return lost.map_err(|why| self.log.failed(number, format!("{why:#}"))).is_ok();
                }
                Ok(Err(rejected)) => rejected,
                Err(_) => return true,
            },
        };
        match rejected {
            Rejected::Refused => self.log.refused(number),
            Rejected::Failed(why) => self.log.failed(number, format!("{why:#}")),
        }
        false
    }

    /// Asks the server now and then how it fares, until it is dropped.
    async fn sample(self, url: String) {
        let mut ticks = interval(self.scenario.sample_every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut before: Option<(Instant, Reading)> = None;
        loop {
            let asked = ticks.tick().await;
            // a server that does not tell is measured all the same
            let Ok(reading) = ask(url.clone()).await else { continue };
            if let Some((then, before)) = &before {
                let at = asked.saturating_duration_since(self.log.started());
                self.log.sample(reading.since(before, asked - *then, at));
            }
            before = Some((asked, reading));
        }
    }
}
