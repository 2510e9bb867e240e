//! How a run goes, on a terminal.

use std::{
    future::Future,
    io::{IsTerminal, stderr},
    time::Duration,
};

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use loadtest::{Finished, Now, Run};
use tokio::time::{MissedTickBehavior, interval};

/// How often it is shown.
const EVERY: Duration = Duration::from_millis(500);
/// Where there is no terminal the log says it so rarely.
const TOLD_EVERY: Duration = Duration::from_mins(1);

/// Shows how a run goes until it is complete, which takes about `total`.
pub(super) async fn shown(
    run: &Run,
    total: Duration,
    complete: impl Future<Output = Result<Finished>>,
) -> Result<Finished> {
    let show =
        async { if stderr().is_terminal() { draw(run, total).await } else { tell(run).await } };
    tokio::select! {
        finished = complete => finished,
        never = show => never,
    }
}

async fn draw(run: &Run, total: Duration) -> Result<Finished> {
    let bar = ProgressBar::new(total.as_secs());
    let template = "{elapsed_precise} {wide_bar} {eta_precise} {msg}";
    bar.set_style(ProgressStyle::with_template(template)?);
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        let now = run.now();
        bar.set_position(now.elapsed.min(total).as_secs());
        bar.set_message(line(&now));
    }
}

async fn tell(run: &Run) -> Result<Finished> {
    let mut ticks = interval(TOLD_EVERY);
    loop {
        ticks.tick().await;
        let now = run.now();
        tracing::info!(elapsed_s = now.elapsed.as_secs(), "{}", line(&now));
    }
}

fn line(now: &Now) -> String {
    let Now { connected, turns, failures, p95, .. } = now;
    let p95 = p95.map_or_else(|| "-".to_owned(), |p95| p95.as_millis().to_string());
    format!("{connected} callers, {turns} turns, {failures} failures, p95 {p95} ms")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_it_goes() {
        let p95 = Some(Duration::from_millis(640));
        let now = Now { connected: 3, turns: 20, failures: 1, p95, ..Now::default() };
        assert_eq!(line(&now), "3 callers, 20 turns, 1 failures, p95 640 ms");
        assert!(line(&Now::default()).ends_with("p95 - ms"));
    }
}
