//! Answers that are begun before it is certain that the caller has finished.

use super::player::Player;

#[test]
fn an_answer_is_begun_in_a_micro_pause_after_words_that_read_finished() {
    let mut player = Player::new();
    assert_eq!(
        player.play("#10 .3 [Hello there.]").work(),
        "64:begin 416:transcribe1 416:guess1(Hello there.)"
    );
    let mut player = Player::new();
    assert_eq!(
        player.play("#10 .3 [Hello there] .4").work(),
        "64:begin 416:transcribe1 416:read(Hello there) 544:pause1 544:assess1 \
         544:guess1(Hello there)"
    );
}

#[test]
fn it_is_held_until_the_turn_ends_and_then_sounds_at_once() {
    let mut player = Player::new();
    assert_eq!(
        player.play("#10 .3 [Hello there.] <Hi! >20 $ .4").told(),
        "64:Hearing 416:Hears(|Hello there.)"
    );
    assert_eq!(
        player.play("% .32").all(),
        "544:forget 544:Heard(Hello there.) 544:confirm 544:Says1(Hi!) 544:Sound(0-0) \
         544:Timings1 544:Sound(1-19) 544:Said1(Hi!) 544:End1(400) 544:Speaking 1244:finish \
         1244:Listening"
    );
    assert_eq!(player.history(), "caller: Hello there. / assistant: Hi!");
}

#[test]
fn what_was_saved_is_measured() {
    let mut player = Player::new();
    player.play("#10 .3 [Hello there.] .1 <Hi! >20 .3 % .1");
    assert_eq!(
        format!("{:?}", player.timings()),
        "TurnTimings { turn_end: Some(224ms), transcript: Some(96ms), first_token: \
         Some(128ms), first_sentence: Some(128ms), first_audio: Some(128ms), \
         first_audio_sent: Some(224ms), saved: Some(32ms) }"
    );
    player.play("$ .40 #10 .7 [Well?] % .2 <Hi! >20 .3");
    assert_eq!(
        format!("{:?}", player.timings()),
        "TurnTimings { turn_end: Some(224ms), transcript: Some(224ms), first_token: \
         Some(288ms), first_sentence: Some(288ms), first_audio: Some(288ms), \
         first_audio_sent: Some(288ms), saved: None }"
    );
}

#[test]
fn a_transcript_of_an_earlier_pause_is_not_measured() {
    let mut player = Player::new();
    player.play("#10 .3 [Hello there.] #4 .170 <Hi! >20");
    assert_eq!(player.timings().transcript, None);
}

#[test]
fn speech_that_goes_on_drops_it_without_a_trace() {
    let mut player = Player::new();
    let script = "#10 .3 [Hello there.] <Hi! >20 $ .4 ? #4 .3 [Hello there, I am new.] .4 %";
    assert_eq!(
        player.play(script).all(),
        "64:begin 64:Hearing 416:transcribe1 416:Hears(|Hello there.) 416:guess1(Hello \
         there.) 544:pause1 544:assess1 608:go-on 608:drop1 768:transcribe2 768:Hears(Hello \
         there,| I am new.) 768:guess1(Hello there, I am new.) 896:pause2 896:assess2 \
         896:forget 896:Heard(Hello there, I am new.) 896:confirm 896:Thinking"
    );
    assert_eq!(player.history(), "caller: Hello there, I am new.");
}

#[test]
fn it_is_kept_for_words_that_mean_the_same() {
    let script = "#10 .3 [Hello there] .4 <Hi! >20 [Hello, there!] %";
    assert_eq!(
        Player::new().play(script).all(),
        "64:begin 64:Hearing 416:transcribe1 416:Hears(|Hello there) 416:read(Hello there) \
         544:pause1 544:assess1 544:guess1(Hello there) 544:Hears(Hello, there!|) 544:forget \
         544:Heard(Hello, there!) 544:confirm 544:Says1(Hi!) 544:Sound(0-0) 544:Timings1 \
         544:Sound(1-19) 544:Speaking"
    );
}

#[test]
fn it_is_dropped_for_others() {
    let script = "#10 .3 [Hello there.] .4 <Hi! >20 [Hello Claire.] %";
    assert_eq!(
        Player::new().play(script).all(),
        "64:begin 64:Hearing 416:transcribe1 416:Hears(|Hello there.) 416:guess1(Hello \
         there.) 544:pause1 544:assess1 544:Hears(Hello| Claire.) 544:drop1 544:guess1(Hello \
         Claire.) 544:forget 544:Heard(Hello Claire.) 544:confirm 544:Thinking"
    );
    let typed = "#10 .3 [Hello there.] <Hi! >20 {say What is the time?}";
    assert_eq!(
        Player::new().play(typed).all(),
        "64:begin 64:Hearing 416:transcribe1 416:Hears(|Hello there.) 416:guess1(Hello \
         there.) 416:drop1 416:Heard(What is the time?) 416:answer1(What is the time?) \
         416:Thinking"
    );
}

#[test]
fn none_is_begun_where_the_settings_or_the_recogniser_do_not_allow_it() {
    let script = "#10 .7 [Hello there.] .2 %";
    let mut player = Player::with(|config| config.speculation = false);
    assert_eq!(
        player.play(script).work(),
        "64:begin 416:transcribe1 544:pause1 544:assess1 544:read(Hello there.) 608:forget \
         608:answer1(Hello there.)"
    );
    for busy in ["{backlog 4}", "{pressure strained}"] {
        assert_eq!(
            Player::new().play(busy).play(script).work(),
            "64:begin 544:pause1 544:assess1 544:transcribe1 544:read(Hello there.) 608:forget \
             608:answer1(Hello there.)"
        );
    }
}

#[test]
fn one_that_fails_is_tried_again_when_the_turn_ends() {
    let mut player = Player::new();
    assert_eq!(
        player.play("#10 .3 [Hello there.] {fail} .4 % <Hi! >20").all(),
        "64:begin 64:Hearing 416:transcribe1 416:Hears(|Hello there.) 416:guess1(Hello \
         there.) 416:drop1 544:pause1 544:assess1 544:guess1(Hello there.) 544:forget \
         544:Heard(Hello there.) 544:confirm 544:Thinking 544:Says1(Hi!) 544:Sound(0-0) \
         544:Timings1 544:Speaking 544:Sound(1-19)"
    );
}

#[test]
fn one_that_fails_when_it_is_meant_fails() {
    let mut player = Player::new();
    assert_eq!(
        player.play("#10 .3 [Hello there.] <Hi! >20 .4 % .2 {fail} .40").told(),
        "64:Hearing 416:Hears(|Hello there.) 544:Heard(Hello there.) 544:Says1(Hi!) \
         544:Sound(0-0) 544:Timings1 544:Sound(1-19) 544:Speaking 608:Said1(Hi!…) \
         608:End1(400) 608:Failed(Llm) 1244:Listening"
    );
    assert_eq!(player.history(), "caller: Hello there. / assistant: Hi!…");
}

#[test]
fn a_turn_without_words_drops_it() {
    assert_eq!(
        Player::new().play("#10 .3 [Hello there.] <Hi! >20 .4 [] .1").all(),
        "64:begin 64:Hearing 416:transcribe1 416:Hears(|Hello there.) 416:guess1(Hello \
         there.) 544:pause1 544:assess1 544:Hears(|) 544:forget 544:drop1 544:Listening"
    );
}
