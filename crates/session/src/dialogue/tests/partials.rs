//! What the caller sees of their turn while they speak.

use super::player::Player;

/// When partial transcripts are asked for in three seconds of speech.
fn asked(script: &str) -> String {
    Player::new().play(script).work()
}

#[test]
fn words_are_asked_for_every_second_and_rarer_when_the_recogniser_is_busy() {
    assert_eq!(
        asked("#140"),
        "64:begin 480:transcribe 1504:transcribe 2528:transcribe 3552:transcribe"
    );
    assert_eq!(asked("{backlog 1} #140"), "64:begin 1472:transcribe 3488:transcribe");
    assert_eq!(asked("{backlog 3} #140"), "64:begin 1472:transcribe 3488:transcribe");
    assert_eq!(asked("{backlog 4} #140"), "64:begin");
    assert_eq!(asked("{pressure busy} #140"), "64:begin 1472:transcribe 3488:transcribe");
    assert_eq!(asked("{pressure strained} #140"), "64:begin");
}

#[test]
fn while_the_caller_may_be_interrupting_words_are_asked_for_sooner() {
    assert_eq!(
        asked("{say Go on.} <One two three.>250 $ .9 #40"),
        "0:answer1(Go on.) 352:begin 576:transcribe 896:transcribe 1216:transcribe 1536:transcribe"
    );
    assert_eq!(
        asked("{backlog 9} {say Go on.} <One two three.>250 $ .9 #40"),
        "0:answer1(Go on.) 352:begin 576:transcribe 896:transcribe 1216:transcribe 1536:transcribe"
    );
}

#[test]
fn what_two_transcripts_agree_on_is_settled_and_the_model_reads_it() {
    let script = "#10 (What is.) #9 (What is the whether) #9 (what is the weather in) .7 \
                  [What is the weather in Paris?]";
    let mut player = Player::with(|config| config.speculation = false);
    assert_eq!(
        player.play(script).all(),
        "64:begin 64:Hearing 320:Hears(|What is.) 480:transcribe 608:Hears(What is| the whether) \
         608:read(What is) 896:Hears(what is the| weather in) 896:read(what is the) \
         992:transcribe1 1120:pause1 1120:assess1 1120:Hears(What is the weather in| Paris?) \
         1120:read(What is the weather in Paris?)"
    );
}

#[test]
fn what_comes_after_the_transcript_of_the_pause_is_older() {
    assert_eq!(
        Player::new().play("#10 .3 [What is the time?] (What is) .4 %").told(),
        "64:Hearing 416:Hears(|What is the time?) 544:Heard(What is the time?) 544:Thinking"
    );
}

#[test]
fn the_same_words_are_not_told_again() {
    assert_eq!(
        Player::new().play("#10 (What) #9 (What) .3 [What]").told(),
        "64:Hearing 320:Hears(|What)"
    );
}
