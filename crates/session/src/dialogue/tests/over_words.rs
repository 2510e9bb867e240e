//! The answer's own sound and words, come back through the caller's microphone.

use super::player::Player;

const ANSWER: &str =
    "{say Go on.} <The harvest is gathered in October. >75 <It is celebrated. >75 $ .16";

fn told(player: &mut Player, script: &str) -> String {
    player.play(ANSWER).told();
    player.play(script).told()
}

#[test]
fn its_sound_does_not_begin_a_turn() {
    assert_eq!(told(&mut Player::new(), "e30"), "520:Sound(101-148)");
}

#[test]
fn its_sound_is_not_part_of_a_turn() {
    let mut player = Player::new();
    player.play(ANSWER).all();
    assert_eq!(
        player.play("#8 e3 e4").all(),
        "520:Sound(101-103) 576:begin 576:Pause1 576:Paused 864:transcribe1 992:pause1 \
         992:assess1"
    );
}

#[test]
fn its_words_do_not_interrupt() {
    let mut player = Player::new();
    assert_eq!(
        told(&mut player, "#12 (harvest is gathered) #3"),
        // and where the microphone hears the loudspeaker, sound alone pauses it no more for a while
        "520:Sound(101-103) 576:Pause1 576:Paused 896:Resume1 896:Speaking 900:Sound(104-107) \
         980:Sound(108-108)"
    );
    assert_eq!(
        told(&mut Player::new(), "#12 .3 [The harvest is gathered.] .4 .2"),
        "520:Sound(101-103) 576:Pause1 576:Paused 992:Resume1 992:Speaking 996:Sound(104-113)"
    );
}

#[test]
fn the_end_of_the_answer_that_comes_back_when_it_is_over_is_no_turn() {
    let tail = "#10 .3 [It is celebrated.] .4 %";
    let mut player = Player::new();
    told(&mut player, "#12 (harvest is gathered) .85");
    assert_eq!(player.play(tail).told(), "3620:Listening 3680:Hearing 4032:Listening");
    // where no echo has been heard the caller has said it
    let mut player = Player::new();
    told(&mut player, ".100");
    assert_eq!(
        player.play(tail).told(),
        "3776:Hearing 4128:Hears(|It is celebrated.) 4256:Heard(It is celebrated.) 4256:Thinking"
    );
}

#[test]
fn words_that_have_not_sounded_cannot_come_back() {
    let script = "{say Go on.} #3 <The harvest is gathered in October. >75 #9";
    let mut player = Player::new();
    player.play(script).told();
    assert_eq!(
        player.play("(harvest is gathered)").told(),
        "384:Cut1() 384:Stop1 384:Interrupted1 384:Hears(|harvest is gathered)"
    );
}

#[test]
fn without_the_guard_they_do() {
    let mut player = Player::with(|config| config.interruption.echo_guard = false);
    assert_eq!(
        told(&mut player, "e12 (harvest is gathered)"),
        "520:Sound(101-103) 576:Pause1 576:Paused 896:Cut1(The harvest…) 896:Stop1 \
         896:Interrupted1 896:Hears(|harvest is gathered) 896:Hearing"
    );
}

#[test]
fn the_callers_own_words_among_them_do() {
    assert_eq!(
        told(&mut Player::new(), "#12 (gathered stop it please)"),
        "520:Sound(101-103) 576:Pause1 576:Paused 896:Cut1(The harvest…) 896:Stop1 \
         896:Interrupted1 896:Hears(|gathered stop it please) 896:Hearing"
    );
}
