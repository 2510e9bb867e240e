//! `repartee replay`.

use std::{fs, io::Write, path::Path};

use anyhow::{Context, Result, ensure};
use replay::{Beside, End, Moment, Recording};
use serde::Serialize;

use crate::{args::ReplayArgs, config::Config};

/// Has recorded conversations again, and prints what happens in them. Without other settings, one
/// that is decided differently is an error.
pub(crate) fn run(config: &Config, args: &ReplayArgs) -> Result<()> {
    let settings = if args.with_settings { Some(config.session()?) } else { None };
    let mut different = 0;
    for file in &args.files {
        let recording = read(file)?;
        let text = if let Some(settings) = &settings {
            other(file, &recording, settings.clone(), args.json)?
        } else {
            let again = Again::of(file, &recording);
            different += usize::from(again.different > 0);
            if args.json { json(&again)? } else { again.text(&recording) }
        };
        // `print!` would panic when whoever reads has seen enough
        std::io::stdout().write_all(text.as_bytes()).context("could not print the turns")?;
    }
    let count = args.files.len();
    ensure!(different == 0, "{different} of {count} conversations are decided differently");
    Ok(())
}

fn read(file: &Path) -> Result<Recording> {
    let text = fs::read_to_string(file)
        .with_context(|| format!("could not read the recording {}", file.display()))?;
    Recording::read(&text).with_context(|| format!("could not replay {}", file.display()))
}

/// A conversation, had again as it was.
#[derive(Serialize)]
struct Again {
    file: String,
    connection: String,
    started: String,
    complete: bool,
    moments: Vec<Moment>,
    inputs: usize,
    decisions: usize,
    /// At how many inputs something else was decided.
    different: usize,
    #[serde(skip)]
    comparison: String,
}

impl Again {
    fn of(file: &Path, recording: &Recording) -> Self {
        let replayed = replay::replay(recording);
        let comparison = replay::compare(recording, &replayed);
        Self {
            file: file.display().to_string(),
            connection: recording.connection.clone(),
            started: recording.started.clone(),
            complete: recording.end == End::Complete,
            moments: replay::moments(&replayed),
            inputs: comparison.inputs,
            decisions: comparison.decisions,
            different: comparison.different,
            comparison: comparison.to_string(),
        }
    }

    fn text(&self, recording: &Recording) -> String {
        let title = title(Path::new(&self.file), recording);
        format!("{title}{}{}\n\n", lines(&self.moments), self.comparison.trim_end())
    }
}

/// The conversation under other settings, beside what the same estimate makes of its own.
fn other(
    file: &Path,
    recording: &Recording,
    settings: session::Config,
    as_json: bool,
) -> Result<String> {
    let own = replay::moments(&replay::what_if(recording, recording.config.clone()));
    let other = replay::moments(&replay::what_if(recording, settings));
    let beside = replay::beside(&own, &other);
    if as_json {
        return json(&beside);
    }
    let is_same = beside.iter().all(|moment| matches!(moment, Beside::Both(_)));
    let legend = if is_same {
        "the settings in force make no difference"
    } else {
        "- under the recorded settings, + under those in force; an estimate"
    };
    Ok(format!("{}{}{legend}\n\n", title(file, recording), lines(&beside)))
}

fn lines(of: &[impl ToString]) -> String {
    let mut lines: Vec<String> = of.iter().map(ToString::to_string).collect();
    lines.push(String::new());
    lines.join("\n")
}

fn title(file: &Path, recording: &Recording) -> String {
    let end = match recording.end {
        End::Complete => "",
        End::Incomplete => "; its end is missing, the disk was too slow",
        End::Missing => "; its end is missing, the server was stopped",
    };
    let Recording { connection, started, .. } = recording;
    format!("{}: {connection}, {started}{end}\n", file.display())
}

/// A line of JSON for each conversation.
fn json(value: &impl Serialize) -> Result<String> {
    Ok(format!("{}\n", serde_json::to_string(value).context("could not write JSON")?))
}
