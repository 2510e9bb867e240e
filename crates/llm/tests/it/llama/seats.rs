//! More conversations than the model has sequences.

use super::*;

#[tokio::test]
async fn conversations_cost_nothing_until_they_ask() {
    let Some(llama) = start(1, |_| {}) else { return };
    let mut conversations: Vec<_> = (0..5000).map(|_| llama.open().unwrap()).collect();
    assert!(!answer(&mut *conversations[4711], &["Hi"], 5).await.is_empty());
    let stats = llama.stats();
    assert_eq!((stats.sequences, stats.conversations), (1, 1), "{stats:?}");
}

#[tokio::test]
async fn who_has_rested_longest_makes_room_and_is_read_again() {
    let Some(llama) = start(2, |_| {}) else { return };
    let mut conversations: Vec<_> = (0..3).map(|_| llama.open().unwrap()).collect();
    let mut firsts = Vec::new();
    for (conversation, question) in conversations.iter_mut().zip(QUESTIONS) {
        firsts.push(answer(&mut **conversation, &[question], 30).await);
    }
    assert_eq!(llama.stats().evicted, 1, "{:?}", llama.stats());
    // the second one is known still, the first one is read again and takes the place of the third
    for (place, evicted, new) in [(1, 1, 25), (0, 2, 100)] {
        let before = llama.stats();
        let words = [QUESTIONS[place], &firsts[place], "Why?"];
        let second = answer(&mut *conversations[place], &words, 30).await;
        let stats = llama.stats();
        assert_eq!((stats.evicted, stats.sequences), (evicted, 2), "{stats:?}");
        assert!(since(before, stats).prefilled < new, "{:?}", since(before, stats));
        assert!(agree(&second, &alone(&words, 30).await), "{second}");
    }
}

#[tokio::test]
async fn more_callers_than_sequences_are_all_answered_and_no_words_cross() {
    let Some(llama) = start(3, |_| {}) else { return };
    let mut expected = Vec::new();
    for question in QUESTIONS {
        expected.push(alone(&[question], 30).await);
    }
    let callers = 12;
    let mut conversations: Vec<_> = (0..callers).map(|_| llama.open().unwrap()).collect();
    for turn in 0..2 {
        let streams: Vec<(TokenStream, &String)> = conversations
            .iter_mut()
            .enumerate()
            .map(|(caller, conversation)| {
                let asked = (caller + turn) % QUESTIONS.len();
                let stream = conversation.respond(&said(&[QUESTIONS[asked]]), &greedy(30)).unwrap();
                (stream, &expected[asked])
            })
            .collect();
        for (stream, alone) in streams {
            let answered = text(stream).await;
            assert!(agree(&answered, alone), "{answered}\n{alone}");
        }
    }
    let stats = llama.stats();
    assert!(stats.evicted >= 2 * callers - 3 && stats.sequences == 3, "{stats:?}");
    assert_eq!(stats.waiting, 0);
}

#[tokio::test]
async fn the_line_for_a_sequence_is_bounded() {
    let Some(llama) = start(1, |_| {}) else { return };
    let mut conversations: Vec<_> = (0..12).map(|_| llama.open().unwrap()).collect();
    let mut streams: Vec<_> = conversations
        .iter_mut()
        .map(|conversation| conversation.respond(&said(&[QUESTIONS[3]]), &greedy(60)).unwrap())
        .collect();
    let mut answered = Vec::new();
    for stream in &mut streams {
        let first = stream.next().await.unwrap();
        assert!(matches!(first, Ok(_) | Err(LlmError::Overloaded)), "{first:?}");
        answered.push(first.is_ok());
        while stream.next().await.is_some() {}
    }
    // one is answered and four wait, in the order in which they asked
    assert_eq!(answered, [[true; 5].as_slice(), &[false; 7]].concat());
}

#[tokio::test]
async fn who_has_waited_in_vain_is_told() {
    let Some(llama) = start(1, |config| config.patience = Duration::ZERO) else { return };
    let mut conversations = [llama.open().unwrap(), llama.open().unwrap()];
    let [first, second] = conversations
        .each_mut()
        .map(|conversation| conversation.respond(&said(&[QUESTIONS[3]]), &greedy(60)).unwrap());
    let mut second = second;
    assert!(matches!(second.next().await, Some(Err(LlmError::Overloaded))));
    assert!(second.next().await.is_none());
    assert!(agree(&text(first).await, &alone(&[QUESTIONS[3]], 60).await));
}

#[tokio::test]
async fn an_answer_that_nobody_reads_gives_its_sequence_away_and_goes_on_later() {
    let Some(llama) = start(1, |_| {}) else { return };
    let mut slow = llama.open().unwrap();
    let unread = slow.respond(&said(&[QUESTIONS[3]]), &greedy(150)).unwrap();
    let mut other = llama.open().unwrap();
    let answered = answer(&mut *other, &[QUESTIONS[1]], 30).await;
    assert!(agree(&answered, &alone(&[QUESTIONS[1]], 30).await), "{answered}");
    let whole = text(unread).await;
    let alone = alone(&[QUESTIONS[3]], 150).await;
    assert!(agree(&whole, &alone), "{whole}");
    assert!(whole.split(' ').count().abs_diff(alone.split(' ').count()) < 40, "{whole}\n{alone}");
    assert_eq!(llama.stats().evicted, 2);
}

#[tokio::test]
async fn a_guess_waits_for_a_sequence_until_it_is_confirmed() {
    let Some(llama) = start(1, |_| {}) else { return };
    let mut first = llama.open().unwrap();
    let held = first.speculate(&said(&[QUESTIONS[0]]), &greedy(60)).unwrap();
    let mut second = llama.open().unwrap();
    let guess = second.speculate(&said(&[QUESTIONS[1]]), &greedy(30)).unwrap();
    guess.confirm();
    let answered = text(guess).await;
    assert!(agree(&answered, &alone(&[QUESTIONS[1]], 30).await), "{answered}");
    held.confirm();
    let answered = text(held).await;
    assert!(agree(&answered, &alone(&[QUESTIONS[0]], 60).await), "{answered}");
}

#[tokio::test]
async fn callers_who_leave_while_they_are_in_line_leave_nothing() {
    let Some(llama) = start(2, |_| {}) else { return };
    for _ in 0..20 {
        let mut conversations: Vec<_> = (0..6).map(|_| llama.open().unwrap()).collect();
        let mut streams: Vec<_> = conversations
            .iter_mut()
            .map(|conversation| conversation.respond(&said(&["Hi"]), &greedy(50)).unwrap())
            .collect();
        streams[0].next().await.unwrap().unwrap();
    }
    let mut last = llama.open().unwrap();
    answer(&mut *last, &["Hi"], 1).await;
    let stats = llama.stats();
    assert_eq!((stats.sequences, stats.waiting, stats.reclaimed), (1, 0, 0), "{stats:?}");
}
