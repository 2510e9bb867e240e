//! The search for the largest number of callers that are served well.

use std::time::Duration;

use anyhow::Result;
use loadtest::{Bottleneck, Finished, Outcome, Scenario, Search, Target, report};

use super::Test;

/// Callers of a trial come over so long each, at most, so that they do not come all at once.
const APART: Duration = Duration::from_millis(500);
/// So much of a trial is not counted, at least: its callers have just come.
const WARM: Duration = Duration::from_secs(5);

/// Tries until the number is known. Gives all trials, in order of their callers.
pub(super) async fn search(test: &Test<'_>, url: &str) -> Result<Vec<Finished>> {
    let mut search = Search::new(test.args.most.get());
    let target = Target { p95: test.args.p95 };
    let mut trials = Vec::new();
    while let Some(callers) = search.next_trial() {
        let trial = test.run(trial(&test.scenario, callers), url).await?;
        let missed = target.missed_by(&trial.outcome);
        match &missed {
            None => tracing::info!(callers, "served well"),
            Some(why) => tracing::info!(callers, "not served well: {why}"),
        }
        search.note(callers, missed.is_none());
        trials.push((callers, trial));
    }
    trials.sort_by_key(|(callers, _)| *callers);
    Ok(trials.into_iter().map(|(_, trial)| trial).collect())
}

fn trial(scenario: &Scenario, callers: usize) -> Scenario {
    let mut trial = scenario.clone();
    trial.callers = callers;
    trial.name = format!("{}, {callers} at once", scenario.name);
    if trial.duration > 2 * WARM {
        trial.warm = trial.warm.max(WARM);
    }
    trial.ramp_up = APART * u32::try_from(callers).unwrap_or(u32::MAX);
    trial
}

/// What was found.
pub(super) fn text(trials: &[Outcome], p95: Duration) -> String {
    let target = Target { p95 };
    let well = trials.iter().rposition(|trial| target.missed_by(trial).is_none());
    let found = well.map_or(0, |index| callers(&trials[index]));
    let mut parts = vec![
        report::markdown(trials),
        format!(
            "{found} callers are served well: p95 of voice to voice at most {} ms, no failures, \
             nobody turned away, hardly an underrun",
            p95.as_millis()
        ),
    ];
    let ill = trials.iter().find_map(|trial| Some((trial, target.missed_by(trial)?)));
    match (trials.first(), ill) {
        (Some(first), Some((ill, why))) => {
            parts.push(format!("{} are not: {why}", callers(ill)));
            parts.push(Bottleneck::between(first, ill).to_string());
        }
        _ => parts.push("no more were tried (--most): nothing shows the bottleneck".to_owned()),
    }
    parts.join("\n") + "\n"
}

/// Places of callers who talk.
fn callers(trial: &Outcome) -> usize {
    Scenario::read(&trial.scenario).map_or(0, |scenario| scenario.callers)
}

#[cfg(test)]
mod tests {
    use loadtest::TurnOutcome;

    use super::*;

    fn outcome(callers: usize, latency: f64) -> Outcome {
        let scenario = trial(&Scenario::default(), callers);
        let turn =
            TurnOutcome { at: 10.0, voice_to_voice_ms: Some(latency), ..TurnOutcome::default() };
        Outcome {
            name: scenario.name.clone(),
            scenario: scenario.to_toml().expect("it can be written"),
            window: (0.0, 60.0),
            turns: vec![turn],
            ..Outcome::default()
        }
    }

    #[test]
    fn it_says_how_many_are_served_well_and_why_no_more() {
        let trials = [outcome(1, 400.0), outcome(2, 700.0), outcome(3, 2_000.0)];
        let text = text(&trials, Duration::from_millis(1_500));
        assert!(text.contains("\n2 callers are served well"), "{text}");
        assert!(text.contains("3 are not: the 95th percentile is 2000 ms"), "{text}");
        assert!(text.contains("bottleneck: unknown"), "{text}");
    }

    #[test]
    fn where_all_are_served_well_there_is_no_bottleneck() {
        let text = text(&[outcome(1, 400.0), outcome(2, 700.0)], Duration::from_millis(1_500));
        assert!(text.contains("2 callers are served well"), "{text}");
        assert!(text.contains("nothing shows the bottleneck"), "{text}");
    }
}
