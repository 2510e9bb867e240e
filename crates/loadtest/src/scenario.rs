//! What a run of the load test is: who calls, when, and how they talk.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use toml::Table;

use crate::{random::Random, wire::Dialect};

/// A scenario, as its file says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scenario {
    /// What reports call it.
    pub name: String,
    /// Callers in conversation at once.
    pub callers: usize,
    /// Over so long they come, evenly spread.
    #[serde(with = "humantime_serde")]
    pub ramp_up: Duration,
    /// How long they talk once all have come.
    #[serde(with = "humantime_serde")]
    pub duration: Duration,
    /// So much of that is not counted: the server finds its pace.
    #[serde(with = "humantime_serde")]
    pub warm: Duration,
    /// Each caller leaves after so long, in the midst of whatever they say, and another one comes.
    /// Departures are evenly spread. `None`: all stay.
    #[serde(with = "humantime_serde", skip_serializing_if = "Option::is_none")]
    pub stay: Option<Duration>,
    /// How long a caller thinks before the next turn.
    pub thinking: Thinking,
    /// How likely an answer is spoken over.
    pub interruption: f64,
    /// Recordings: WAV files, or folders of them. None: the sentences that come with the program.
    pub speech: Vec<PathBuf>,
    /// Shares of the callers who speak each dialect.
    pub dialects: Dialects,
    /// Callers beside those who only send the sound of a silent room.
    pub silent: usize,
    /// Callers beside those who send nothing at all.
    pub muted: usize,
    /// How often the server is asked how it fares.
    #[serde(with = "humantime_serde")]
    pub sample_every: Duration,
    /// Another number gives other thoughts and interruptions; the same gives the same.
    pub seed: u64,
    /// Settings of a server that runs in the same process, over those in force.
    pub settings: Table,
}

/// A pause for thought, drawn evenly from between these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thinking {
    /// The shortest.
    #[serde(with = "humantime_serde")]
    pub least: Duration,
    /// The longest.
    #[serde(with = "humantime_serde")]
    pub most: Duration,
}

/// Shares of the dialects, of any sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dialects {
    /// Ours.
    pub repartee: usize,
    /// That of the original.
    pub plain: usize,
}

impl Default for Scenario {
    /// Two callers for half a minute.
    fn default() -> Self {
        Self {
            name: "callers".to_owned(),
            callers: 2,
            ramp_up: Duration::from_secs(2),
            duration: Duration::from_secs(30),
            warm: Duration::ZERO,
            stay: None,
            thinking: Thinking::default(),
            interruption: 0.0,
            speech: Vec::new(),
            dialects: Dialects::default(),
            silent: 0,
            muted: 0,
            sample_every: Duration::from_secs(5),
            seed: 1,
            settings: Table::new(),
        }
    }
}

impl Default for Thinking {
    /// People who talk take about as long as the answer was.
    fn default() -> Self {
        Self { least: Duration::from_secs(1), most: Duration::from_secs(4) }
    }
}

impl Default for Dialects {
    /// All as our page does.
    fn default() -> Self {
        Self { repartee: 1, plain: 0 }
    }
}

impl Scenario {
    /// Reads and checks a scenario.
    pub fn read(text: &str) -> Result<Self> {
        let scenario: Self = toml::from_str(text).context("not a scenario")?;
        scenario.check()?;
        Ok(scenario)
    }

    /// Whether it can be run.
    pub fn check(&self) -> Result<()> {
        let Self { thinking, interruption, dialects, .. } = self;
        ensure!(self.everybody() > 0, "nobody calls: `callers`, `silent` and `muted` are all 0");
        ensure!(!self.duration.is_zero(), "`duration` must not be zero");
        ensure!(self.warm < self.duration, "`warm` must be shorter than `duration`");
        ensure!(self.stay.is_none_or(|stay| !stay.is_zero()), "`stay` must not be zero");
        ensure!(
            thinking.least <= thinking.most,
            "`thinking.least` must not exceed `thinking.most`"
        );
        ensure!((0.0..=1.0).contains(interruption), "`interruption` is a likelihood: 0.0 to 1.0");
        ensure!(
            dialects.repartee + dialects.plain > 0,
            "nobody speaks: the shares of all `dialects` are 0"
        );
        ensure!(!self.sample_every.is_zero(), "`sample_every` must not be zero");
        Ok(())
    }

    /// The scenario as TOML.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self).context("could not write the scenario")
    }

    /// Connections at once.
    pub fn everybody(&self) -> usize {
        self.callers + self.silent + self.muted
    }

    /// From the first call to the last turn.
    pub fn total(&self) -> Duration {
        self.ramp_up + self.duration
    }

    /// From when to when turns count.
    pub(crate) fn window(&self) -> (Duration, Duration) {
        (self.ramp_up + self.warm, self.total())
    }

    /// When the caller of this place out of so many comes.
    pub(crate) fn arrival(&self, place: usize, of: usize) -> Duration {
        fraction(self.ramp_up, place, of)
    }

    /// How long the first caller of a place stays, so that departures are spread from the start.
    pub(crate) fn first_stay(&self, place: usize) -> Option<Duration> {
        self.stay.map(|stay| fraction(stay, place + 1, self.callers))
    }

    /// What the caller of this place speaks: the shares hold for every few neighbours.
    pub(crate) fn dialect(&self, place: usize) -> Dialect {
        let Dialects { repartee, plain } = self.dialects;
        let all = repartee + plain;
        let plain_before = |place: usize| place * plain / all;
        if plain_before(place + 1) > plain_before(place) {
            Dialect::Plain
        } else {
            Dialect::Repartee
        }
    }

    /// The next pause for thought.
    pub(crate) fn thought(&self, random: &mut Random) -> Duration {
        random.between(self.thinking.least, self.thinking.most)
    }
}

fn fraction(duration: Duration, part: usize, of: usize) -> Duration {
    #[expect(clippy::cast_precision_loss, reason = "callers are few")]
    let fraction = part as f64 / of.max(1) as f64;
    duration.mul_f64(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(text: &str) -> String {
        format!("{:#}", Scenario::read(text).expect_err("this is wrong"))
    }

    #[test]
    fn what_is_not_said_is_as_by_default() {
        let scenario = Scenario::read("name = \"a\"\ncallers = 3\nduration = \"1m\"\n").unwrap();
        assert_eq!((scenario.callers, scenario.duration), (3, Duration::from_mins(1)));
        assert_eq!(scenario.thinking, Thinking::default());
    }

    #[test]
    fn a_scenario_reads_what_it_writes() {
        let text = "stay = \"1m\"\n[dialects]\nplain = 1\n[settings.llm]\nmax_tokens = 40\n";
        let scenario = Scenario::read(text).unwrap();
        assert_eq!(scenario.settings["llm"]["max_tokens"].as_integer(), Some(40));
        assert_eq!(Scenario::read(&scenario.to_toml().unwrap()).unwrap(), scenario);
    }

    #[test]
    fn mistakes_are_named() {
        for (text, named) in [
            ("caller = 3", "caller"),
            ("callers = -1", "callers"),
            ("callers = 0", "nobody calls"),
            ("duration = \"long\"", "duration"),
            ("duration = \"0s\"", "duration"),
            ("warm = \"1h\"", "warm"),
            ("stay = \"0s\"", "stay"),
            ("thinking = { least = \"2s\", most = \"1s\" }", "thinking.least"),
            ("thinking = { least = \"2s\" }", "most"),
            ("interruption = 1.5", "interruption"),
            ("dialects = { repartee = 0 }", "dialects"),
            ("dialects = { klingon = 1 }", "klingon"),
            ("sample_every = \"0s\"", "sample_every"),
            ("not toml", "not a scenario"),
        ] {
            assert!(complaint(text).contains(named), "{text}: {}", complaint(text));
        }
    }

    #[test]
    fn callers_come_and_go_evenly_spread() {
        let scenario = Scenario {
            callers: 4,
            ramp_up: Duration::from_secs(8),
            stay: Some(Duration::from_mins(1)),
            ..Scenario::default()
        };
        let seconds = |it: fn(&Scenario, usize) -> Duration| {
            (0..4).map(|place| it(&scenario, place).as_secs()).collect::<Vec<_>>()
        };
        assert_eq!(seconds(|it, place| it.arrival(place, 4)), [0, 2, 4, 6]);
        assert_eq!(seconds(|it, place| it.first_stay(place).unwrap()), [15, 30, 45, 60]);
    }

    #[test]
    fn the_dialects_have_their_shares() {
        let dialects = Dialects { repartee: 3, plain: 1 };
        let scenario = Scenario { dialects, ..Scenario::default() };
        let plain = (0..8).filter(|place| scenario.dialect(*place) == Dialect::Plain);
        assert_eq!(plain.collect::<Vec<_>>(), [3, 7]);
        let none = Scenario::default();
        assert!((0..8).all(|place| none.dialect(place) == Dialect::Repartee));
    }

    #[test]
    fn thoughts_lie_between_their_bounds() {
        let (scenario, mut random) = (Scenario::default(), Random::new(3));
        let thoughts: Vec<_> = (0..100).map(|_| scenario.thought(&mut random)).collect();
        let Thinking { least, most } = scenario.thinking;
        assert!(thoughts.iter().all(|it| (least..most).contains(it)));
        assert!(thoughts.iter().any(|it| *it > most.mul_f64(0.8)));
    }
}
