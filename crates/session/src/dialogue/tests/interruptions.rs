//! Speech over the answer.

use super::player::Player;

/// An answer of three seconds, half a second of which has been heard.
const ANSWER: &str = "{say Go on.} <One two three four. >50 <Five six seven eight. >50 \
                      <Nine ten. >50 $ .16";

fn over(answer: &mut Player, script: &str) -> String {
    answer.play(ANSWER).told();
    answer.play(script).told()
}

fn told(script: &str) -> String {
    over(&mut Player::new(), script)
}

#[test]
fn it_pauses_within_two_frames() {
    assert_eq!(told("#2"), "520:Sound(101-103) 576:Pause1 576:Paused");
}

#[test]
fn words_stop_it_and_begin_the_next_turn() {
    let mut player = Player::new();
    assert_eq!(
        over(&mut player, "#12 (No, wait) #5 .3 [No, wait, stop.] .4 %"),
        "520:Sound(101-103) 576:Pause1 576:Paused 896:Cut1(One two…) 896:Stop1 \
         896:Interrupted1 896:Hears(|No, wait) 896:Hearing 1152:Hears(No, wait,| stop.) \
         1280:Heard(No, wait, stop.) 1280:Thinking"
    );
    let history = "caller: Go on. / assistant: One two… / caller: No, wait, stop.";
    assert_eq!(player.history(), history);
}

#[test]
fn words_may_be_understood_at_the_pause_only() {
    let mut player = Player::new();
    player.play(ANSWER).all();
    assert_eq!(
        player.play("#12 .3 [No, wait.] .4 %").all(),
        "520:Sound(101-103) 576:begin 576:Pause1 576:Paused 800:transcribe 992:transcribe1 \
         992:drop1 992:Cut1(One two…) 992:Stop1 992:Interrupted1 992:Hears(|No, wait.) \
         992:guess2(No, wait.) 992:Hearing 1120:pause1 1120:assess1 1120:forget \
         1120:Heard(No, wait.) 1120:confirm 1120:Thinking"
    );
}

#[test]
fn a_sign_of_listening_lets_it_go_on_from_the_next_frame() {
    let mut player = Player::new();
    assert_eq!(
        over(&mut player, "#8 (Yeah) .3 [Yeah.] .4 .90"),
        "520:Sound(101-103) 576:Pause1 576:Paused 992:Resume1 992:Speaking 996:Sound(104-149) \
         1896:Said1(One two three four. Five six seven eight. Nine ten.) 1896:End1(3000) \
         3716:Listening"
    );
    let history = "caller: Go on. / assistant: One two three four. Five six seven eight. Nine ten.";
    assert_eq!(player.history(), history);
}

#[test]
fn a_cough_lets_it_go_on() {
    assert_eq!(
        told("#2 .7 .2"),
        "520:Sound(101-103) 576:Pause1 576:Paused 800:Resume1 800:Speaking 804:Sound(104-107)"
    );
    assert_eq!(
        told("#5 .7 .2"),
        "520:Sound(101-103) 576:Pause1 576:Paused 928:Resume1 928:Speaking 932:Sound(104-105)"
    );
    assert_eq!(
        told("#10 .7 [] .2"),
        "520:Sound(101-103) 576:Pause1 576:Paused 1056:Resume1 1056:Speaking \
         1060:Sound(104-107)"
    );
}

#[test]
fn noise_without_words_lets_it_go_on_and_words_may_follow() {
    assert_eq!(
        told("#40 (No, wait)"),
        "520:Sound(101-103) 576:Pause1 576:Paused 1576:Resume1 1576:Speaking \
         1580:Sound(104-113) 1780:Sound(114-114) 1792:Cut1(One two three…) 1792:Stop1 1792:Interrupted1 \
         1792:Hears(|No, wait) 1792:Hearing"
    );
}

#[test]
fn lost_words_let_it_go_on() {
    assert_eq!(
        told("#10 .3 {lost} .2"),
        "520:Sound(101-103) 576:Pause1 576:Paused 928:Resume1 928:Failed(Llm) 928:Speaking \
         932:Sound(104-107)"
    );
}

#[test]
fn so_few_words_as_are_set_do_not_interrupt() {
    let mut player = Player::with(|config| config.interruption.min_words = 3);
    assert_eq!(
        over(&mut player, "#10 (No, wait) .7 [No, wait.] .2 #10 (But I mean)"),
        "520:Sound(101-103) 576:Pause1 576:Paused 1056:Resume1 1056:Speaking \
         1060:Sound(104-110) 1184:Pause1 1184:Paused 1440:Cut1(One two…) 1440:Stop1 \
         1440:Interrupted1 1440:Hears(|But I mean) 1440:Hearing"
    );
}

#[test]
fn so_little_speech_as_is_set_does_not_interrupt() {
    let mut player = Player::with(|config| {
        config.interruption.min_duration = std::time::Duration::from_millis(500);
    });
    assert_eq!(
        over(&mut player, "#10 (No, wait) #6 (No, wait)"),
        "520:Sound(101-103) 576:Pause1 576:Paused 1024:Cut1(One two…) 1024:Stop1 \
         1024:Interrupted1 1024:Hears(|No, wait) 1024:Hearing"
    );
}

#[test]
fn faint_sound_interrupts_only_if_it_is_set_so() {
    let faint = "+12 (No, wait)";
    assert_eq!(
        told(faint),
        "520:Sound(101-103) 576:Pause1 576:Paused 896:Cut1(One two…) 896:Stop1 \
         896:Interrupted1 896:Hears(|No, wait) 896:Hearing"
    );
    let mut player = Player::with(|config| config.interruption.sensitivity = 0.2);
    assert_eq!(over(&mut player, faint), "520:Sound(101-119)");
    let fainter = "-3";
    assert_eq!(told(fainter), "520:Sound(101-105)");
    let mut player = Player::with(|config| config.interruption.sensitivity = 0.8);
    assert_eq!(over(&mut player, fainter), "520:Sound(101-103) 576:Pause1 576:Paused");
}

#[test]
fn where_it_is_off_the_caller_is_not_heard_over_the_answer() {
    let mut player = Player::with(|config| config.interruption.enabled = false);
    assert_eq!(
        over(&mut player, "#20 .7 .60 #10"),
        "520:Sound(101-149) 1480:Said1(One two three four. Five six seven eight. Nine ten.) \
         1480:End1(3000) 3300:Listening 3360:Hearing"
    );
}

#[test]
fn in_the_tail_when_all_has_been_sent_it_stops_and_what_was_heard_is_remembered() {
    let mut player = Player::new();
    player.play(ANSWER).play(".48").told();
    assert_eq!(
        player.play("#12 (No, wait)").told(),
        "2112:Pause1 2112:Paused 2432:Stop1 2432:Interrupted1 2432:Hears(|No, wait) \
         2432:Hearing"
    );
    assert_eq!(
        player.history(),
        "caller: Go on. / assistant: One two three four. Five six seven eight.…"
    );
}

#[test]
fn an_answer_that_is_complete_while_it_is_held_is_cut_or_goes_on_all_the_same() {
    let held = "{say Go on.} <One two three four. >50 .16 #4";
    let mut player = Player::new();
    player.play(held).told();
    assert_eq!(
        player.play("$ #8 (No, wait)").told(),
        "896:Cut1(One two…) 896:Stop1 896:Interrupted1 896:Hears(|No, wait) 896:Hearing"
    );
    let mut player = Player::new();
    player.play(held).told();
    assert_eq!(
        player.play("$ #3 .7 [] .20").told(),
        "960:Resume1 960:Said1(One two three four.) 960:End1(1000) 960:Speaking"
    );
}

#[test]
fn who_speaks_at_its_end_replies_to_it() {
    for script in [".75 #8 .3 [Yeah.] .4 %", ".80 #8 .3 [Yeah.] .4 %"] {
        let mut player = Player::new();
        player.play(ANSWER).play(script);
        let history = "caller: Go on. / assistant: One two three four. Five six seven eight. Nine \
                       ten. / caller: Yeah.";
        assert_eq!(player.history(), history, "{}", player.told());
    }
}

#[test]
fn before_the_answer_sounds_nothing_that_was_said_is_lost() {
    let mut player = Player::with(|config| config.speculation = false);
    let script = "#10 .7 [What is the capital.] % .4 #10 .3 [Of France?] .4 %";
    assert_eq!(
        player.play(script).all(),
        "64:begin 64:Hearing 416:transcribe1 544:pause1 544:assess1 544:Hears(|What is the \
         capital.) 544:read(What is the capital.) 544:forget 544:Heard(What is the capital.) \
         544:answer1(What is the capital.) 544:Thinking 736:begin 736:Hearing 960:transcribe \
         1088:transcribe2 1088:drop1 1088:Hears(|Of France?) 1088:read(What is the capital. \
         Of France?) 1216:pause2 1216:assess2 1216:forget 1216:Heard(Of France?) \
         1216:answer2(What is the capital. Of France?) 1216:Thinking"
    );
    assert_eq!(player.history(), "caller: What is the capital. / caller: Of France?");
}

#[test]
fn an_answer_that_is_shown_but_does_not_sound_yet_waits_as_well() {
    let mut player = Player::new();
    let script = "{say Go on.} <One two three.>0 #3";
    assert_eq!(
        player.play(script).told(),
        "0:Heard(Go on.) 0:Thinking 0:Says1(One two three.) 64:Hearing"
    );
    assert_eq!(player.play("<Four five.>9 .2 #8").told(), "96:Says1(One two three.Four five.)");
    assert_eq!(
        player.play(".3 [Stop it.]").told(),
        "512:Cut1() 512:Stop1 512:Interrupted1 512:Hears(|Stop it.)"
    );
}

#[test]
fn a_client_that_cannot_pause_is_sent_nothing_more() {
    let mut player = Player::plain(|_| {});
    assert_eq!(
        player.play(ANSWER).told(),
        "0:Heard(Go on.) 0:Thinking 0:Says1(One two three four.) 0:Sound(0-0) 0:Timings1 \
         0:Speaking 0:Sound(1-15) 0:Says1(One two three four. Five six seven eight.) \
         0:Says1(One two three four. Five six seven eight. Nine ten.) 20:Sound(16-40)"
    );
    assert_eq!(
        player.play("#8 .3 [Yeah.] .4 .5").told(),
        "520:Sound(41-43) 576:Pause1 576:Paused 992:Resume1 992:Sound(44-59) 992:Speaking \
         1012:Sound(60-67)"
    );
    assert_eq!(
        player.play("#10 (No, wait)").told(),
        "1172:Sound(68-70) 1216:Pause1 1216:Paused 1472:Cut1(One two three four. Five…) \
         1472:Stop1 1472:Interrupted1 1472:Hears(|No, wait) 1472:Hearing"
    );
}

#[test]
fn whoever_asks_for_silence_gets_it() {
    assert_eq!(
        told("{stop}"),
        "512:Cut1(One two…) 512:Stop1 512:Interrupted1 512:Done(stop) 512:Listening"
    );
    assert_eq!(
        told("{say What?}"),
        "512:Cut1(One two…) 512:Stop1 512:Interrupted1 512:Heard(What?) 512:Thinking"
    );
    assert_eq!(
        told("#4 {stop} #4 .3 [Stop.] .4 %"),
        "520:Sound(101-103) 576:Pause1 576:Paused 640:Cut1(One two…) 640:Stop1 \
         640:Interrupted1 640:Done(stop) 640:Hearing 864:Hears(|Stop.) 992:Heard(Stop.) \
         992:Thinking"
    );
}
