//! The figures of a run as labelled lines: what tables are made of.

use std::{collections::BTreeMap, fmt::Write};

use super::{CallFigures, Course, EngineFigures, ServerFigures, Summary, TurnFigures, WordErrors};
use crate::Percentiles;

const MIB: f64 = 1_048_576.0;

/// A figure with its name.
pub(super) struct Row {
    pub label: String,
    pub value: Value,
}

/// A figure.
pub(super) enum Value {
    /// As it is shown.
    Text(String),
    /// How durations are spread.
    Spread(Percentiles),
}

/// All figures that there are, most important first.
pub(super) fn rows(summary: &Summary) -> Vec<Row> {
    let mut rows = of_turns(&summary.turns);
    rows.extend(of_calls(&summary.calls));
    rows.extend(summary.server.iter().flat_map(of_server));
    rows
}

/// A number with as many decimals as it needs to be told from others like it.
pub(super) fn short(value: f64) -> String {
    match value.abs() {
        size if !size.is_finite() => "-".to_owned(),
        size if size.fract() == 0.0 => format!("{value:.0}"),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// A share of something, as people write it.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let whole = (percent - percent.round()).abs() < 0.05;
    if whole { format!("{percent:.0} %") } else { format!("{percent:.1} %") }
}

fn text(label: impl Into<String>, value: impl Into<String>) -> Row {
    Row { label: label.into(), value: Value::Text(value.into()) }
}

fn spread(label: &str, value: Option<Percentiles>) -> Option<Row> {
    Some(Row { label: label.to_owned(), value: Value::Spread(value?) })
}

fn of_turns(turns: &TurnFigures) -> Vec<Row> {
    let mut rows = vec![text("turns answered", share(turns.answered, turns.count))];
    rows.extend(spread("voice to voice", turns.voice_to_voice));
    rows.extend(turns.parts.iter().filter_map(|part| spread(part.name, Some(part.percentiles))));
    rows.extend(spread("leading silence", turns.leading_silence));
    rows.push(text("underruns", underruns(turns)));
    rows.push(text("answered early", share(turns.answered_early, turns.count)));
    rows.push(text("answered from speculation", share(turns.speculative, turns.count)));
    rows.extend(spread("saved by it", turns.saved));
    if turns.interruptions > 0 {
        rows.push(text("interruptions that stopped", share(turns.stopped, turns.interruptions)));
    }
    rows.extend(spread("barge-in stop", turns.stop));
    rows.extend(turns.understood.map(|errors| text("words misunderstood", words(errors))));
    rows.extend(turns.heard.map(|errors| text("words not heard in answers", words(errors))));
    if turns.crossings_checked > 0 || turns.crossed > 0 {
        let value = format!("{} in {} answers", turns.crossed, turns.crossings_checked);
        rows.push(text("sound of another caller", value));
    }
    rows.extend(turns.fairness.map(|ratio| text("fairness", format!("{ratio:.2}"))));
    rows.extend(failures("no answer", &turns.failures));
    rows
}

fn of_calls(calls: &CallFigures) -> Vec<Row> {
    let mut rows = vec![
        text("callers", calls.callers.to_string()),
        text("callers at once", calls.at_once.to_string()),
        text("refused", calls.refused.to_string()),
        text("waited in line", calls.waited.to_string()),
    ];
    rows.extend(spread("wait in line", calls.wait));
    rows.extend(spread("connect to ready", calls.ready));
    rows.extend(failures("connection failed", &calls.failures));
    rows
}

fn of_server(server: &ServerFigures) -> Vec<Row> {
    let mut rows = vec![
        text("CPU, cores", format!("{:.2}", server.cpu)),
        text("sessions, most", short(server.sessions.max)),
        text("memory, MiB", course(&server.resident_bytes, MIB)),
        text("threads", course(&server.threads, 1.0)),
        text("descriptors", course(&server.descriptors, 1.0)),
    ];
    rows.extend(server.engines.iter().map(|(name, engine)| of_engine(name, engine)));
    rows
}

fn of_engine(name: &str, engine: &EngineFigures) -> Row {
    let mut value = format!("{}, at most {}", percent(engine.busy), percent(engine.busy_max));
    if let (Some(mean), Some(most)) = (engine.queue_ms, engine.queue_max_ms) {
        let _ = write!(value, "; queue {} ms, at most {} ms", short(mean), short(most));
    }
    text(format!("{name} busy"), value)
}

fn course(course: &Course, unit: f64) -> String {
    let Course { first, last, max, per_hour } = course;
    let [first, last, max] = [first, last, max].map(|value| whole(value / unit));
    let growth = per_hour.map_or_else(String::new, |per_hour| {
        let growth = short(per_hour / unit);
        format!("; {}{growth} per hour", if growth.starts_with('-') { "" } else { "+" })
    });
    format!("{first} to {last}, at most {max}{growth}")
}

fn whole(value: f64) -> String {
    if value.fract().abs() < 0.05 { format!("{value:.0}") } else { format!("{value:.1}") }
}

fn share(part: usize, of: usize) -> String {
    let percent = super::summary::ratio(part, of).map(percent);
    percent.map_or_else(|| "-".to_owned(), |percent| format!("{part} of {of} ({percent})"))
}

fn words(WordErrors { wrong, words, rate }: WordErrors) -> String {
    format!("{wrong} of {words} ({})", percent(rate))
}

fn underruns(turns: &TurnFigures) -> String {
    let rate = turns.underruns_per_minute.filter(|_| turns.underruns > 0);
    let rate =
        rate.map_or_else(String::new, |rate| format!(" ({} per minute of answer)", short(rate)));
    format!("{}{rate}", turns.underruns)
}

fn failures(what: &str, reasons: &BTreeMap<String, usize>) -> Vec<Row> {
    let row = |(reason, count): (&String, &usize)| {
        text(format!("{what}: {}", one_line(reason)), count.to_string())
    };
    reasons.iter().map(row).collect()
}

/// Without line breaks or control characters, which would break a table or a terminal.
pub(super) fn one_line(text: &str) -> String {
    let plain = text.chars().map(|char| if char.is_control() { ' ' } else { char });
    plain.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}
