//! How answers are handed out, fail, and are begun by themselves.

use std::time::Duration;

use super::player::Player;

#[test]
fn an_answer_is_told_whole_when_all_of_it_has_been_sent() {
    let mut player = Player::new();
    let script = "{say Go on.} .2 <One two. >50 .5 <Three. >50 $ .30";
    assert_eq!(
        player.play(script).told(),
        "0:Heard(Go on.) 0:Thinking 64:Says1(One two.) 64:Sound(0-0) 64:Timings1 64:Speaking \
         64:Sound(1-49) 224:Says1(One two. Three.) 224:Sound(50-99) 544:Said1(One two. \
         Three.) 544:End1(2000)"
    );
}

#[test]
fn an_answer_that_fails_half_way_is_told_as_far_as_it_sounded() {
    let mut player = Player::new();
    assert_eq!(
        player.play("{say Go on.} <One two. >20 <Three four.>0 {fail} .40").told(),
        "0:Heard(Go on.) 0:Thinking 0:Says1(One two.) 0:Sound(0-0) 0:Timings1 0:Speaking \
         0:Sound(1-19) 0:Says1(One two. Three four.) 0:Said1(One two.…) 0:End1(400) \
         0:Failed(Llm) 700:Listening"
    );
    assert_eq!(player.history(), "caller: Go on. / assistant: One two.…");
}

#[test]
fn an_answer_that_fails_before_it_sounds_is_over_as_well() {
    let mut player = Player::new();
    assert_eq!(
        player.play("{say Go on.} <One two. >0 {fail} .2").told(),
        "0:Heard(Go on.) 0:Thinking 0:Says1(One two.) 0:Said1() 0:End1(0) 0:Failed(Llm) \
         0:Listening"
    );
    assert_eq!(player.history(), "caller: Go on.");
}

#[test]
fn an_answer_that_fails_at_once_is_said_to_have_failed() {
    let mut player = Player::new();
    assert_eq!(
        player.play("{say Go on.} {fail} .2").all(),
        "0:Heard(Go on.) 0:answer1(Go on.) 0:Thinking 0:End1(0) 0:Failed(Llm) 0:finish \
         0:Listening"
    );
    assert_eq!(player.history(), "caller: Go on.");
}

#[test]
fn an_answer_without_sound_is_told() {
    assert_eq!(
        Player::new().play("{say Go on.} <***>0 $ .2").all(),
        "0:Heard(Go on.) 0:answer1(Go on.) 0:Thinking 0:Says1(***) 0:Said1(***) 0:End1(0) \
         0:finish 0:Listening"
    );
}

fn asking() -> Player {
    Player::with(|config| {
        config.ask_after = Some(Duration::from_secs(2));
        config.ask_with = std::sync::Arc::from("(still there?)");
        config.speculation = false;
    })
}

#[test]
fn a_silent_caller_is_asked_once() {
    let mut player = asking();
    assert_eq!(
        player.play(".70 <Are you there? >20 $ .200").all(),
        "2000:answer1((still there?)) 2000:Thinking 2240:Says1(Are you there?) \
         2240:Sound(0-0) 2240:Timings1 2240:Speaking 2240:Sound(1-19) 2240:Said1(Are you \
         there?) 2240:End1(400) 2940:finish 2940:Listening"
    );
    assert_eq!(player.history(), "assistant: Are you there?");
}

#[test]
fn a_caller_who_has_said_something_is_asked_again() {
    let mut player = asking();
    player.play(".70 <Are you there? >20 $ .99").all();
    assert_eq!(
        player.play("#10 .7 [I am.] % <Good. >20 $ .150").work(),
        "5472:begin 5824:transcribe1 5952:pause1 5952:assess1 5952:read(I am.) 5952:forget \
         5952:answer2(I am.) 6652:finish 8652:answer3((still there?))"
    );
}

#[test]
fn whoever_only_coughs_has_said_nothing() {
    let mut player = asking();
    player.play(".70 <Are you there? >20 $ .99").all();
    assert_eq!(player.play("#5 .150").work(), "5472:begin 5792:pause1 5792:assess1 5824:forget");
}
