//! All figures as tables.

use std::fmt::Write;

use super::escape::escape;
use crate::{
    Outcome,
    report::{
        Figure, Measured,
        field::terms,
        rows::{percent, short},
        summary::{is_answered, percentiles, ratio},
        table::{Table, table},
    },
};

/// Rows of the table that stands for the time line.
const SPANS: u32 = 12;

/// All figures of all runs, a column for each.
pub(super) fn figures(outcomes: &[Outcome]) -> String {
    let Table { head, lines } = table(outcomes);
    let head: String = head.iter().map(|name| column(name)).collect();
    let mut rows = String::new();
    for (label, values) in lines {
        let values: String = values.iter().map(|value| cell(value)).collect();
        let _ = writeln!(rows, "<tr><th scope=\"row\">{}</th>{values}</tr>", escape(&label));
    }
    wide(&format!("<thead><tr><td></td>{head}</tr></thead><tbody>{rows}</tbody>"))
}

/// What the time line shows, by time; empty without turns.
pub(super) fn spans(outcome: &Outcome) -> String {
    let ends = outcome.turns.iter().map(|turn| turn.at).filter(|at| at.is_finite());
    let span = ends.fold(0.0, f64::max) / f64::from(SPANS);
    if span <= 0.0 {
        return String::new();
    }
    let head: String =
        ["turns", "answered", "p50, ms", "p95, ms", "underruns"].map(column).concat();
    let rows: String = (0..SPANS).map(|number| span_row(outcome, number, span)).collect();
    let head = format!("<thead><tr><th scope=\"col\">seconds</th>{head}</tr></thead>");
    format!(
        "<details><summary>Turns by time, as a table</summary>{}</details>\n",
        wide(&format!("{head}<tbody>{rows}</tbody>"))
    )
}

fn span_row(outcome: &Outcome, number: u32, span: f64) -> String {
    let (from, to) = (f64::from(number) * span, f64::from(number + 1) * span);
    let last = number + 1 == SPANS;
    let turns = || outcome.turns.iter().filter(|it| it.at >= from && (it.at < to || last));
    let answered = ratio(turns().filter(|turn| is_answered(turn)).count(), turns().count());
    let latency = percentiles(turns().filter_map(|turn| turn.voice_to_voice_ms));
    let dash = || "-".to_owned();
    let cells = [
        turns().count().to_string(),
        answered.map_or_else(dash, percent),
        latency.map_or_else(dash, |its| its.p50.as_millis().to_string()),
        latency.map_or_else(dash, |its| its.p95.as_millis().to_string()),
        turns().map(|turn| turn.underruns).sum::<usize>().to_string(),
    ];
    let cells: String = cells.iter().map(|value| cell(value)).collect();
    format!("<tr><th scope=\"row\">{} to {}</th>{cells}</tr>\n", short(from), short(to))
}

/// The run in the terms of others.
pub(super) fn field(outcome: &Outcome) -> String {
    let names = ["count", "mean", "median", "p90", "p95", "min", "max"].map(column).concat();
    let mut text = String::new();
    for project in terms(outcome) {
        let rows: String = project.figures.iter().map(figure).collect();
        let notes: String = project.figures.iter().map(note).collect();
        let rows = format!(
            "<caption>{}</caption><thead><tr><td></td>{names}</tr></thead><tbody>{rows}</tbody>",
            escape(project.name)
        );
        let _ = writeln!(
            text,
            "{}<details><summary>What {} measures, and where ours comes only near</summary>\
             <dl>{notes}</dl></details>",
            wide(&rows),
            escape(project.name)
        );
    }
    text
}

fn figure(figure: &Figure) -> String {
    let cells: Vec<String> = match figure.value {
        None => vec!["-".to_owned(); 7],
        Some(Measured::Number(number)) => {
            let mut cells = vec![figure.number(number)];
            cells.resize(7, String::new());
            cells
        }
        Some(Measured::Spread(spread)) => {
            let numbers = spread.numbers().map(|number| figure.number(number));
            [vec![spread.count.to_string()], numbers.into()].concat()
        }
    };
    let cells: String = cells.iter().map(|value| cell(value)).collect();
    let mark = if figure.approximation.is_some() { " ≈" } else { "" };
    format!("<tr><th scope=\"row\">{}{mark}</th>{cells}</tr>\n", escape(&figure.label()))
}

fn note(figure: &Figure) -> String {
    let near = figure
        .approximation
        .map_or_else(String::new, |near| format!(" <em>Approximate here: {}.</em>", escape(near)));
    format!("<dt>{}</dt><dd>{}.{near}</dd>\n", escape(figure.name), escape(figure.definition))
}

fn column(name: &str) -> String {
    format!("<th scope=\"col\">{}</th>", escape(name))
}

fn cell(value: &str) -> String {
    format!("<td>{}</td>", escape(value))
}

/// A table that scrolls within itself where it is wider than the page.
fn wide(rows: &str) -> String {
    format!("<div class=\"wide\" tabindex=\"0\"><table>{rows}</table></div>\n")
}
