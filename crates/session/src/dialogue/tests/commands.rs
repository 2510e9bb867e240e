//! What the caller asks for other than by speaking.

use std::sync::Arc;

use super::player::Player;

fn told(script: &str) -> String {
    Player::new().play(script).told()
}

#[test]
fn each_is_acknowledged() {
    assert_eq!(told("{stop}"), "0:Done(stop)");
    assert_eq!(told("{clear}"), "0:Cleared 0:Done(clear)");
    assert_eq!(told("{speed 70}"), "0:Done(speed 70)");
}

#[test]
fn one_of_the_voices_can_be_chosen() {
    let mut player = Player::with(|config| config.voices = vec![Arc::from("slt")]);
    assert_eq!(player.play("{voice slt}").told(), "0:Done(voice slt)");
    assert_eq!(player.play("{voice rms}").told(), "0:Failed(NotAllowed)");
}

#[test]
fn instructions_can_be_changed_where_it_is_allowed() {
    assert_eq!(told("{instruct Be brief.}"), "0:Failed(NotAllowed)");
    let mut player = Player::with(|config| config.instructions_allowed = true);
    assert_eq!(player.play("{instruct  Be brief. }").told(), "0:Done(instructions)");
    let prompt = player.dialogue.history().prompt();
    assert_eq!(&*prompt[0].text, "Be brief.");
}

#[test]
fn what_is_typed_is_a_turn() {
    let mut player = Player::new();
    assert_eq!(
        player.play("{say  Hello. } .1 <Hi! >20 $ .40").all(),
        "0:Heard(Hello.) 0:answer1(Hello.) 0:Thinking 32:Says1(Hi!) 32:Sound(0-0) 32:Timings1 \
         32:Speaking 32:Sound(1-19) 32:Said1(Hi!) 32:End1(400) 732:finish 732:Listening"
    );
    assert_eq!(player.play("{say  }").all(), "");
}

#[test]
fn clearing_while_the_answer_sounds_silences_it() {
    let mut player = Player::new();
    player.play("{say Go on.} <One two. >50 .16").all();
    assert_eq!(
        player.play("{clear} .2").all(),
        "512:drop1 512:Cut1(One…) 512:Stop1 512:Interrupted1 512:forget 512:Cleared \
         512:Done(clear) 512:Listening"
    );
    assert_eq!(player.history(), "");
    assert_eq!(
        player.play("{say Hello.}").all(),
        "576:Heard(Hello.) 576:answer2(Hello.) 576:Thinking"
    );
}

#[test]
fn clearing_in_the_middle_of_a_turn_takes_its_words_back() {
    assert_eq!(
        Player::new().play("#10 .3 [Hello there.] {clear} .9").all(),
        "64:begin 64:Hearing 416:transcribe1 416:Hears(|Hello there.) 416:guess1(Hello \
         there.) 416:drop1 416:Hears(|) 416:forget 416:Cleared 416:Done(clear) 416:Listening"
    );
}

#[test]
fn the_speed_counts_for_the_turn_under_way() {
    assert_eq!(
        told("#10 .7 [Hello there.] {speed 100} .60"),
        "64:Hearing 544:Hears(|Hello there.) 544:Done(speed 100) 1856:Heard(Hello there.) \
         1856:Thinking"
    );
}
