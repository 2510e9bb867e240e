//! Runs as tables: one for the terminal, several side by side for a page.

use std::fmt::Write;

use super::{
    Summary,
    rows::{Row, Value, one_line, rows, short},
    summary,
};
use crate::{Outcome, Percentiles};

/// The figures of a run for the terminal.
pub fn text(outcome: &Outcome) -> String {
    let summary = summary(outcome);
    let rows = rows(&summary);
    let mut text = head(&summary);
    for row in &rows {
        if let Value::Text(value) = &row.value {
            let _ = writeln!(text, "{:<28}{value}", row.label);
        }
    }
    let _ = writeln!(
        text,
        "\n{:<22}{:>7}{:>7}{:>7}{:>7}{:>7}{:>7}",
        "ms", "p50", "p90", "p95", "p99", "max", "count"
    );
    for row in &rows {
        if let Value::Spread(Percentiles { count, p50, p90, p95, p99, max }) = &row.value {
            let _ = write!(text, "{:<22}", row.label);
            for duration in [p50, p90, p95, p99, max] {
                let _ = write!(text, "{:>7}", duration.as_millis());
            }
            let _ = writeln!(text, "{count:>7}");
        }
    }
    text
}

/// The figures of several runs in Markdown, a column for each, in milliseconds unless they say
/// otherwise.
pub fn markdown(outcomes: &[Outcome]) -> String {
    let Table { head, lines } = table(outcomes);
    let mut text = String::new();
    let _ = writeln!(text, "| |{}|", head.iter().map(|name| cell(name)).collect::<String>());
    let _ = writeln!(text, "|---|{}", "--:|".repeat(head.len()));
    text = text.replacen(" ||\n", " |\n", 1);
    for (label, values) in lines {
        let values: String = values.iter().map(|value| cell(value)).collect();
        let _ = writeln!(text, "|{}{}", cell(&label), values);
    }
    text
}

/// Labelled lines over several runs.
pub(super) struct Table {
    /// The name of each run.
    pub head: Vec<String>,
    /// A label and a value for each run; "-" where a run has none.
    pub lines: Vec<(String, Vec<String>)>,
}

/// The figures of these runs side by side.
pub(super) fn table(outcomes: &[Outcome]) -> Table {
    let summaries: Vec<Summary> = outcomes.iter().map(summary).collect();
    let columns: Vec<Vec<(String, String)>> = summaries
        .iter()
        .map(|summary| rows(summary).into_iter().flat_map(cells).collect())
        .collect();
    let value = |column: &Vec<(String, String)>, label: &String| {
        let found = column.iter().find(|(its, _)| its == label);
        found.map_or_else(|| "-".to_owned(), |(_, value)| value.clone())
    };
    let line = |label: String| {
        let values = columns.iter().map(|column| value(column, &label)).collect();
        (label, values)
    };
    Table { head: names(&summaries), lines: labels(&columns).into_iter().map(line).collect() }
}

/// What to call each run: by its callers if it is the same scenario with more of them.
pub(super) fn names(summaries: &[Summary]) -> Vec<String> {
    let callers = |summary: &Summary| match summary.calls.at_once {
        1 => "1 caller".to_owned(),
        count => format!("{count} callers"),
    };
    let name = |summary: &Summary| match one_line(&summary.name) {
        name if name.is_empty() => callers(summary),
        name => format!("{name}, {}", callers(summary)),
    };
    let same = summaries.windows(2).all(|two| two[0].name == two[1].name);
    let distinct = summaries.windows(2).all(|two| two[0].calls.at_once != two[1].calls.at_once);
    let short = summaries.len() > 1 && same && distinct;
    summaries.iter().map(|summary| if short { callers(summary) } else { name(summary) }).collect()
}

fn head(summary: &Summary) -> String {
    let Summary { name, made_by, duration, window, turns, .. } = summary;
    let (from, to) = window;
    let mut head = format!("{}\n{}\n", one_line(name), one_line(made_by)).trim_start().to_owned();
    let [duration, from, to] = [duration, from, to].map(|seconds| short(finite(*seconds)));
    let _ = writeln!(
        head,
        "{duration} s; of {} turns {} count, those from {from} s to {to} s\n",
        turns.count + turns.outside,
        turns.count,
    );
    head
}

fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}

/// What a row is in a table with a column for each run.
fn cells(row: Row) -> Vec<(String, String)> {
    let Row { label, value } = row;
    match value {
        Value::Text(value) => vec![(label, value)],
        Value::Spread(Percentiles { p50, p90, p95, p99, max, .. }) if label == "voice to voice" => {
            let each = [("p50", p50), ("p90", p90), ("p95", p95), ("p99", p99), ("max", max)];
            let cell = |(name, duration): (&str, std::time::Duration)| {
                (format!("{label} {name}"), duration.as_millis().to_string())
            };
            each.map(cell).into()
        }
        Value::Spread(Percentiles { p50, p95, .. }) => {
            vec![(
                format!("{label} p50 / p95"),
                format!("{} / {}", p50.as_millis(), p95.as_millis()),
            )]
        }
    }
}

/// All labels, each after the one that it follows in the first run that has it.
fn labels(columns: &[Vec<(String, String)>]) -> Vec<String> {
    let mut labels: Vec<String> = Vec::new();
    for column in columns {
        let mut next = 0;
        for (label, _) in column {
            if let Some(place) = labels.iter().position(|its| its == label) {
                next = place + 1;
            } else {
                labels.insert(next, label.clone());
                next += 1;
            }
        }
    }
    labels
}

fn cell(text: &str) -> String {
    format!(" {} |", text.replace('|', "\\|"))
}
