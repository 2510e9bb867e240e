//! What a page must hold, whatever it is made of.

use super::*;
use crate::{CallerOutcome, TurnOutcome, report::synthetic::synthetic};

/// Shown where a name may make something else of the page.
const NASTY: &str = "</pre><script>alert(1)</script>\"><img src=x onerror='y'>";

#[test]
fn a_page_shows_each_run_and_how_they_compare() {
    let page = html(&[1, 2, 4, 8].map(|callers| synthetic(callers, 300.0, 7)));
    for text in ["How soon more callers are answered", "<h2>8 callers</h2>", "Where the time goes"]
    {
        assert!(page.contains(text), "{text}");
    }
}

#[test]
fn names_and_reasons_stay_text() {
    let mut outcome = synthetic(2, 60.0, 7);
    let nasty = || NASTY.to_owned();
    (outcome.name, outcome.scenario, outcome.made_by) = (nasty(), nasty(), nasty());
    outcome.turns.push(TurnOutcome {
        clip: nasty(),
        at: 30.0,
        failure: Some(nasty()),
        ..TurnOutcome::default()
    });
    outcome.turns.push(TurnOutcome {
        clip: nasty(),
        at: 30.0,
        voice_to_voice_ms: Some(500.0),
        ..TurnOutcome::default()
    });
    outcome.callers.push(CallerOutcome { failure: Some(nasty()), ..CallerOutcome::default() });
    outcome.samples[20].busy.insert(nasty(), 0.5);
    let page = html(&[outcome]);
    assert!(page.contains("&lt;script&gt;"));
    assert!(!page.contains("<script") && !page.contains("<img"));
}

#[test]
fn a_page_needs_nothing_else() {
    let page = html(&[synthetic(4, 60.0, 7)]);
    for other in ["http:", "https:", "src=", "url(", "@import", "<link"] {
        assert!(!page.contains(other), "{other}");
    }
}

#[test]
fn there_is_a_page_without_runs_turns_or_samples() {
    assert!(html(&[]).contains("There was no run"));
    assert!(html(&[Outcome::default()]).ends_with("</html>\n"));
    let silent = Outcome { turns: Vec::new(), ..synthetic(3, 60.0, 7) };
    assert!(html(&[silent]).contains("Memory"));
    let unasked = Outcome { samples: Vec::new(), ..synthetic(3, 60.0, 7) };
    assert!(!html(&[unasked]).contains("Memory"));
}
