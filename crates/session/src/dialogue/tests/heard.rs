//! What is remembered of an answer that was cut off: what was heard.

use super::player::Player;

/// Two seconds, a second a sentence.
const ANSWER: &str = "{say Go on.} <One two three four. >50 <Five six seven eight. >50";

fn remembered(player: &mut Player, script: &str) -> String {
    player.play(ANSWER).play(script).play("{stop}");
    let history = player.history();
    history.split_once(" / assistant: ").map_or(history.clone(), |(_, heard)| heard.to_owned())
}

#[test]
fn without_reports_it_is_what_there_was_time_for() {
    assert_eq!(remembered(&mut Player::new(), ""), "caller: Go on.");
    assert_eq!(remembered(&mut Player::new(), ".16"), "One two…");
    assert_eq!(remembered(&mut Player::new(), ".32"), "One two three four.…");
    assert_eq!(remembered(&mut Player::new(), ".40"), "One two three four. Five…");
}

#[test]
fn time_while_it_is_paused_does_not_count() {
    assert_eq!(remembered(&mut Player::new(), ".16 #20"), "One two…");
    assert_eq!(remembered(&mut Player::plain(|_| {}), ".16 #20"), "One two three…");
}

#[test]
fn a_reported_position_counts_and_the_time_since() {
    assert_eq!(remembered(&mut Player::new(), ".32 {played 1 500 playing}"), "One two…");
    assert_eq!(
        remembered(&mut Player::new(), ".16 {played 1 500 playing} .16"),
        "One two three four.…"
    );
    assert_eq!(remembered(&mut Player::new(), ".16 {played 1 500 silent} .32"), "One two…");
}

#[test]
fn nobody_has_heard_what_was_not_sent() {
    assert_eq!(
        remembered(&mut Player::new(), ".1 {played 1 999999 playing} .1"),
        "One two three four. Five six…"
    );
}

#[test]
fn reports_of_other_responses_do_not_count() {
    assert_eq!(remembered(&mut Player::new(), ".16 {played 7 1500 playing}"), "One two…");
}

#[test]
fn where_the_voice_tells_the_ends_of_words_these_count() {
    let words = "{words 100 200 300 900}";
    assert_eq!(
        remembered(&mut Player::new(), &format!("{words} .36")),
        "One two three four. Five…"
    );
    assert_eq!(
        remembered(&mut Player::new(), &format!("{words} .42")),
        "One two three four. Five six seven…"
    );
}

#[test]
fn a_client_that_tells_when_it_begins_has_heard_nothing_before() {
    assert_eq!(remembered(&mut Player::plain(|_| {}), ".8 {starts} .20"), "One two…");
}

#[test]
fn an_answer_is_heard_out_when_the_client_says_so_or_time_has_passed() {
    let mut player = Player::new();
    assert_eq!(
        player.play(ANSWER).play("$ .80").told(),
        "0:Heard(Go on.) 0:Thinking 0:Says1(One two three four.) 0:Sound(0-0) 0:Timings1 \
         0:Speaking 0:Sound(1-49) 0:Says1(One two three four. Five six seven eight.) \
         0:Sound(50-99) 480:Said1(One two three four. Five six seven eight.) 480:End1(2000) \
         2300:Listening"
    );
    let mut player = Player::new();
    player.play(ANSWER).play("$ .60 {played 1 1900 playing} .4").told();
    assert_eq!(player.play("{played 1 2000 silent}").all(), "2048:finish 2048:Listening");
    let mut player = Player::plain(|_| {});
    player.play(ANSWER).play("$ .60").told();
    assert_eq!(player.play("{silent}").all(), "1920:finish 1920:Listening");
}

#[test]
fn silence_is_not_the_end_at_a_client_that_reports_another_position() {
    let mut player = Player::new();
    player.play(ANSWER).play("$ .20 {played 1 500 playing}").told();
    assert_eq!(player.play("{silent}").all(), "");
}

#[test]
fn a_gap_in_the_playback_is_not_the_end() {
    let mut player = Player::plain(|_| {});
    assert_eq!(
        player.play(ANSWER).play(".20 {starts} .20 {silent} .20").told(),
        "0:Heard(Go on.) 0:Thinking 0:Says1(One two three four.) 0:Sound(0-0) 0:Timings1 \
         0:Speaking 0:Sound(1-15) 0:Says1(One two three four. Five six seven eight.) \
         20:Sound(16-99)"
    );
}
