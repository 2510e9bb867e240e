use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

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
                match &self.bar {
                    Some(bar) => bar.set_position(position),
                    None => current.next_tenth().iter().for_each(|line| write_line(line)),
                }
            }
            Event::Retrying { problem, pause } => {
                self.say(&format!("{problem}; trying again in {}", HumanDuration(pause)));
            }
            Event::Replacing { what } => self.say(&format!("{what}: replacing a wrong file")),
            Event::Checking { .. } => {
                if let Some(bar) = &self.bar {
                    bar.set_message("checking");
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
        let (what, since) = (what.to_owned(), Instant::now());
        let mut current = Self { what, already, total, position: already, since, tenths_told: 0 };
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

    /// The line to write, whenever another tenth is complete.
    fn next_tenth(&mut self) -> Option<String> {
        let tenths = self.tenths();
        if tenths <= self.tenths_told {
            return None;
        }
        self.tenths_told = tenths;
        let received = u128::from(self.position.saturating_sub(self.already));
        let per_second = received * 1000 / self.since.elapsed().as_millis().max(1);
        let speed = HumanBytes(u64::try_from(per_second).unwrap_or(u64::MAX));
        Some(format!("{}: {} %, {speed}/s", self.what, tenths * 10))
    }
}

fn begin(bar: &ProgressBar, current: &Current) {
    bar.reset();
    match current.total {
        Some(total) => bar.set_length(total),
        None => bar.unset_length(),
    }
    bar.set_message("");
    bar.set_prefix(current.what.clone());
    bar.set_position(current.already);
    // What an earlier try left must not count as speed.
    bar.reset_eta();
}

fn style() -> ProgressStyle {
    let line = "{prefix} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec} {eta} {msg}";
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

    #[test]
    fn a_log_gets_one_line_for_each_tenth() {
        let mut current = Current::new("a.onnx", 250, Some(1000));
        let mut told = Vec::new();
        for position in (250..=1000).step_by(10) {
            current.position = position;
            told.extend(current.next_tenth());
        }
        let told: Vec<&str> = told.iter().filter_map(|line| line.split(',').next()).collect();
        let expected: Vec<String> = (3..=10).map(|tenth| format!("a.onnx: {tenth}0 %")).collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn a_file_of_unknown_size_gets_no_percentages() {
        let mut current = Current::new("a.onnx", 0, None);
        current.position = 1000;
        assert_eq!(current.next_tenth(), None);
        assert_eq!(current.beginning(), "a.onnx: pulling unknown size");
    }
}
