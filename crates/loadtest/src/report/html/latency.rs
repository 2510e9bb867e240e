//! How soon callers are answered: over the callers of several runs, and spread within one.

use std::time::Duration;

use super::{
    axis::Axis,
    plot::{Plot, Side, Size},
};
use crate::{
    Outcome, Percentiles,
    report::{Summary, summary::in_window},
};

/// What a line over callers shows.
type Line = (&'static str, &'static str, fn(&Percentiles) -> Duration);

const LINES: [Line; 4] = [
    ("curve first", "median", |its| its.p50),
    ("curve second", "90 of 100 are sooner", |its| its.p90),
    ("curve third", "95 of 100 are sooner", |its| its.p95),
    ("curve fourth", "99 of 100 are sooner", |its| its.p99),
];

/// Percentiles of voice to voice over callers; `None` of fewer than two numbers of them.
pub(super) fn over_callers(summaries: &[Summary]) -> Option<String> {
    let run = |it: &Summary| Some((as_number(it.calls.at_once), it.turns.voice_to_voice?));
    let mut runs: Vec<(f64, Percentiles)> = summaries.iter().filter_map(run).collect();
    runs.sort_by(|one, other| one.0.total_cmp(&other.0));
    runs.dedup_by(|one, other| one.0.to_bits() == other.0.to_bits());
    let (most, _) = runs.last().filter(|_| runs.len() > 1)?;
    let x = Side { axis: Axis::from_zero(*most), unit: "callers" };
    let slowest = runs.iter().map(|(_, its)| ms(its.p99)).fold(0.0, f64::max);
    let y = Side { axis: Axis::from_zero(slowest), unit: "ms" };
    let description = "Percentiles of the time from the end of speech to the first sound of the \
                       answer, for each number of callers at once; the table below has all figures.";
    let mut plot = Plot::new("How soon more callers are answered", description, (x, y), Size::Tall);
    for (class, meaning, percentile) in LINES {
        plot.key(class, meaning);
        plot.line(runs.iter().map(|(callers, its)| (*callers, ms(percentile(its)))), class);
        for (callers, its) in &runs {
            let latency = ms(percentile(its));
            let tip = format!("{callers:.0} callers, {meaning}: {latency:.0} ms");
            plot.dot((*callers, latency), &class.replace("curve", "dot"), &tip);
        }
    }
    Some(plot.render())
}

/// How many turns of a run were answered within a time.
pub(super) fn spread(outcome: &Outcome, summary: &Summary) -> Option<String> {
    let all = summary.turns.voice_to_voice?;
    let mut latencies: Vec<f64> = in_window(outcome)
        .filter_map(|turn| turn.voice_to_voice_ms)
        .filter(|its| its.is_finite())
        .collect();
    latencies.sort_by(f64::total_cmp);
    let count = as_number(latencies.len());
    let x = Side { axis: Axis::from_zero(ms(all.max)), unit: "ms" };
    let y = Side { axis: Axis::from_zero(100.0), unit: "%" };
    let notes = [(50.0, "median", all.p50), (95.0, "95 %", all.p95)];
    let description = format!(
        "{} turns; half are answered within {:.0} ms, 95 % within {:.0} ms, all within {:.0} ms.",
        all.count,
        ms(all.p50),
        ms(all.p95),
        ms(all.max)
    );
    let title = "Turns whose answer is heard within a time";
    let mut plot = Plot::new(title, &description, (x, y), Size::Tall);
    let mut corners = vec![(0.0, 0.0)];
    let mut below = 0.0;
    for (place, latency) in latencies.into_iter().enumerate() {
        corners.push((latency, below));
        below = as_number(place + 1) / count * 100.0;
        corners.push((latency, below));
    }
    plot.line(corners.into_iter(), "curve first");
    for (percent, name, latency) in notes {
        let tip = format!("{name}: {:.0} ms", ms(latency));
        plot.dot((ms(latency), percent), "dot first", &tip);
        plot.note((ms(latency), percent), &tip);
    }
    Some(plot.render())
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

#[expect(clippy::cast_precision_loss, reason = "counts are small")]
fn as_number(count: usize) -> f64 {
    count as f64
}
