//! One server for all callers, and beside it a pipeline for each: a process of its own with a copy
//! of every model and its own threads, as servers for one user at a time are multiplied.

use std::{path::Path, sync::Arc};

use anyhow::{Context, Result, ensure};
use audio::Frame;
use loadtest::{Caller, Conduct, Conversation, Exchange, Rates};
use serde::Serialize;
use tokio::task::JoinSet;
use toml::Table;

use super::{
    Machine,
    child::{Server, Taken},
    json, print, recordings,
    table::{Pick, Table as Figures, ms, share},
};
use crate::{args::PipelinesArgs, commands::serve::runtime};

/// Tokens of an answer at most: who waits for the end of a story measures nothing.
const ANSWER_TOKENS: i64 = 40;

/// Measures and prints.
pub(super) fn run(file: Option<&Path>, args: &PipelinesArgs) -> Result<()> {
    let clips: Arc<[Frame]> =
        recordings(&args.speech)?.into_iter().map(|recording| recording.sound).collect();
    let bench = Bench { file, clips, turns: args.turns.get() };
    let runtime = runtime()?;
    let mut measured = Vec::new();
    for callers in args.callers.iter().map(|callers| callers.get()) {
        for apart in [false, true] {
            measured.push(runtime.block_on(bench.measure(callers, apart))?);
        }
    }
    let all = All { version: env!("CARGO_PKG_VERSION"), machine: Machine::here(), measured };
    print(&if args.form.json { json(&all)? } else { table(&all.measured).text(args.form) })
}

struct Bench<'a> {
    file: Option<&'a Path>,
    clips: Arc<[Frame]>,
    turns: usize,
}

#[derive(Debug, Serialize)]
struct All {
    version: &'static str,
    machine: Machine,
    measured: Vec<Measured>,
}

/// So many callers, at one server or at one each.
#[derive(Debug, Serialize)]
struct Measured {
    callers: usize,
    /// Each has a server of their own.
    apart: bool,
    conduct: Conduct,
    /// When all had talked.
    taken: Taken,
    /// CPU time per second of talk: 1.0 is one core.
    cpu: f64,
}

impl Bench<'_> {
    async fn measure(&self, callers: usize, apart: bool) -> Result<Measured> {
        let places = if apart { 1 } else { callers };
        let settings = settings(places);
        let mut servers = Vec::new();
        for _ in 0..callers / places {
            servers.push(Server::start(self.file, &settings)?);
        }
        for server in &mut servers {
            server.ready().await?;
        }
        let url = |caller: usize| servers[caller % servers.len()].url.clone();
        // the first turns find cold caches, and are not counted
        self.talk(callers, 1, url).await?;
        let before = taken(&servers)?;
        let began = std::time::Instant::now();
        let conversation = self.talk(callers, self.turns, url).await?;
        let taken = taken(&servers)?;
        let cpu = (taken.cpu - before.cpu) / began.elapsed().as_secs_f64();
        let conduct = Conduct::of(&conversation);
        Ok(Measured { callers, apart, conduct, taken, cpu })
    }

    /// Lets all talk at once. A caller whose turn fails takes no further ones.
    async fn talk(
        &self,
        callers: usize,
        turns: usize,
        url: impl Fn(usize) -> String,
    ) -> Result<Conversation> {
        let mut talking = JoinSet::new();
        for number in 0..callers {
            let caller = Caller::connect(&url(number), Rates::default()).await?;
            talking.spawn(talk(number, caller, turns, Arc::clone(&self.clips)));
        }
        let mut all = Conversation::default();
        while let Some(done) = talking.join_next().await {
            let (exchanges, failure) = done.context("a caller panicked")?;
            all.exchanges.extend(exchanges);
            all.failures.extend(failure.map(|error| format!("{error:#}")));
        }
        ensure!(!all.exchanges.is_empty(), "nobody was answered: {:?}", all.failures);
        all.exchanges.sort_by_key(|exchange| exchange.caller);
        Ok(all)
    }
}

async fn talk(
    number: usize,
    mut caller: Caller,
    turns: usize,
    clips: Arc<[Frame]>,
) -> (Vec<Exchange>, Option<anyhow::Error>) {
    let mut exchanges = Vec::new();
    for clip in (number..number + turns).map(|index| index % clips.len()) {
        match caller.turn(&clips[clip]).await {
            Ok(turn) => exchanges.push(Exchange { caller: number, clip, turn }),
            Err(error) => return (exchanges, Some(error)),
        }
    }
    (exchanges, caller.close().await.err())
}

fn taken(servers: &[Server]) -> Result<Taken> {
    servers.iter().map(Server::taken).sum()
}

fn settings(places: usize) -> Table {
    let mut llm = Table::new();
    llm.insert("max_tokens".to_owned(), ANSWER_TOKENS.into());
    let mut server = Table::new();
    server.insert("max_connections".to_owned(), i64::try_from(places).unwrap_or(i64::MAX).into());
    // who has left has left
    server.insert("resume".to_owned(), "0s".into());
    Table::from_iter([("llm".to_owned(), llm.into()), ("server".to_owned(), server.into())])
}

fn table(measured: &[Measured]) -> Figures {
    let each =
        |cell: &dyn Fn(&Measured) -> String| -> Vec<String> { measured.iter().map(cell).collect() };
    let head = each(&|it| match (it.callers, it.apart) {
        (1, apart) => format!("1 caller, {}", kind(apart)),
        (callers, apart) => format!("{callers} callers, {}", kind(apart)),
    });
    let mut table = Figures::new(std::iter::once(String::new()).chain(head));
    table.row(
        "turns answered",
        each(&|it| {
            let turns = it.conduct.latency.turns;
            share(turns, turns + it.conduct.failed)
        }),
    );
    let latencies: [(&str, Pick); 3] = [
        ("voice to voice p50, ms", |percentiles| percentiles.p50),
        ("voice to voice p95, ms", |percentiles| percentiles.p95),
        ("voice to voice max, ms", |percentiles| percentiles.max),
    ];
    for (name, pick) in latencies {
        table.row(name, each(&|it| ms(it.conduct.latency.voice_to_voice.as_ref(), pick)));
    }
    table.row("underruns", each(&|it| it.conduct.latency.underruns.to_string()));
    table.row("memory, MiB", each(&|it| (it.taken.memory >> 20).to_string()));
    table.row("of it not mapped files, MiB", each(&|it| (it.taken.anonymous >> 20).to_string()));
    table.row("threads", each(&|it| it.taken.threads.to_string()));
    table.row("cores of CPU time", each(&|it| format!("{:.2}", it.cpu)));
    table
}

fn kind(apart: bool) -> &'static str {
    if apart { "a pipeline each" } else { "shared" }
}
