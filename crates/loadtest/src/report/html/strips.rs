//! Plots with a row for each thing, which are tables at the same time: where the time of a turn
//! goes, and how each caller fares.

use std::{fmt::Write, time::Duration};

use super::{
    axis::Axis,
    escape::escape,
    plot::{Side, ticks},
};
use crate::{
    Outcome, Percentiles,
    report::{
        Summary,
        summary::{in_window, slowness},
    },
};

/// More rows than this nobody looks at.
const MOST_CALLERS: usize = 24;
/// Steps that wait for one another. The turn is decided beside them.
const STEPS: [&str; 6] = [
    "transcript",
    "first token",
    "first sentence",
    "first sound made",
    "first sound sent",
    "first sound arrived",
];

/// From the end of speech to the first sound heard; `None` if no turn was measured.
pub(super) fn waterfall(summary: &Summary) -> Option<String> {
    let heard = summary.turns.voice_to_voice?;
    let part = |name: &str| {
        let found = summary.turns.parts.iter().find(|part| part.name == name);
        found.map(|part| (part.name, part.percentiles))
    };
    let steps = STEPS.iter().filter_map(|name| part(name)).chain([("first sound heard", heard)]);
    let steps: Vec<(&str, Percentiles)> = steps.collect();
    let most = steps.iter().map(|(_, its)| ms(its.p95)).fold(0.0, f64::max);
    let axis = Axis::from_zero(most);
    let decided = part("turn decided");
    let mut rows: String = decided.iter().map(|step| bar(&axis, step, 0.0, "beside")).collect();
    let mut before = 0.0;
    for step in &steps {
        rows += &bar(&axis, step, before, "step");
        before = f64::max(before, ms(step.1.p50));
    }
    let caption = "Where the time goes, from the end of speech to the first sound heard";
    let note = "In milliseconds. Bars end at the median, the lines behind them at 95 %. That the turn \
                is over is decided beside the other steps.";
    Some(table(caption, ["reached", note], &axis, &rows))
}

/// Each caller's latencies, the slowest caller first; `None` of fewer than two callers.
pub(super) fn callers(outcome: &Outcome) -> Option<String> {
    let mut callers: Vec<(usize, Percentiles)> = slowness(outcome).into_iter().collect();
    callers.sort_by_key(|(_, its)| std::cmp::Reverse(its.p95));
    let count = callers.len();
    callers.truncate(MOST_CALLERS);
    let most = callers.iter().map(|(_, its)| ms(its.max)).fold(0.0, f64::max);
    let axis = Axis::from_zero(most);
    let rows: String = callers.iter().map(|caller| strip(outcome, &axis, caller)).collect();
    let caption = match count {
        0 | 1 => return None,
        count if count > MOST_CALLERS => {
            format!("How each caller fares: the {MOST_CALLERS} slowest of {count}")
        }
        _ => "How each caller fares, the slowest first".to_owned(),
    };
    let note = "In milliseconds. Each dot is a turn, the lines are the caller's median and 95 %.";
    Some(table(&caption, ["caller", note], &axis, &rows))
}

fn table(caption: &str, [name, note]: [&str; 2], axis: &Axis, rows: &str) -> String {
    let ticks = ticks(&Side { axis: *axis, unit: "" });
    format!(
        "<figure><table class=\"strips\"><caption>{}</caption><thead><tr><th scope=\"col\">{name}\
         </th><th><svg class=\"scale\" aria-hidden=\"true\">{ticks}</svg></th><th scope=\"col\">\
         median</th><th scope=\"col\">95 %</th></tr></thead><tbody>{rows}</tbody></table>\
         <p class=\"quiet\">{note}</p></figure>\n",
        escape(caption)
    )
}

fn bar(axis: &Axis, (name, its): &(&str, Percentiles), before: f64, class: &str) -> String {
    let (median, high) = (ms(its.p50), ms(its.p95));
    let from = axis.place(before.min(median));
    let [to, high_at] = [median, high].map(|value| axis.place(value));
    let width = (to - from).max(0.3);
    let drawing = format!(
        r#"{}<rect class="{class}" x="{from:.2}%" y="5" width="{width:.2}%" height="14" rx="2"/><line class="whisker" x1="{to:.2}%" x2="{high_at:.2}%" y1="12" y2="12"/><line class="whisker" x1="{high_at:.2}%" x2="{high_at:.2}%" y1="7" y2="17"/>"#,
        grid(axis)
    );
    row(name, &drawing, its)
}

fn strip(outcome: &Outcome, axis: &Axis, (caller, its): &(usize, Percentiles)) -> String {
    let mut drawing = grid(axis);
    let turns = in_window(outcome).filter(|turn| turn.caller == *caller);
    for latency in turns.filter_map(|turn| turn.voice_to_voice_ms) {
        let x = axis.place(latency);
        let _ = write!(drawing, r#"<circle class="dot asked" cx="{x:.2}%" cy="12" r="3"/>"#);
    }
    let [median, high] = [its.p50, its.p95].map(|value| axis.place(ms(value)));
    let _ = write!(
        drawing,
        r#"<line class="median" x1="{median:.2}%" x2="{median:.2}%" y1="3" y2="21"/><line class="high" x1="{high:.2}%" x2="{high:.2}%" y1="3" y2="21"/>"#
    );
    row(&caller.to_string(), &drawing, its)
}

fn grid(axis: &Axis) -> String {
    let line = |tick: f64| {
        let x = axis.place(tick);
        format!(r#"<line class="grid" x1="{x:.2}%" x2="{x:.2}%" y1="0" y2="100%"/>"#)
    };
    axis.ticks().into_iter().map(line).collect()
}

fn row(name: &str, drawing: &str, its: &Percentiles) -> String {
    format!(
        "<tr><th scope=\"row\">{}</th><td><svg class=\"strip\" aria-hidden=\"true\">{drawing}</svg>\
         </td><td>{:.0}</td><td>{:.0}</td></tr>\n",
        escape(name),
        ms(its.p50),
        ms(its.p95)
    )
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
