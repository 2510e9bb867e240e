//! How fast this machine runs a GGUF model, through the engine as callers meet it:
//! `cargo run --release -p llm --features llama --example measure -- model.gguf [threads] [chunk]`.
//!
//! Each row is the median of some runs. On a machine that does other work as well the last column
//! says more than the others: it is processor time, without the waiting.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a tool for the terminal")]

use std::{
    env::args,
    fs,
    time::{Duration, Instant},
};

use engine::Metrics;
use llm::{
    Conversation, LanguageModel, Message, Options, Role,
    llama::{self, Config, Llama},
};

const RUNS: usize = 3;
const RESPONSE: u32 = 48;

/// What one run took.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
struct Run {
    wall: Duration,
    processor: Duration,
    tokens: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut args = args().skip(1);
    let mut config = Config::new(args.next().expect("the path of a GGUF file"));
    config.threads = args.next().map_or(1, |threads| threads.parse().unwrap());
    config.prefill_chunk = args.next().map_or(config.prefill_chunk, |chunk| chunk.parse().unwrap());
    println!("threads {}, chunk {}", config.threads, config.prefill_chunk);
    let metrics = Metrics::unregistered().engine("llm");
    let llama = Llama::start(config, &metrics, &llama::Metrics::default()).unwrap();
    println!("{:?}", llama.info());
    for callers in [1, 2, 4, 8] {
        let (mut reading, mut speaking) = (Vec::new(), Vec::new());
        for run in 0..RUNS {
            let [read, spoken] = measure(&llama, callers, run).await;
            reading.push(read);
            speaking.push(spoken);
        }
        print("prefill", callers, reading);
        print("decode", callers, speaking);
    }
}

/// Lets so many conversations read a prompt nobody has read before, then respond at once.
async fn measure(llama: &Llama, callers: usize, run: usize) -> [Run; 2] {
    let mut conversations: Vec<_> = (0..callers).map(|_| llama.open().unwrap()).collect();
    let prompts: Vec<_> = (0..callers).map(|caller| prompt(callers, run, caller)).collect();
    let read = timed(llama, respond(&mut conversations, &prompts, 1)).await;
    // the prompts are known now, but for their last token
    let spoken = timed(llama, respond(&mut conversations, &prompts, RESPONSE)).await;
    [read, spoken]
}

async fn timed(llama: &Llama, work: impl Future<Output = ()>) -> Run {
    let (before, started, used) = (llama.stats(), Instant::now(), processor_time());
    work.await;
    let after = llama.stats();
    let generated = after.generated - before.generated;
    let prefilled = after.prefilled - before.prefilled;
    Run {
        wall: started.elapsed(),
        processor: processor_time().saturating_sub(used),
        tokens: generated.max(prefilled),
    }
}

async fn respond(
    conversations: &mut [Box<dyn Conversation>],
    prompts: &[Vec<Message>],
    max_tokens: u32,
) {
    let options = Options { max_tokens, temperature: 0.0, ..Options::default() };
    let mut streams: Vec<_> = conversations
        .iter_mut()
        .zip(prompts)
        .map(|(conversation, prompt)| conversation.respond(prompt, &options).unwrap())
        .collect();
    for stream in &mut streams {
        while let Some(piece) = stream.next().await {
            piece.unwrap();
        }
    }
}

/// About two hundred tokens that begin unlike all others.
fn prompt(callers: usize, run: usize, caller: usize) -> Vec<Message> {
    let story = "The keeper climbed the stairs each evening with a lamp and a small can of oil. ";
    let system = format!("{callers} {run} {caller}. {}", story.repeat(10));
    vec![Message::new(Role::System, system), Message::new(Role::User, "Tell me a long story.")]
}

fn print(what: &str, callers: usize, mut runs: Vec<Run>) {
    runs.sort_by_key(|run| run.wall);
    let Run { wall, processor, tokens } = runs[runs.len() / 2];
    #[expect(clippy::cast_precision_loss, reason = "some hundred tokens")]
    let tokens = tokens as f64;
    println!(
        "{what:8} {callers} callers: {:6.0} tokens/s, {:6.0} per processor second",
        tokens / wall.as_secs_f64(),
        tokens / processor.as_secs_f64(),
    );
}

/// What this process has used so far, where the system tells; in Linux's ticks of 10 ms.
fn processor_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // after the name, which may contain anything, in brackets
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks: u64 =
        fields.split_whitespace().skip(11).take(2).filter_map(|n| n.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}
