//! `repartee loadtest`.

mod capacity;
mod connects;
mod ears;
mod progress;
mod speech;

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use loadtest::{Finished, Outcome, Recording, Run, Scenario, read_recordings, report};
use toml::Table;

use self::ears::Ears;
use super::{
    bench::{Machine, own::with_server, print},
    serve::runtime,
};
use crate::{
    args::{LoadtestArgs, LoadtestFiles},
    config::Config,
    descriptors, logging, store,
};

/// How long a trial of `--find-capacity` takes if nobody says.
const TRIAL: Duration = Duration::from_mins(1);

/// Lets callers talk, measures, prints, and writes files.
pub(crate) fn run(
    settings: impl Fn(Table) -> Result<Config>,
    args: &LoadtestArgs,
    environment: &HashMap<String, String>,
) -> Result<()> {
    if !args.kept.is_empty() {
        let outcomes = kept(&args.kept)?;
        write(&args.files, &outcomes)?;
        return print(&text(&outcomes, args));
    }
    let scenario = scenario(args)?;
    let mut config = settings(scenario.settings.clone())?;
    logging::start(&config.log)?;
    let most = most_callers(args, &scenario);
    if !names_max_connections(&scenario) {
        config.server.max_connections = config.server.max_connections.max(most);
    }
    if args.find_capacity {
        admit_all(&mut config);
    }
    provide_descriptors(&config, most);
    let runtime = runtime()?;
    let recordings = match scenario.speech.as_slice() {
        [] => runtime.block_on(speech::bundled())?,
        paths => recordings(paths)?,
    };
    if let Some(times) = args.connects {
        connects::prepare(&mut config);
        let told = runtime.block_on(at_server(&config, args, environment, async |url| {
            connects::run(&url, times.get(), &recordings).await
        }))?;
        return print(&told);
    }
    let test = Test { args, scenario, recordings, made_by: made_by() };
    let mut finished = runtime.block_on(at_server(&config, args, environment, async |url| {
        if args.find_capacity { capacity::search(&test, &url).await } else { test.once(&url).await }
    }))?;
    // after the server has gone: it would compete for the processor
    if args.listen > 0 {
        let store = store::open(&config, environment)?;
        let ears = Ears::open(&config, &store)?;
        for run in &mut finished {
            runtime.block_on(ears.listen(run, &test.recordings))?;
        }
    }
    let outcomes: Vec<Outcome> = finished.into_iter().map(|it| it.outcome).collect();
    write(&args.files, &outcomes)?;
    let text = if args.find_capacity {
        capacity::text(&outcomes, args.p95)
    } else {
        text(&outcomes, args)
    };
    print(&text)
}

fn text(outcomes: &[Outcome], args: &LoadtestArgs) -> String {
    if args.markdown {
        return report::markdown(outcomes);
    }
    outcomes.iter().map(|it| report::text(it) + "\n" + &report::field_terms(it)).collect()
}

/// Runs from files: one in each, or the trials of a search.
pub(super) fn kept(files: &[PathBuf]) -> Result<Vec<Outcome>> {
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Runs {
        One(Box<Outcome>),
        Several(Vec<Outcome>),
    }
    let mut outcomes = Vec::new();
    for file in files {
        let text = fs::read_to_string(file)
            .with_context(|| format!("could not read {}", file.display()))?;
        let runs = serde_json::from_str(&text);
        match runs.with_context(|| format!("{} is no run of the load test", file.display()))? {
            Runs::One(outcome) => outcomes.push(*outcome),
            Runs::Several(several) => outcomes.extend(several),
        }
    }
    Ok(outcomes)
}

/// A search looks for what callers bear: places and pressure must not end it before.
fn admit_all(config: &mut Config) {
    config.server.max_busy = f64::MAX;
    config.server.max_lateness = f64::MAX;
}

/// What is run, whatever the server.
struct Test<'a> {
    args: &'a LoadtestArgs,
    scenario: Scenario,
    recordings: Arc<[Recording]>,
    /// Version and machine.
    made_by: String,
}

impl Test<'_> {
    async fn once(&self, url: &str) -> Result<Vec<Finished>> {
        Ok(vec![self.run(self.scenario.clone(), url).await?])
    }

    /// Runs a scenario, and shows how it goes.
    async fn run(&self, scenario: Scenario, url: &str) -> Result<Finished> {
        let total = scenario.total();
        let recordings = Arc::clone(&self.recordings);
        let run = Run::new(scenario, url.to_owned(), recordings, self.args.listen)?;
        progress::shown(&run, total, run.complete(&self.made_by)).await
    }
}

/// Calls `measure` with the URL of the server that is to be measured.
async fn at_server<T>(
    config: &Config,
    args: &LoadtestArgs,
    environment: &HashMap<String, String>,
    measure: impl AsyncFnOnce(String) -> Result<T>,
) -> Result<T> {
    match &args.url {
        Some(url) => measure(url.clone()).await,
        None => with_server(config.clone(), environment, measure).await,
    }
}

/// The scenario with what the flags say in its place.
fn scenario(args: &LoadtestArgs) -> Result<Scenario> {
    let mut scenario = match &args.scenario {
        Some(file) => read(file)?,
        None => Scenario::default(),
    };
    if let Some(callers) = args.callers {
        scenario.callers = callers;
    }
    if args.find_capacity && args.scenario.is_none() {
        scenario.duration = TRIAL;
    }
    if let Some(duration) = args.duration {
        scenario.duration = duration;
    }
    if !args.speech.is_empty() {
        scenario.speech.clone_from(&args.speech);
    }
    scenario.check()?;
    Ok(scenario)
}

/// Recordings that a scenario names are looked for beside it.
fn read(file: &Path) -> Result<Scenario> {
    let text = fs::read_to_string(file)
        .with_context(|| format!("could not read the scenario {}", file.display()))?;
    let mut scenario =
        Scenario::read(&text).with_context(|| format!("the scenario {}", file.display()))?;
    let folder = file.parent().unwrap_or(Path::new(""));
    for path in &mut scenario.speech {
        *path = folder.join(&*path);
    }
    Ok(scenario)
}

fn recordings(paths: &[PathBuf]) -> Result<Arc<[Recording]>> {
    let recordings = read_recordings(paths)?;
    ensure!(!recordings.is_empty(), "there are no WAV files in the folders named as speech");
    Ok(recordings.into())
}

/// Connections at once, at most.
fn most_callers(args: &LoadtestArgs, scenario: &Scenario) -> usize {
    let quiet = scenario.silent + scenario.muted;
    match args.connects {
        Some(_) => connects::PLACES,
        None if args.find_capacity => args.most.get() + quiet,
        None => scenario.everybody(),
    }
}

/// A scenario may want to see callers turned away.
fn names_max_connections(scenario: &Scenario) -> bool {
    let server = scenario.settings.get("server").and_then(toml::Value::as_table);
    server.is_some_and(|server| server.contains_key("max_connections"))
}

/// Both ends of each connection may be in this process.
fn provide_descriptors(config: &Config, most: usize) {
    let mut server = config.server.clone();
    server.max_connections = 2 * server.max_connections.max(most);
    descriptors::provide(&server);
}

fn made_by() -> String {
    format!("repartee {}, {}", env!("CARGO_PKG_VERSION"), Machine::here())
}

fn write(files: &LoadtestFiles, outcomes: &[Outcome]) -> Result<()> {
    if let Some(path) = &files.json {
        let json = match outcomes {
            [one] => serde_json::to_string(one),
            several => serde_json::to_string(several),
        };
        write_file(path, &json.context("could not write JSON")?)?;
    }
    if let (Some(path), Some(last)) = (&files.csv, outcomes.last()) {
        write_file(path, &report::csv(last))?;
    }
    if let Some(path) = &files.html {
        write_file(path, &report::html(outcomes))?;
    }
    Ok(())
}

fn write_file(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("could not write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenarios() -> Vec<PathBuf> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../loadtests");
        let entries = fs::read_dir(folder).expect("the folder of scenarios");
        entries.map(|entry| entry.expect("an entry").path()).collect()
    }

    #[test]
    fn the_scenarios_of_the_repository_can_be_run() {
        let files = scenarios();
        assert!(files.len() >= 3, "{files:?}");
        for file in files {
            let scenario = read(&file).expect("a scenario");
            let environment = HashMap::new();
            let config = Config::load_with(None, &environment, scenario.settings.clone());
            config.unwrap_or_else(|error| panic!("{}: {error:#}", file.display()));
            assert_eq!(file.file_stem().and_then(|it| it.to_str()), Some(&*scenario.name));
        }
    }

    #[test]
    fn kept_runs_are_read_one_by_one_and_together() {
        let folder = tempfile::tempdir().expect("a folder");
        let [one, several, other] = ["one", "several", "other"].map(|it| folder.path().join(it));
        let outcome = |name: &str| Outcome { name: name.to_owned(), ..Outcome::default() };
        let json = |value| serde_json::to_string(&value).expect("it can be written");
        fs::write(&one, json(vec![outcome("a")]).trim_matches(['[', ']'])).expect("it is written");
        fs::write(&several, json(vec![outcome("b"), outcome("c")])).expect("it is written");
        let read = kept(&[one, several]).expect("they are runs");
        let names: Vec<&str> = read.iter().map(|outcome| &*outcome.name).collect();
        assert_eq!(names, ["a", "b", "c"]);
        fs::write(&other, "{}").expect("it is written");
        let wrong = kept(&[other]).expect_err("it is none");
        assert!(format!("{wrong:#}").contains("no run of the load test"));
    }

    #[test]
    fn recordings_are_looked_for_beside_their_scenario() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a.toml");
        fs::write(&file, "speech = [\"clips\"]\n").expect("it can be written");
        assert_eq!(read(&file).expect("a scenario").speech, [folder.path().join("clips")]);
    }

    #[test]
    fn a_scenario_may_keep_the_number_of_connections() {
        let named = |text| names_max_connections(&Scenario::read(text).expect("a scenario"));
        assert!(named("[settings.server]\nmax_connections = 4\n"));
        assert!(!named("[settings.server]\ngrace = \"1s\"\n") && !named(""));
    }
}
