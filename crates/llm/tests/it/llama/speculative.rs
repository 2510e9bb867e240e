//! Responses that may never be heard.

use tokio::time::timeout;

use super::*;

/// What a speculative response may have, as the engine sets it.
const AT_MOST: u64 = 24;
/// Tokens of prompts in one step, by default.
const CHUNK: u64 = 32;
/// Nothing here takes so long, unless it hangs.
const LONG: Duration = Duration::from_mins(2);

fn guess(conversation: &mut dyn Conversation, words: &[&str], max_tokens: u32) -> TokenStream {
    conversation.speculate(&said(words), &greedy(max_tokens)).unwrap()
}

/// Reads until the engine has generated so many tokens since its start.
async fn read_until(llama: &Llama, generated: u64, stream: &mut TokenStream) -> String {
    let mut text = String::new();
    while llama.stats().generated < generated {
        let piece = timeout(LONG, stream.next()).await.expect("it goes on");
        text.push_str(&piece.expect("it is longer").unwrap());
    }
    text
}

#[tokio::test]
async fn it_rests_after_its_first_words_and_goes_on_once_confirmed() {
    let Some(llama) = start(2, |_| {}) else { return };
    let mut conversation = llama.open().unwrap();
    let mut stream = guess(&mut *conversation, &[QUESTIONS[3]], 60);
    let begun = read_until(&llama, AT_MOST, &mut stream).await;
    // whatever the engine does now, it does not go on with it
    let mut other = llama.open().unwrap();
    answer(&mut *other, &["Hi"], 1).await;
    assert_eq!(llama.stats().generated, AT_MOST + 1);
    stream.confirm();
    let rest = timeout(LONG, text(stream)).await.expect("confirming wakes the engine");
    let spent = llama.stats();
    assert!(spent.generated > AT_MOST + 20, "{spent:?}");
    let whole = begun + &rest;
    assert!(agree(&whole, &alone(&[QUESTIONS[3]], 60).await), "{whole}");
}

#[tokio::test]
async fn it_waits_while_another_speaks() {
    let Some(llama) = start(2, |_| {}) else { return };
    let mut live = llama.open().unwrap();
    let mut spoken = live.respond(&said(&[QUESTIONS[3]]), &greedy(120)).unwrap();
    spoken.next().await.unwrap().unwrap();
    let mut conversation = llama.open().unwrap();
    let stream = guess(&mut *conversation, &[QUESTIONS[1]], 40);
    let mut looked = 0;
    while spoken.next().await.is_some() {
        let stats = llama.stats();
        // the other is not about to end
        if stats.generated < 100 {
            assert_eq!(stats.speculated, 0, "{stats:?}");
            looked += 1;
        }
    }
    assert!(looked > 10, "{looked}");
    // nobody else speaks now
    stream.confirm();
    let answered = timeout(LONG, text(stream)).await.expect("its turn has come");
    assert!(agree(&answered, &alone(&[QUESTIONS[1]], 40).await), "{answered}");
}

#[tokio::test]
async fn a_live_response_overtakes_one_under_way() {
    let Some(llama) = start(2, |_| {}) else { return };
    let long = format!("{} {}", "Now listen. ".repeat(70), QUESTIONS[0]);
    let mut conversation = llama.open().unwrap();
    let unsure = guess(&mut *conversation, &[&long], 40);
    let mut live = llama.open().unwrap();
    let mut spoken = live.respond(&said(&[QUESTIONS[3]]), &greedy(120)).unwrap();
    let asked = llama.stats().speculated;
    while let Some(piece) = spoken.next().await {
        piece.unwrap();
        let stats = llama.stats();
        // the step that ran, and one that began before the engine looked again
        assert!(stats.generated > 100 || stats.speculated <= asked + 2 * CHUNK, "{stats:?}");
    }
    drop(unsure);
}

#[tokio::test]
async fn one_that_is_confirmed_counts_as_any_other() {
    let Some(llama) = start(2, |_| {}) else { return };
    let mut live = llama.open().unwrap();
    let mut spoken = live.respond(&said(&[QUESTIONS[3]]), &greedy(200)).unwrap();
    spoken.next().await.unwrap().unwrap();
    let mut conversation = llama.open().unwrap();
    let mut stream = guess(&mut *conversation, &[QUESTIONS[1]], 40);
    stream.confirm();
    timeout(LONG, stream.next()).await.expect("both go on").unwrap().unwrap();
    let stats = llama.stats();
    assert!(stats.generated < 100, "the other has ended: {stats:?}");
}

#[tokio::test]
async fn a_dropped_one_leaves_no_trace() {
    let Some(llama) = start(1, |_| {}) else { return };
    let mut conversation = llama.open().unwrap();
    let first = answer(&mut *conversation, &[QUESTIONS[0]], 20).await;
    let history = [QUESTIONS[0], &first, QUESTIONS[3]];
    let said_more = format!("{} And the sun?", QUESTIONS[3]);
    let more = [QUESTIONS[0], &first, &said_more];
    for (words, new) in [(&history, 1), (&more, 20), (&history, 20)] {
        let before = llama.stats().generated;
        let mut stream = guess(&mut *conversation, &history, 60);
        read_until(&llama, before + 10, &mut stream).await;
        drop(stream);
        let before = llama.stats();
        let answered = answer(&mut *conversation, words, 20).await;
        let spent = since(before, llama.stats());
        // the words after those that both begin with, and no more
        assert!(spent.prefilled <= new, "{spent:?}");
        assert!(spent.reused > 60, "{spent:?}");
        assert!(agree(&answered, &alone(words, 20).await), "{answered}");
    }
    let fresh = start(1, |_| {}).unwrap();
    let mut untouched = fresh.open().unwrap();
    for conversation in [&mut conversation, &mut untouched] {
        // too short to end by itself
        answer(&mut **conversation, &history, 10).await;
        // it is refused, once the engine has told what it holds
        let mut refused = conversation.respond(&[], &greedy(1)).unwrap();
        assert!(refused.next().await.unwrap().is_err());
    }
    assert_eq!(llama.stats().held, fresh.stats().held);
}

#[tokio::test]
async fn what_is_read_ahead_beside_one_does_not_disturb_it() {
    let Some(llama) = start(1, |_| {}) else { return };
    let mut conversation = llama.open().unwrap();
    let stream = guess(&mut *conversation, &[QUESTIONS[1]], 40);
    conversation.read_ahead(&said(&[QUESTIONS[3]])).unwrap();
    stream.confirm();
    let answered = text(stream).await;
    assert!(agree(&answered, &alone(&[QUESTIONS[1]], 40).await), "{answered}");
}

#[tokio::test]
async fn when_memory_is_short_it_gives_way_and_comes_back() {
    let Some(llama) = start(2, |config| config.kv_tokens = Some(512)) else { return };
    let long = format!("{} {}", "Now listen. ".repeat(60), QUESTIONS[3]);
    let mut conversation = llama.open().unwrap();
    let mut stream = guess(&mut *conversation, &[&long], 40);
    let mut whole = read_until(&llama, 10, &mut stream).await;
    let mut live = llama.open().unwrap();
    // fails if it is refused
    answer(&mut *live, &[&"Listen well. ".repeat(70)], 100).await;
    let stats = llama.stats();
    assert!(stats.evicted > 0, "{stats:?}");
    stream.confirm();
    whole += &timeout(LONG, text(stream)).await.expect("it is read again");
    assert!(agree(&whole, &alone(&[&long], 40).await), "{whole}");
}
