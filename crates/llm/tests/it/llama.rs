//! llama.cpp with the starter model. Without the file these tests say so and pass, unless
//! `REPARTEE_REQUIRE_MODELS` is set.
#![expect(clippy::unwrap_used, reason = "tests; clippy overlooks the functions they share")]

mod seats;
mod speculative;

use std::{env::var_os, path::PathBuf, time::Duration};

use engine::Metrics;
use llm::{
    Conversation, LanguageModel, LlmError, Message, Options, Role, TokenStream,
    llama::{self, Config, Llama, Stats},
};

const SYSTEM: &str = "You are Robin, a friendly assistant. You answer in one short sentence, \
                      and never say more than you know.";

fn model() -> Option<PathBuf> {
    let folder = var_os("REPARTEE_MODELS_DIR")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(var_os("HOME")?).join(".local/share/repartee/models")))?;
    let path = folder.join("smollm2-135m-instruct-q4_1/SmolLM2-135M-Instruct.Q4_1.gguf");
    let there = path.is_file();
    assert!(there || var_os("REPARTEE_REQUIRE_MODELS").is_none(), "no {}", path.display());
    if !there {
        eprintln!("skipped: no {}", path.display());
    }
    there.then_some(path)
}

fn start(slots: usize, adapt: impl FnOnce(&mut Config)) -> Option<Llama> {
    // a busy machine may take its time
    let patience = Duration::from_hours(1);
    let mut config = Config { slots, context_tokens: 512, patience, ..Config::new(model()?) };
    adapt(&mut config);
    let metrics = Metrics::unregistered().engine("llm");
    Some(Llama::start(config, &metrics, &llama::Metrics::default()).unwrap())
}

fn greedy(max_tokens: u32) -> Options {
    Options { max_tokens, temperature: 0.0, repeat_penalty: 1.0, ..Options::default() }
}

/// The caller speaks first, then in turns.
fn said(words: &[&str]) -> Vec<Message> {
    let turns = words.iter().enumerate().map(|(n, words)| {
        let role = if n % 2 == 0 { Role::User } else { Role::Assistant };
        Message::new(role, *words)
    });
    std::iter::once(Message::new(Role::System, SYSTEM)).chain(turns).collect()
}

async fn text(mut stream: TokenStream) -> String {
    let mut text = String::new();
    while let Some(piece) = stream.next().await {
        text.push_str(&piece.unwrap());
    }
    text
}

async fn answer(conversation: &mut dyn Conversation, words: &[&str], max_tokens: u32) -> String {
    text(conversation.respond(&said(words), &greedy(max_tokens)).unwrap()).await
}

/// What a conversation that is alone in an engine answers.
async fn alone(words: &[&str], max_tokens: u32) -> String {
    let llama = start(1, |_| {}).unwrap();
    let mut conversation = llama.open().unwrap();
    answer(&mut *conversation, words, max_tokens).await
}

fn since(before: Stats, now: Stats) -> Stats {
    Stats {
        steps: now.steps - before.steps,
        prefilled: now.prefilled - before.prefilled,
        reused: now.reused - before.reused,
        generated: now.generated - before.generated,
        speculated: now.speculated - before.speculated,
        evicted: now.evicted - before.evicted,
        ..now
    }
}

const QUESTIONS: [&str; 4] = [
    "What is the capital of France?",
    "How do I boil an egg?",
    "Which animal is the largest of all?",
    "Tell me about the moon, and why it sometimes looks larger than it does at other times.",
];

/// Sums are rounded differently in batches of other sizes, so that a token that is nearly as likely
/// may win and the answer goes another way from there: its beginning is the same.
fn agree(left: &str, right: &str) -> bool {
    let common = left.chars().zip(right.chars()).take_while(|(left, right)| left == right).count();
    common >= 20.min(left.len()).min(right.len())
}

#[tokio::test]
async fn four_at_once_say_what_each_says_alone() {
    let Some(llama) = start(4, |_| {}) else { return };
    let mut conversations: Vec<_> = QUESTIONS.map(|_| llama.open().unwrap()).into();
    let streams: Vec<TokenStream> = conversations
        .iter_mut()
        .zip(QUESTIONS)
        .map(|(conversation, question)| {
            conversation.respond(&said(&[question]), &greedy(40)).unwrap()
        })
        .collect();
    for (stream, question) in streams.into_iter().zip(QUESTIONS) {
        let (together, alone) = (text(stream).await, alone(&[question], 40).await);
        assert!(alone.len() > 20 && agree(&together, &alone), "{together}\n{alone}");
    }
}

/// What a conversation, and then one that takes the place of the teller, answer while the engine
/// holds this secret of another. Nothing else differs, to the number of tokens.
async fn with_secret(secret: &str) -> Option<[String; 2]> {
    let llama = start(3, |_| {})?;
    let mut witness = llama.open().unwrap();
    answer(&mut *witness, &["Hi"], 1).await;
    let mut teller = llama.open().unwrap();
    let told = format!("My secret word is {secret}, remember that.");
    answer(&mut *teller, &[&told], 1).await;
    let asked = "What is the secret word?";
    let answered = answer(&mut *witness, &["Hi", "Hello!", asked], 40).await;
    drop(teller);
    let mut heir = llama.open().unwrap();
    Some([answered, answer(&mut *heir, &[asked], 40).await])
}

#[tokio::test]
async fn no_conversation_knows_the_secret_of_another() {
    let Some(answers) = with_secret("seven").await else { return };
    let others = with_secret("green").await.unwrap();
    assert_eq!(answers, others);
    assert!(answers.iter().all(|answer| answer.len() > 20), "{answers:?}");
}

#[tokio::test]
async fn a_second_turn_computes_only_what_is_new() {
    let Some(llama) = start(2, |_| {}) else { return };
    let mut conversation = llama.open().unwrap();
    let first = answer(&mut *conversation, &[QUESTIONS[0]], 30).await;
    let before = llama.stats();
    let words = [QUESTIONS[0], &first, "And of Spain?"];
    let second = answer(&mut *conversation, &words, 30).await;
    let spent = since(before, llama.stats());
    assert!(spent.prefilled < 25, "{spent:?}");
    assert!(spent.reused > 40, "{spent:?}");
    assert!(agree(&second, &alone(&words, 30).await), "{second}");
}

#[tokio::test]
async fn an_interrupted_answer_is_rolled_back_to_what_was_heard() {
    let Some(llama) = start(1, |_| {}) else { return };
    let mut conversation = llama.open().unwrap();
    let mut stream = conversation.respond(&said(&[QUESTIONS[3]]), &greedy(60)).unwrap();
    for _ in 0..20 {
        stream.next().await.unwrap().unwrap();
    }
    drop(stream);
    let words = [QUESTIONS[3], "The moon is", "Stop. What is two plus two?"];
    let after = answer(&mut *conversation, &words, 20).await;
    assert!(agree(&after, &alone(&words, 20).await), "{after}");
}

#[tokio::test]
async fn the_system_prompt_is_read_once() {
    let Some(llama) = start(3, |_| {}) else { return };
    llama.share(SYSTEM).unwrap();
    let mut conversations: Vec<_> = (0..3).map(|_| llama.open().unwrap()).collect();
    answer(&mut *conversations[0], &["Hi"], 1).await;
    let before = llama.stats();
    for conversation in &mut conversations[1..] {
        answer(&mut **conversation, &["Hi"], 1).await;
    }
    let spent = since(before, llama.stats());
    assert!(spent.prefilled < 2 * 15, "{spent:?}");
    assert!(spent.reused > 2 * 20, "{spent:?}");
}

#[tokio::test]
async fn what_was_read_ahead_is_not_read_again() {
    let Some(llama) = start(2, |_| {}) else { return };
    let mut conversation = llama.open().unwrap();
    let question = QUESTIONS[3];
    conversation.read_ahead(&said(&["Tell me about the moon, and"])).unwrap();
    conversation.read_ahead(&said(&[&question[..question.len() - 12]])).unwrap();
    // a second conversation's response comes after what was read ahead before it
    let mut other = llama.open().unwrap();
    answer(&mut *other, &["Hi"], 20).await;
    let before = llama.stats();
    let answered = answer(&mut *conversation, &[question], 20).await;
    let spent = since(before, llama.stats());
    assert!(spent.prefilled < 15, "{spent:?}");
    assert!(agree(&answered, &alone(&[question], 20).await), "{answered}");
}

#[tokio::test]
async fn a_dropped_stream_ends_within_a_step() {
    let Some(llama) = start(2, |_| {}) else { return };
    let mut conversation = llama.open().unwrap();
    let mut stream = conversation.respond(&said(&[QUESTIONS[3]]), &greedy(200)).unwrap();
    stream.next().await.unwrap().unwrap();
    drop(stream);
    let before = llama.stats();
    let mut other = llama.open().unwrap();
    answer(&mut *other, &["Hi"], 5).await;
    let spent = since(before, llama.stats());
    assert!(spent.generated <= 5 + 1, "{spent:?}");
}

#[tokio::test]
async fn conversations_that_go_leave_nothing() {
    let Some(llama) = start(2, |_| {}) else { return };
    for n in 0..200 {
        let mut conversation = llama.open().unwrap();
        let mut stream = conversation.respond(&said(&["Hi"]), &greedy(50)).unwrap();
        // some go while they are answered, some before
        if n % 2 == 0 {
            stream.next().await.unwrap().unwrap();
        }
    }
    let mut last = llama.open().unwrap();
    answer(&mut *last, &["Hi"], 1).await;
    let stats = llama.stats();
    assert_eq!(stats.conversations, 1, "{stats:?}");
    assert!(stats.held < 120, "{stats:?}");
}

#[tokio::test]
async fn conversations_that_rest_make_room_and_come_back() {
    let Some(llama) = start(3, |config| config.kv_tokens = Some(512)) else { return };
    let long = format!("{} What is the capital of France?", "Now listen. ".repeat(70));
    let mut conversations: Vec<_> = (0..3).map(|_| llama.open().unwrap()).collect();
    let mut answers = Vec::new();
    for conversation in &mut conversations {
        answers.push(answer(&mut **conversation, &[&long], 10).await);
    }
    assert!(llama.stats().evicted > 0, "{:?}", llama.stats());
    answers.push(answer(&mut *conversations[0], &[&long], 10).await);
    let expected = alone(&[&long], 10).await;
    assert!(answers.iter().all(|answer| agree(answer, &expected)), "{answers:?}");
}

#[tokio::test]
async fn when_nothing_can_be_freed_a_response_is_refused() {
    let Some(llama) = start(2, |config| config.kv_tokens = Some(512)) else { return };
    let long = "Now listen. ".repeat(70);
    let mut conversations = [llama.open().unwrap(), llama.open().unwrap()];
    let mut streams = conversations
        .each_mut()
        .map(|conversation| conversation.respond(&said(&[&long]), &greedy(150)).unwrap());
    let mut refused = 0;
    for stream in &mut streams {
        while let Some(piece) = stream.next().await {
            refused += usize::from(matches!(piece, Err(LlmError::Overloaded)));
        }
    }
    assert_eq!(refused, 1);
}

#[tokio::test]
async fn a_slow_reader_delays_nobody_and_loses_nothing() {
    let Some(llama) = start(2, |_| {}) else { return };
    let mut slow = llama.open().unwrap();
    let unread = slow.respond(&said(&[QUESTIONS[3]]), &greedy(150)).unwrap();
    let mut other = llama.open().unwrap();
    for _ in 0..4 {
        answer(&mut *other, &["Hi", "Hello.", QUESTIONS[1]], 40).await;
    }
    let before = llama.stats();
    let whole = text(unread).await;
    let spent = since(before, llama.stats());
    // it had to wait with a full stream: two thirds of the answer came when it was read
    assert!(spent.generated > 80, "{spent:?}");
    let alone = alone(&[QUESTIONS[3]], 150).await;
    assert!(agree(&whole, &alone), "{whole}");
    assert!(whole.split(' ').count().abs_diff(alone.split(' ').count()) < 40, "{whole}\n{alone}");
}

#[tokio::test]
async fn a_long_prompt_delays_the_next_token_of_others_by_one_chunk() {
    let adapt = |config: &mut Config| {
        config.context_tokens = 4096;
        config.kv_tokens = Some(4096);
    };
    let Some(llama) = start(2, adapt) else { return };
    let mut conversation = llama.open().unwrap();
    let mut live = conversation.respond(&said(&[QUESTIONS[3]]), &greedy(40)).unwrap();
    live.next().await.unwrap().unwrap();
    let mut other = llama.open().unwrap();
    // about 2,000 tokens
    let endless = "Now listen. ".repeat(660);
    let long = other.respond(&said(&[&endless]), &greedy(1)).unwrap();
    let before = llama.stats();
    text(live).await;
    let spent = since(before, llama.stats());
    // each step gave the answer its next token, and read a chunk of the prompt beside it
    assert!(spent.generated > 20 && spent.steps <= spent.generated + 1, "{spent:?}");
    assert!(spent.prefilled >= 32 * (spent.steps - 2), "{spent:?}");
    assert!(spent.prefilled <= 32 * (spent.steps + 1), "{spent:?}");
    drop(long);
}

#[tokio::test]
async fn an_engine_that_ends_says_so() {
    let Some(llama) = start(1, |_| {}) else { return };
    let mut conversation = llama.open().unwrap();
    let mut stream = conversation.respond(&said(&[QUESTIONS[3]]), &greedy(200)).unwrap();
    stream.next().await.unwrap().unwrap();
    drop(llama);
    let mut last = None;
    while let Some(piece) = stream.next().await {
        last = Some(piece);
    }
    assert!(matches!(last, Some(Err(LlmError::Stopped))), "{last:?}");
    let refused = conversation.respond(&said(&["Hi"]), &greedy(1));
    assert!(matches!(refused, Err(LlmError::Stopped)));
}

#[tokio::test]
async fn what_cannot_be_answered_is_an_error_of_its_stream() {
    let Some(llama) = start(1, |_| {}) else { return };
    let mut conversation = llama.open().unwrap();
    let endless = "on and ".repeat(600);
    let bad = Options { top_p: 2.0, ..greedy(1) };
    for (messages, options) in
        [(said(&[&endless]), greedy(10)), (Vec::new(), greedy(10)), (said(&["Hi"]), bad)]
    {
        let mut stream = conversation.respond(&messages, &options).unwrap();
        assert!(stream.next().await.unwrap().is_err());
        assert!(stream.next().await.is_none());
    }
    assert!(!answer(&mut *conversation, &["Hi"], 5).await.is_empty());
}

#[tokio::test]
async fn the_same_seed_gives_the_same_answer() {
    let Some(llama) = start(2, |_| {}) else { return };
    let options = Options { max_tokens: 20, temperature: 1.5, seed: Some(7), ..Options::default() };
    let mut answers = Vec::new();
    for _ in 0..2 {
        let mut conversation = llama.open().unwrap();
        answers.push(text(conversation.respond(&said(&["Hi"]), &options).unwrap()).await);
    }
    assert_eq!(answers[0], answers[1]);
}

#[test]
fn a_file_that_is_no_model_is_named() {
    let metrics = Metrics::unregistered().engine("llm");
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.gguf");
    std::fs::write(&broken, b"GGUF and then nonsense").unwrap();
    for (path, reason) in [(folder.path().join("missing.gguf"), "no such file"), (broken, "")] {
        let error = Llama::start(Config::new(&path), &metrics, &llama::Metrics::default())
            .unwrap_err()
            .to_string();
        assert!(error.contains(path.to_str().unwrap()) && error.contains(reason), "{error}");
        eprintln!("{error}");
    }
}
