use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Lines of a log do not follow each other faster.
const LINES_APART: Duration = Duration::from_secs(1);

/// What the store tells while it works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Another process is pulling into the same store; we wait until it is done.
    Waiting,
    /// A download begins.
    Started {
        /// The file's name.
        what: &'a str,
        /// Bytes that an earlier try left.
        already: u64,
        /// The file's length, where it is known.
        total: Option<u64>,
    },
    /// The download has come so far.
    Received {
        /// Bytes from the beginning of the file.
        position: u64,
    },
    /// A try failed; the next one follows after `pause`.
    Retrying {
        /// Why it failed.
        problem: &'a str,
        /// How long we wait.
        pause: Duration,
    },
    /// A file that was in the way had the wrong content and is replaced.
    Replacing {
        /// The file's name.
        what: &'a str,
    },
    /// The download is complete and is being compared with its digest.
    Checking {
        /// The file's name.
        what: &'a str,
    },
    /// A file is in its place.
    Installed {
        /// The file's name.
        what: &'a str,
        /// Its length.
        size: u64,
    },
}

/// Someone who wants to know how a pull is going. Any `Fn(Event)` will do.
pub trait Progress {
    /// Takes note of `event`. The download waits meanwhile.
    fn on(&self, event: Event<'_>);
}

impl<F: Fn(Event<'_>)> Progress for F {
    fn on(&self, event: Event<'_>) {
        self(event);
    }
}

/// Nobody wants to know.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn on(&self, _event: Event<'_>) {}
}

/// Shows a pull on standard error: a bar with speed and time left where that is a terminal, else a
/// line for every tenth, so that logs stay short.
pub struct Terminal {
    /// None where standard error is not a terminal.
    bar: Option<ProgressBar>,
    current: Mutex<Current>,
}

/// The download in progress.
struct Current {
    what: String,
    already: u64,
    total: Option<u64>,
    position: u64,
    since: Instant,
    tenths_told: u64,
    /// When the last line was written, after the beginning.
    told_at: Duration,
}

impl Terminal {
    /// Shows on standard error.
    pub fn stderr() -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            // Drawn only when bytes come: no thread ticks.
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.set_style(style());
            bar
        });
        Self { bar, current: Mutex::new(Current::default()) }
    }

    fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| write_line(line)),
            None => write_line(line),
        }
    }
}

impl Progress for Terminal {
    fn on(&self, event: Event<'_>) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Waiting => self.say("waiting for another process that is pulling"),
            Event::Started { what, already, total } => {
                *current = Current::new(what, already, total);
                match &self.bar {
                    Some(bar) => begin(bar, &current),
                    None => write_line(&current.beginning()),
                }
            }
            Event::Received { position } => {
                current.position = position;
                if let Some(bar) = &self.bar {
                    bar.set_position(position);
                } else {
                    let elapsed = current.since.elapsed();
                    current.next_line(elapsed).iter().for_each(|line| write_line(line));
                }
            }
            Event::Retrying { problem, pause } => {
                self.say(&format!("{problem}; trying again in {}", HumanDuration(pause)));
            }
            Event::Replacing { what } => self.say(&format!("{what}: replacing a wrong file")),
            Event::Checking { what } => {
                if let Some(bar) = &self.bar {
                    bar.set_prefix(format!("checking {what}"));
                }
            }
            Event::Installed { what, size } => {
                if let Some(bar) = &self.bar {
                    bar.finish_and_clear();
                }
                self.say(&format!("{what}: {} installed", HumanBytes(size)));
            }
        }
    }
}

impl Default for Current {
    fn default() -> Self {
        Self::new("", 0, None)
    }
}

impl Current {
    fn new(what: &str, already: u64, total: Option<u64>) -> Self {
        let mut current = Self {
            what: what.to_owned(),
            already,
            total,
            position: already,
            since: Instant::now(),
            tenths_told: 0,
            told_at: Duration::ZERO,
        };
        current.tenths_told = current.tenths();
        current
    }

    fn beginning(&self) -> String {
        let total = self.total.map_or("unknown size".to_owned(), |it| HumanBytes(it).to_string());
        match self.already {
            0 => format!("{}: pulling {total}", self.what),
            already => {
                format!("{}: going on at {} of {total}", self.what, HumanBytes(already))
            }
        }
    }

    fn tenths(&self) -> u64 {
        self.total.filter(|total| *total > 0).map_or(0, |total| self.position * 10 / total)
    }

    /// The line to write, `elapsed` after the beginning, when another tenth is complete and the
    /// last line is not fresh: a fast download is told in one line.
    fn next_line(&mut self, elapsed: Duration) -> Option<String> {
        let (tenths, total) = (self.tenths(), self.total?);
        let due = self.position == total || elapsed >= self.told_at + LINES_APART;
        if tenths <= self.tenths_told || !due {
            return None;
        }
        (self.tenths_told, self.told_at) = (tenths, elapsed);
        let received = u128::from(self.position.saturating_sub(self.already));
        let speed = received * 1000 / elapsed.as_millis().max(1);
        let speed = u64::try_from(speed).unwrap_or(u64::MAX).max(1);
        let left = Duration::from_secs(total.saturating_sub(self.position) / speed);
        let (what, speed, left) = (&self.what, HumanBytes(speed), HumanDuration(left));
        Some(format!("{what}: {tenths}0 %, {speed}/s, {left} left"))
    }
}

fn begin(bar: &ProgressBar, current: &Current) {
    bar.set_prefix(current.what.clone());
    bar.reset();
    match current.total {
        Some(total) => bar.set_length(total),
        None => bar.unset_length(),
    }
    bar.set_position(current.already);
    // What an earlier try left must not count as speed.
    bar.reset_eta();
}

/// Fits into 80 columns: a line that wraps cannot be drawn over.
fn style() -> ProgressStyle {
    let line = "{prefix:!24} [{bar:14}] {bytes}/{total_bytes} {bytes_per_sec} {eta}";
    ProgressStyle::with_template(line)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

/// A closed standard error is no reason to end a download.
fn write_line(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a log gets of a file of 1000 bytes that comes `step` bytes a second, from `already` on.
    fn lines(already: u64, step: usize) -> Vec<String> {
        let mut current = Current::new("a.onnx", already, Some(1000));
        let mut lines = Vec::new();
        for (second, position) in (already..=1000).step_by(step).enumerate() {
            current.position = position;
            lines.extend(current.next_line(Duration::from_secs(second as u64)));
        }
        lines
    }

    #[test]
    fn a_slow_download_gets_one_line_for_each_tenth() {
        let lines = lines(750, 10);
        let expected = [
            "a.onnx: 80 %, 10 B/s, 20 seconds left",
            "a.onnx: 90 %, 10 B/s, 10 seconds left",
            "a.onnx: 100 %, 10 B/s, 0 seconds left",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_fast_download_gets_one_line() {
        let mut current = Current::new("a.onnx", 0, Some(1000));
        let mut lines = Vec::new();
        for position in (0..=1000).step_by(10) {
            current.position = position;
            lines.extend(current.next_line(Duration::from_millis(position / 10)));
        }
        assert_eq!(lines, ["a.onnx: 100 %, 9.77 KiB/s, 0 seconds left"]);
    }

    #[test]
    fn a_file_of_unknown_size_gets_no_percentages() {
        let mut current = Current::new("a.onnx", 0, None);
        current.position = 1000;
        assert_eq!(current.next_line(Duration::from_mins(1)), None);
        assert_eq!(current.beginning(), "a.onnx: pulling unknown size");
    }
}
