//! Runs as one page that needs nothing else: no script, no network, light or dark as the reader
//! likes it.

mod axis;
mod escape;
mod latency;
mod plot;
mod strips;
mod tables;
#[cfg(test)]
mod tests;
mod timeline;

use std::fmt::Write;

use self::{escape::escape, plot::SHAPES};
use super::{
    Summary,
    rows::{one_line, percent, short},
    summary,
    table::names,
};
use crate::Outcome;

const STYLE: &str = include_str!("html/style.css");

/// These runs as one page: what they amount to, then each, then all figures.
pub fn html(outcomes: &[Outcome]) -> String {
    let summaries: Vec<Summary> = outcomes.iter().map(summary).collect();
    let names = names(&summaries);
    let title = title(outcomes);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src \
         'unsafe-inline'\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n\
         <body>\n{SHAPES}\n<header><h1>{title}</h1>\n"
    );
    if outcomes.is_empty() {
        return page + "<p class=\"quiet\">There was no run.</p></header></body></html>\n";
    }
    page.push_str("</header>\n<main>\n");
    page.extend(latency::over_callers(&summaries));
    for ((outcome, summary), name) in outcomes.iter().zip(&summaries).zip(&names) {
        run(&mut page, outcome, summary, name);
    }
    let _ = write!(
        page,
        "<h2>All figures</h2>\n<p class=\"quiet\">Times in milliseconds, unless they say \
         otherwise.</p>\n{}",
        tables::figures(outcomes)
    );
    for (outcome, name) in outcomes.iter().zip(&names) {
        field(&mut page, outcome, name);
    }
    page + "</main>\n</body>\n</html>\n"
}

fn title(outcomes: &[Outcome]) -> String {
    match outcomes.first().map(|outcome| one_line(&outcome.name)) {
        Some(name) if !name.is_empty() => format!("Load test: {}", escape(&name)),
        _ => "Load test".to_owned(),
    }
}

/// What a run amounts to, and its plots.
fn run(page: &mut String, outcome: &Outcome, summary: &Summary, name: &str) {
    let (from, to) = summary.window;
    let _ = write!(
        page,
        "<section>\n<h2>{}</h2>\n<p class=\"quiet\">{}</p>\n<p class=\"quiet\">{} s long; turns \
         count from {} s to {} s.</p>\n{}",
        escape(name),
        escape(&one_line(&outcome.made_by)),
        short(summary.duration),
        short(from),
        short(to),
        cards(summary)
    );
    page.extend(latency::spread(outcome, summary));
    if let Some(timeline) = timeline::timeline(outcome) {
        page.push_str(&timeline);
        page.push_str(&tables::spans(outcome));
    }
    page.extend(strips::waterfall(summary));
    page.extend(strips::callers(outcome));
    page.extend(timeline::resources(outcome));
    if !outcome.scenario.trim().is_empty() {
        let scenario = escape(&outcome.scenario);
        let _ = writeln!(
            page,
            "<details class=\"sheet\"><summary>The scenario</summary><pre>{scenario}</pre>\
             </details>"
        );
    }
    page.push_str("</section>\n");
}

/// The figures to look at first.
fn cards(summary: &Summary) -> String {
    let Summary { turns, calls, .. } = summary;
    let dash = || "-".to_owned();
    let latency = turns.voice_to_voice;
    let ms = |its: Option<u128>| its.map_or_else(dash, |ms| format!("{ms} ms"));
    let fine = |good: bool| if good { "good" } else { "bad" };
    let cards = [
        ("median voice to voice", ms(latency.map(|its| its.p50.as_millis())), "good"),
        ("95 % sooner than", ms(latency.map(|its| its.p95.as_millis())), "good"),
        ("callers at once", calls.at_once.to_string(), "good"),
        (
            "turns answered",
            turns.ok.map_or_else(dash, percent),
            fine(turns.answered == turns.count),
        ),
        ("underruns", turns.underruns.to_string(), fine(turns.underruns == 0)),
        ("answered too early", turns.answered_early.to_string(), "good"),
        ("slowest caller to middle one", turns.fairness.map_or_else(dash, short), "good"),
        ("refused or lost", lost(summary).to_string(), fine(lost(summary) == 0)),
    ];
    let card = |(name, value, class): (&str, String, &str)| {
        format!("<div class=\"{class}\"><dt>{name}</dt><dd>{value}</dd></div>")
    };
    format!("<dl class=\"cards\">{}</dl>\n", cards.map(card).concat())
}

fn lost(summary: &Summary) -> usize {
    summary.calls.refused + summary.calls.failures.values().sum::<usize>()
}

fn field(page: &mut String, outcome: &Outcome, name: &str) {
    let _ = write!(
        page,
        "<h2>In the terms of others: {}</h2>\n<p class=\"quiet\">The turns that count, as other \
         projects publish theirs; ≈ marks what is not measured exactly as they do.</p>\n{}",
        escape(name),
        tables::field(outcome)
    );
}
