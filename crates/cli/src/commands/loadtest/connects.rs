//! What is left behind by many who come and go.

use std::time::Duration;

use anyhow::{Context, Result};
use loadtest::{ComingAndGoing, Process, Recording, come_and_go};

use crate::config::Config;

/// So many are connected at the same time.
pub(super) const AT_ONCE: usize = 8;
/// Places in a server of our own: those who are lost keep theirs for a moment.
pub(super) const PLACES: usize = 4 * AT_ONCE;
/// How long they do.
const RESUME: Duration = Duration::from_millis(200);

/// A server of our own keeps lost sessions for a moment only: else it would be full of them.
pub(super) fn prepare(config: &mut Config) {
    config.server.resume = config.server.resume.min(RESUME);
}

/// Lets so many come and go, and tells what is left.
pub(super) async fn run(url: &str, times: usize, recordings: &[Recording]) -> Result<String> {
    let first = recordings.first().context("the callers have nothing to say")?;
    Ok(text(&come_and_go(url, times, AT_ONCE, &first.sound).await?))
}

fn text(all: &ComingAndGoing) -> String {
    let ComingAndGoing { came, refused, failures, before, after, seconds } = all;
    let mut lines = vec![format!(
        "{came} came and went in {seconds:.0} s, {refused} refusals on the way, {} failures",
        failures.len()
    )];
    lines.extend(failures.iter().take(5).map(|failure| format!("  {failure}")));
    let row = |name: &str, of: fn(&Process) -> u64| {
        let (before, after) = (of(before), of(after));
        format!("{name:<12} {before:>8} before {after:>8} after")
    };
    lines.push(row("memory, KiB", |it| it.resident_bytes >> 10));
    lines.push(row("threads", |it| it.threads as u64));
    lines.push(row("descriptors", |it| it.descriptors as u64));
    lines.push(row("sessions", |it| it.sessions as u64));
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tells_before_and_after() {
        let before = Process { resident_bytes: 4 << 20, threads: 9, descriptors: 20, sessions: 0 };
        let after = Process { threads: 10, ..before };
        let failures = vec!["so it is".to_owned()];
        let all = ComingAndGoing { came: 99, failures, before, after, ..Default::default() };
        let text = text(&all);
        assert!(text.starts_with("99 came and went"), "{text}");
        assert!(text.contains("so it is") && text.contains("4096 before     4096 after"));
        assert!(text.contains("threads             9 before       10 after"), "{text}");
    }
}
