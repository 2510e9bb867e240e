//! When the caller's turn is over, and what is asked for until then.

use super::player::Player;

fn all(script: &str) -> String {
    Player::with(|config| config.speculation = false).play(script).all()
}

#[test]
fn a_turn_that_sounds_complete_ends_at_its_pause() {
    assert_eq!(
        all("#10 .3 [Hello there.] .4 %"),
        "64:begin 64:Hearing 416:transcribe1 416:Hears(|Hello there.) 416:read(Hello there.) \
         544:pause1 544:assess1 544:forget 544:Heard(Hello there.) 544:answer1(Hello there.) \
         544:Thinking"
    );
}

#[test]
fn a_turn_that_sounds_complete_ends_as_soon_as_its_transcript_is_there() {
    assert_eq!(
        all("#10 .7 % .2 [Hello there.]"),
        "64:begin 64:Hearing 416:transcribe1 544:pause1 544:assess1 608:Hears(|Hello there.) \
         608:forget 608:Heard(Hello there.) 608:answer1(Hello there.) 608:Thinking"
    );
}

#[test]
fn a_turn_that_sounds_incomplete_is_waited_for() {
    assert_eq!(
        all("#10 .7 ? [Tell me about it.] .60"),
        "64:begin 64:Hearing 416:transcribe1 544:pause1 544:assess1 544:Hears(|Tell me about \
         it.) 544:read(Tell me about it.) 864:assess1 1184:assess1 2016:forget \
         2016:Heard(Tell me about it.) 2016:answer1(Tell me about it.) 2016:Thinking"
    );
}

#[test]
fn where_nobody_can_tell_the_punctuation_decides() {
    assert_eq!(
        all("#10 .7 [Tell me about it.] .20"),
        "64:begin 64:Hearing 416:transcribe1 544:pause1 544:assess1 544:Hears(|Tell me about \
         it.) 544:read(Tell me about it.) 672:forget 672:Heard(Tell me about it.) \
         672:answer1(Tell me about it.) 672:Thinking"
    );
    assert_eq!(
        all("#10 .7 [Tell me about] .30"),
        "64:begin 64:Hearing 416:transcribe1 544:pause1 544:assess1 544:Hears(|Tell me about) \
         544:read(Tell me about) 864:assess1 960:forget 960:Heard(Tell me about) \
         960:answer1(Tell me about) 960:Thinking"
    );
}

#[test]
fn speech_takes_back_all_that_the_pause_brought() {
    let resumed = "#10 .7 [Tell me.] ? .4 #4 .3 {late Tell me.} [Tell me about it.] .4 %";
    assert_eq!(
        all(resumed),
        "64:begin 64:Hearing 416:transcribe1 544:pause1 544:assess1 544:Hears(|Tell me.) \
         544:read(Tell me.) 736:go-on 896:transcribe2 896:Hears(Tell me| about it.) \
         896:read(Tell me about it.) 1024:pause2 1024:assess2 1024:forget 1024:Heard(Tell me \
         about it.) 1024:answer1(Tell me about it.) 1024:Thinking"
    );
}

#[test]
fn nothing_is_transcribed_twice() {
    let work = all("#10 .3 [I would] #5 .3 [I would like] .4 ? #5 .3 .4 [I would like tea.] % .9");
    assert_eq!(
        work.clone(),
        "64:begin 64:Hearing 416:transcribe1 416:Hears(|I would) 416:read(I would) 448:go-on \
         576:transcribe 672:transcribe2 672:Hears(I would| like) 672:read(I would like) 800:pause2 \
         800:assess2 864:go-on 1056:transcribe3 1184:pause3 1184:assess3 1184:Hears(I would \
         like| tea.) 1184:read(I would like tea.) 1184:forget 1184:Heard(I would like tea.) \
         1184:answer1(I would like tea.) 1184:Thinking"
    );
    for pause in 1..=3 {
        assert_eq!(work.matches(&format!("transcribe{pause}")).count(), 1, "of pause {pause}");
    }
}

#[test]
fn when_others_wait_for_the_recogniser_a_micro_pause_does_not() {
    assert_eq!(
        all("{backlog 1} #10 .3 #4 .3 .4 [Hello there.] %"),
        "64:begin 64:Hearing 448:go-on 768:pause2 768:assess2 768:transcribe2 \
         768:Hears(|Hello there.) 768:read(Hello there.) 768:forget 768:Heard(Hello there.) \
         768:answer1(Hello there.) 768:Thinking"
    );
}

#[test]
fn a_sound_of_thinking_is_no_turn() {
    assert_eq!(
        all("#10 .7 [Uh.] ? .100"),
        "64:begin 64:Hearing 416:transcribe1 544:pause1 544:assess1 544:Hears(|Uh.) \
         544:read(Uh.) 864:assess1 1184:assess1 2016:Hears(|) 2016:forget 2016:Listening"
    );
    assert_eq!(
        all("#10 .7 [Uh.] ? .9 #20 .7 [Uh, tell me.] %"),
        "64:begin 64:Hearing 416:transcribe1 544:pause1 544:assess1 544:Hears(|Uh.) \
         544:read(Uh.) 864:assess1 896:go-on 1024:transcribe 1568:transcribe2 1696:pause2 1696:assess2 \
         1696:Hears(Uh,| tell me.) 1696:read(Uh, tell me.) 1696:forget 1696:Heard(Uh, tell \
         me.) 1696:answer1(Uh, tell me.) 1696:Thinking"
    );
}

#[test]
fn without_words_there_is_no_turn() {
    assert_eq!(
        all("#10 (Hm, what) .7 [] .3"),
        "64:begin 64:Hearing 320:Hears(|Hm, what) 416:transcribe1 544:pause1 544:assess1 \
         544:Hears(|) 544:forget 544:Listening"
    );
}

#[test]
fn nobody_is_asked_about_a_cough() {
    assert_eq!(
        all("#2 .20 #5 .20"),
        "64:begin 64:Hearing 288:forget 288:Listening 768:begin 768:Hearing 1088:pause2 \
         1088:assess2 1120:forget 1120:Listening"
    );
}

#[test]
fn a_turn_whose_transcript_never_comes_ends_with_what_was_understood() {
    assert_eq!(
        all("#20 (Hello there) .170"),
        "64:begin 64:Hearing 480:transcribe 640:Hears(|Hello there) 736:transcribe1 864:pause1 864:assess1 \
         1184:assess1 1504:assess1 5664:forget 5664:Heard(Hello there) 5664:answer1(Hello \
         there) 5664:Thinking"
    );
}

#[test]
fn words_that_are_lost_end_the_turn_and_it_is_said() {
    assert_eq!(
        all("#20 (Hello there) .3 {lost} .20"),
        "64:begin 64:Hearing 480:transcribe 640:Hears(|Hello there) 736:transcribe1 736:Hears(|) 736:forget \
         736:Failed(Llm) 736:Listening"
    );
}
