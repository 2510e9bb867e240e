//! Callers who lose their connection and come back.

use super::player::Player;

const ANSWER: &str = "{say Go on.} <One two three four. >50 <Five six seven eight. >50 $";

#[test]
fn sound_waits_and_begins_again_where_the_caller_stopped_hearing() {
    let mut player = Player::new();
    player.play(ANSWER).play(".16").all();
    assert_eq!(player.play("{away} _100").all(), "");
    assert_eq!(
        player.play("{back} .70").all(),
        "3712:History(caller: Go on.) 3712:Speaking 3712:rewind(75) 3712:Said1(One two three \
         four. Five six seven eight.) 3712:Sound(25-99) 3712:End1(2000) 5512:finish \
         5512:Listening"
    );
    let history = "caller: Go on. / assistant: One two three four. Five six seven eight.";
    assert_eq!(player.history(), history);
}

#[test]
fn what_the_client_reported_last_is_what_it_has_heard() {
    let mut player = Player::new();
    player.play(ANSWER).play(".16 {played 1 300 playing} .4 {away}").all();
    assert_eq!(
        player.play("_9 {back} .1").all(),
        "928:History(caller: Go on.) 928:Speaking 928:rewind(85) 928:Said1(One two three \
         four. Five six seven eight.) 928:Sound(15-91)"
    );
}

#[test]
fn the_end_is_told_again_if_sound_is_sent_again() {
    let mut player = Player::new();
    assert_eq!(
        player.play(ANSWER).play(".40").told(),
        "0:Heard(Go on.) 0:Thinking 0:Says1(One two three four.) 0:Sound(0-0) 0:Timings1 \
         0:Speaking 0:Sound(1-49) 0:Says1(One two three four. Five six seven eight.) \
         0:Sound(50-99) 480:Said1(One two three four. Five six seven eight.) 480:End1(2000)"
    );
    player.play("{played 1 1200 playing} {away} _100").all();
    assert_eq!(
        player.play("{back} .40").all(),
        "4480:History(caller: Go on.) 4480:Speaking 4480:rewind(40) 4480:Said1(One two three \
         four. Five six seven eight.) 4480:Sound(60-99) 4480:End1(2000) 5580:finish \
         5580:Listening"
    );
}

#[test]
fn an_answer_that_had_not_begun_to_sound_begins_when_the_caller_is_back() {
    let mut player = Player::new();
    assert_eq!(
        player.play("{say Go on.} {away} <One two.>20 $ _100").told(),
        "0:Heard(Go on.) 0:Thinking 0:Says1(One two.)"
    );
    assert_eq!(
        player.play("{back} .40").told(),
        "3200:History(caller: Go on.) 3200:Thinking 3200:Says1(One two.) 3200:Sound(0-0) \
         3200:Timings1 3200:Sound(1-19) 3200:Said1(One two.) 3200:End1(400) 3200:Speaking \
         3900:Listening"
    );
}

#[test]
fn an_answer_of_which_nothing_was_heard_begins_anew_and_is_measured_once() {
    let mut player = Player::new();
    assert_eq!(
        player.play("{say Go on.} <One two.>20 $ {away} _9").told(),
        "0:Heard(Go on.) 0:Thinking 0:Says1(One two.) 0:Sound(0-0) 0:Timings1 0:Speaking \
         0:Sound(1-19) 0:Said1(One two.) 0:End1(400)"
    );
    assert_eq!(
        player.play("{back} .40").told(),
        "288:History(caller: Go on.) 288:Speaking 288:Said1(One two.) 288:Sound(0-19) \
         288:End1(400) 988:Listening"
    );
}

#[test]
fn a_turn_that_was_under_way_ends_by_itself_and_its_answer_waits() {
    let mut player = Player::new();
    assert_eq!(
        player.play("#10 {away} .3 [Hello there.] .4 % <Hi! >20 $ _90").all(),
        "64:begin 64:Hearing 416:transcribe1 416:Hears(|Hello there.) 416:guess1(Hello \
         there.) 544:pause1 544:assess1 544:forget 544:Heard(Hello there.) 544:confirm \
         544:Thinking 544:Says1(Hi!)"
    );
    assert_eq!(
        player.play("{back} .40").told(),
        "3424:History(caller: Hello there.) 3424:Thinking 3424:Says1(Hi!) 3424:Sound(0-0) \
         3424:Timings1 3424:Sound(1-19) 3424:Said1(Hi!) 3424:End1(400) 3424:Speaking \
         4124:Listening"
    );
}

#[test]
fn speech_that_came_before_the_loss_was_known_is_weighed_when_the_caller_is_back() {
    let mut player = Player::new();
    player.play(ANSWER).play(".16 {away} .2").all();
    assert_eq!(
        player.play("#4 {back} #4").told(),
        "640:Pause1 640:Paused 704:History(caller: Go on.) 704:Paused \
         704:Said1(One two three four. Five six seven eight.)"
    );
    assert_eq!(
        player.play(".7 [] .2").told(),
        "1056:Resume1 1056:Sound(25-99) 1056:End1(2000) 1056:Speaking"
    );
}

#[test]
fn speech_over_the_answer_is_weighed_while_the_caller_is_away() {
    let mut player = Player::new();
    player.play(ANSWER).play(".16 #10").all();
    assert_eq!(
        player.play("{away} .3 [No, wait.] .4 %").all(),
        "832:Resume1 832:Speaking 928:transcribe1 928:drop1 928:Stop1 928:Interrupted1 \
         928:Hears(|No, wait.) 928:guess2(No, wait.) 928:Hearing 1056:pause1 1056:assess1 \
         1056:forget 1056:Heard(No, wait.) 1056:confirm 1056:Thinking"
    );
    let mut player = Player::new();
    player.play(ANSWER).play(".16 #10").all();
    assert_eq!(
        player.play("{away} .3 [] .4 _90 {back} .2").all(),
        "832:Resume1 832:Speaking 928:transcribe1 1056:pause1 1056:assess1 \
         3936:History(caller: Go on.) 3936:Speaking 3936:rewind(72) 3936:Said1(One two three \
         four. Five six seven eight.) 3936:Sound(28-99) 3936:End1(2000) 3968:forget"
    );
}

#[test]
fn a_silent_caller_is_not_asked_while_they_are_away() {
    let mut player = Player::with(|config| {
        config.ask_after = Some(std::time::Duration::from_secs(5));
    });
    assert_eq!(player.play("{away} _200").all(), "");
    assert_eq!(
        player.play("{back} .160").work(),
        "11400:answer1((The caller has said nothing for a while. Ask in one short sentence \
         whether they are still there.))"
    );
}

#[test]
fn whoever_was_never_answered_is_told_what_was_said() {
    assert_eq!(Player::new().play("{away} _9 {back}").told(), "288:History() 288:Listening");
}

#[test]
fn an_answer_that_failed_is_told_again_as_it_was() {
    let mut player = Player::new();
    assert_eq!(
        player.play("{say Go on.} <One two.>20 {fail} .1 {away} _9").told(),
        "0:Heard(Go on.) 0:Thinking 0:Says1(One two.) 0:Sound(0-0) 0:Timings1 0:Speaking \
         0:Sound(1-19) 0:Said1(One two.…) 0:End1(400) 0:Failed(Llm)"
    );
    assert_eq!(
        player.play("{back} .40").told(),
        "320:History(caller: Go on.) 320:Speaking 320:Said1(One two.…) 320:Sound(1-19) \
         320:End1(400) 1000:Listening"
    );
}
