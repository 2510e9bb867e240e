use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

const FAST: u8 = 0;
const SLOW: u8 = 100;

/// A detector that is played a script, and writes down what it says.
struct Player {
    detector: TurnDetector,
    now: MediaTime,
    pause: u32,
    /// Whether the newest pause is more than a micro-pause.
    is_long: bool,
    said: String,
}

impl Player {
    fn new(slider: u8) -> Self {
        Self {
            detector: TurnDetector::new(Config::default(), Speed::from_slider(slider)),
            now: MediaTime::ZERO,
            pause: 0,
            is_long: false,
            said: String::new(),
        }
    }

    fn frame(&mut self, (probability, level): (f32, f32)) {
        self.now = self.now + Config::default().frame;
        let event = self.detector.on_frame(self.now, probability, level);
        self.write(event);
    }

    fn write(&mut self, event: Option<Event>) {
        let Some(event) = event else { return };
        let millis = |time: MediaTime| time.since(MediaTime::ZERO).as_millis();
        let event = match event {
            Event::SpeechStarted { at } => format!("start({})", millis(at)),
            // micro-pauses, and what follows them, would only lengthen the scripts
            Event::MicroPause { number, .. } => {
                self.pause = number;
                self.is_long = false;
                return;
            }
            Event::SpeechResumed { .. } if !self.is_long => return,
            Event::SpeechResumed { at } => format!("resume({})", millis(at)),
            Event::Pause { number, since } => {
                assert_eq!(self.pause, number, "a pause begins as a micro-pause");
                self.is_long = true;
                format!("pause{number}({})", millis(since))
            }
            Event::TurnEnded { speech_end } => format!("end({})", millis(speech_end)),
            Event::TurnDiscarded => "discard".to_owned(),
        };
        let gap = if self.said.is_empty() { "" } else { " " };
        write!(self.said, "{gap}{}:{event}", millis(self.now)).unwrap();
    }

    /// Plays a script. `#` is a frame of speech, `_` of a voice much quieter, `.` of silence, `~`
    /// between the two; a number after it repeats it. `[words]` is the transcript of the newest pause and `{words}` that of
    /// the one before; `!` resets, `%` means complete, `?` incomplete, and `S` is the slow end of
    /// the slider.
    fn play(&mut self, script: &str) {
        let mut rest = script.chars().peekable();
        while let Some(symbol) = rest.next() {
            let frame = match symbol {
                '#' => (0.9, -25.0),
                '_' => (0.9, -50.0),
                '~' => (0.4, f32::NAN),
                '.' => (0.1, -60.0),
                '[' | '{' => {
                    let text: String = rest.by_ref().take_while(|c| !"]}".contains(*c)).collect();
                    let pause = if symbol == '[' { self.pause } else { self.pause - 1 };
                    let event = self.detector.on_transcript(pause, &text);
                    self.write(event);
                    continue;
                }
                '%' | '?' => {
                    let p_complete = if symbol == '%' { 0.95 } else { 0.1 };
                    let event = self.detector.on_completeness(self.pause, p_complete);
                    self.write(event);
                    continue;
                }
                '!' => {
                    self.detector.reset();
                    continue;
                }
                'S' => {
                    self.detector.set_speed(Speed::from_slider(SLOW));
                    continue;
                }
                other => panic!("{other} is not of this script"),
            };
            let mut count = 0;
            while let Some(digit) = rest.peek().and_then(|c| c.to_digit(10)) {
                count = 10 * count + digit;
                rest.next();
            }
            for _ in 0..count.max(1) {
                self.frame(frame);
            }
        }
    }
}

/// Plays the script at the fast end of the slider; each event is written as `when:what(where)`, in
/// milliseconds of the caller's audio.
fn check(script: &str, wanted: &str) {
    let mut player = Player::new(FAST);
    player.play(script);
    assert_eq!(player.said, wanted, "{script}");
}

#[test]
fn silence_is_nothing() {
    check(".100", "");
    check("~100", "");
}

#[test]
fn speech_starts_a_turn_at_its_onset() {
    check("...##", "160:start(96)");
}

#[test]
fn a_click_starts_no_turn() {
    check("#.#.#.#~#.10", "");
}

#[test]
fn a_finished_sentence_ends_the_turn_soon_after_the_speech() {
    check("#10.7[Hello there.].10", "64:start(0) 544:pause1(320) 672:end(320)");
}

#[test]
fn an_open_sentence_is_waited_for() {
    check("#10.7[I would like].30", "64:start(0) 544:pause1(320) 960:end(320)");
}

#[test]
fn an_ellipsis_is_waited_for_longer() {
    check("#10.7[I would like...].50", "64:start(0) 544:pause1(320) 1696:end(320)");
}

#[test]
fn a_turn_never_outlasts_the_longest_wait() {
    check("S#10.7[Well...].150", "64:start(0) 544:pause1(320) 3328:end(320)");
}

#[test]
fn a_late_transcript_ends_the_turn_at_once() {
    check("#10.20[Hello.]", "64:start(0) 544:pause1(320) 960:end(320)");
}

#[test]
fn the_speed_can_change_during_a_pause() {
    check("#10.7[Hello.]S.60", "64:start(0) 544:pause1(320) 1856:end(320)");
}

#[test]
fn a_turn_that_sounds_complete_ends_at_once() {
    check("#10.7[And that is it.]%", "64:start(0) 544:pause1(320) 544:end(320)");
    check("#10.7%.20[Is that it?]", "64:start(0) 544:pause1(320) 1184:end(320)");
}

#[test]
fn what_is_known_of_a_micro_pause_counts_when_it_is_long_enough() {
    check("#10.3[That is it.].4%", "64:start(0) 544:pause1(320) 544:end(320)");
    check("#10.3[].4", "64:start(0) 544:pause1(320)");
    check("#10.3[].5", "64:start(0) 544:pause1(320) 576:discard");
    check("#10.3[]#10.7", "64:start(0) 960:pause2(736)");
}

#[test]
fn a_patient_caller_is_left_time_even_where_the_turn_sounds_complete() {
    check("S#10.7[That is it.]%.40", "64:start(0) 544:pause1(320) 1376:end(320)");
}

#[test]
fn a_turn_that_sounds_complete_and_reads_open_is_waited_for() {
    check("#10.7[and that,]%.60", "64:start(0) 544:pause1(320) 1312:end(320)");
}

#[test]
fn a_turn_that_sounds_incomplete_is_waited_for_longer() {
    // 350 ms by its punctuation, and eight ninths of a second and a half
    check("#10.7[and that is it.]?.60", "64:start(0) 544:pause1(320) 2016:end(320)");
}

#[test]
fn an_uh_is_no_turn_and_may_become_one() {
    check("#10.7[Uh.].10", "64:start(0) 544:pause1(320) 672:discard");
    check(
        "#10.7[Uh.].2#10.7[Uh, yes.].10",
        "64:start(0) 544:pause1(320) 672:resume(608) 1152:pause2(928) 1280:end(928)",
    );
}

#[test]
fn a_short_gap_does_not_even_pause() {
    check("#10.6#10.6#.6", "64:start(0)");
}

#[test]
fn trembling_probabilities_neither_start_nor_end_anything() {
    check("~5##~50##", "224:start(160)");
}

#[test]
fn unclear_sound_in_a_pause_is_silence() {
    check("#10.~6[Hello.]~10", "64:start(0) 544:pause1(320) 672:end(320)");
}

#[test]
fn a_short_pause_does_not_end_the_turn() {
    check(
        "#10.8##10.7[Hello there.].9",
        "64:start(0) 544:pause1(320) 640:resume(576) 1152:pause2(928) 1280:end(928)",
    );
}

#[test]
fn a_click_in_a_pause_is_not_speech() {
    check("#10.7[Hello.].2#.10", "64:start(0) 544:pause1(320) 672:end(320)");
}

#[test]
fn a_turn_does_not_end_on_a_frame_of_speech() {
    check("#10.7[Hello.].3##", "64:start(0) 544:pause1(320) 704:resume(640)");
    check("#10.12#[Hello.]#", "64:start(0) 544:pause1(320) 768:resume(704)");
}

#[test]
fn a_last_word_that_fades_away_is_over_when_it_fades() {
    // with the fading voice alone a micro-pause, a pause as soon as the voice is gone
    check("#10_6", "64:start(0)");
    check("#10_6.[Hello.].4", "64:start(0) 544:pause1(320) 672:end(320)");
    check("#10_2.4[Hello.].6", "64:start(0) 544:pause1(320) 672:end(320)");
}

#[test]
fn a_weak_sound_within_a_word_is_no_pause() {
    check("#10_3#10_3#10.7", "64:start(0) 1376:pause3(1152)");
}

#[test]
fn a_voice_in_the_background_does_not_keep_the_turn_open() {
    check("#10_20[Hello.]", "64:start(0) 832:pause1(320) 960:end(320)");
    check("#10.7[I would]_13", "64:start(0) 544:pause1(320) 960:end(320)");
}

#[test]
fn the_transcript_of_a_pause_that_is_over_is_void() {
    check(
        "#10.7##5[Hello.]{Hello.}.7{Hello.}.10",
        "64:start(0) 544:pause1(320) 608:resume(544) 960:pause2(736)",
    );
}

#[test]
fn the_transcript_of_an_earlier_turn_is_void() {
    check(
        "#10.7!#10.7{}{Hello.}.10",
        "64:start(0) 544:pause1(320) 608:start(544) 1088:pause2(864)",
    );
}

#[test]
fn a_turn_without_words_is_discarded() {
    let wanted = "64:start(0) 544:pause1(320) 544:discard";
    check("#10.7[]", wanted);
    check("#10.7[ \n]", wanted);
    check("#10.7[...].20", wanted);
}

#[test]
fn speech_that_comes_as_a_turn_is_discarded_begins_the_next() {
    check("#10.7#[]#", "64:start(0) 544:pause1(320) 576:discard 608:start(544)");
}

#[test]
fn too_little_speech_is_discarded_unasked() {
    check("##.8", "64:start(0) 288:discard");
    check("###.7", "64:start(0) 320:pause1(96)");
    check("##.#.7", "64:start(0) 352:pause1(128)");
}

#[test]
fn a_turn_whose_transcript_never_comes_ends_all_the_same() {
    check("#10.170", "64:start(0) 544:pause1(320) 5344:end(320)");
}

#[test]
fn reset_forgets_the_turn_without_an_event() {
    check("#10!.50", "64:start(0)");
    check("#10.7![Hello.].50", "64:start(0) 544:pause1(320)");
    check("#!#.10", "");
}

#[test]
fn what_is_asked_between_events_is_answered() {
    let mut player = Player::new(FAST);
    let seen = |player: &Player| {
        let detector = &player.detector;
        (detector.in_turn(), detector.is_speaking(), detector.spoken().as_millis())
    };
    for (script, wanted) in [
        ("#", (false, false, 0)),
        ("#", (true, true, 64)),
        ("~", (true, true, 96)),
        (".", (true, false, 96)),
        ("#", (true, true, 128)),
        (".7", (true, false, 128)),
        ("#", (true, false, 128)),
        ("#", (true, true, 192)),
        (".7[Hello.].9", (false, false, 0)),
    ] {
        player.play(script);
        assert_eq!(seen(&player), wanted, "after {script} of {}", player.said);
    }
}

#[test]
fn a_model_that_says_nonsense_holds_no_turn_open() {
    let mut player = Player::new(FAST);
    player.play("#10");
    for _ in 0..200 {
        player.frame((f32::NAN, f32::NAN));
    }
    assert!(!player.detector.in_turn(), "{}", player.said);
}

#[test]
fn limits_the_wrong_way_round_are_no_panic() {
    let config = Config {
        min_wait: Duration::from_secs(2),
        max_wait: Duration::from_secs(1),
        ..Config::default()
    };
    let mut player = Player::new(FAST);
    player.detector = TurnDetector::new(config, Speed::from_slider(FAST));
    player.play("#10.7[Hello.].40");
    assert_eq!(player.said, "64:start(0) 544:pause1(320) 1344:end(320)");
}

/// What random callers do.
#[derive(Clone, Debug)]
enum Step {
    Frame(f32, f32),
    /// A run of alike frames, since single random ones seldom make a pause.
    Frames(f32, f32, u8),
    Transcript(u32, &'static str),
    Completeness(u32, f32),
    Speed(u8),
    Reset,
}

fn step() -> impl Strategy<Value = Step> {
    let text = prop::sample::select(vec!["", "...", "Hello.", "and", "so..."]);
    let level = prop::sample::select(vec![-20.0, -30.0, -50.0, f32::NAN]);
    prop_oneof![
        4 => (0.0..1.0_f32, level.clone()).prop_map(|(p, level)| Step::Frame(p, level)),
        4 => (0.0..1.0_f32, level, 1..40_u8)
            .prop_map(|(p, level, count)| Step::Frames(p, level, count)),
        3 => (0..8_u32, text).prop_map(|(pause, text)| Step::Transcript(pause, text)),
        1 => (0..8_u32, any::<f32>()).prop_map(|(pause, p)| Step::Completeness(pause, p)),
        1 => any::<u8>().prop_map(Step::Speed),
        1 => Just(Step::Reset),
    ]
}

/// What a listener of the events knows.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Heard {
    Nothing,
    Speech,
    MicroPause,
    Pause,
}

/// Follows the events of a random caller and objects when they make no sense.
struct Listener {
    detector: TurnDetector,
    now: MediaTime,
    heard: Heard,
    pauses: u32,
}

impl Listener {
    fn frame(&mut self, probability: f32, level: f32) -> Result<(), TestCaseError> {
        self.now = self.now + Config::default().frame;
        let event = self.detector.on_frame(self.now, probability, level);
        self.hear(event.as_ref())
    }

    fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let event = match *step {
            Step::Frame(p, level) => return self.frame(p, level),
            Step::Frames(p, level, count) => {
                return (0..count).try_for_each(|_| self.frame(p, level));
            }
            // Numbers count back from the newest pause, so that many are right.
            Step::Transcript(back, text) => {
                self.detector.on_transcript(self.pauses.wrapping_sub(back / 3), text)
            }
            Step::Completeness(back, p) => {
                self.detector.on_completeness(self.pauses.wrapping_sub(back / 3), p)
            }
            Step::Speed(slider) => {
                self.detector.set_speed(Speed::from_slider(slider));
                None
            }
            Step::Reset => {
                self.detector.reset();
                self.heard = Heard::Nothing;
                None
            }
        };
        self.hear(event.as_ref())
    }

    fn hear(&mut self, event: Option<&Event>) -> Result<(), TestCaseError> {
        let config = Config::default();
        let before = self.heard;
        match event {
            None => {}
            Some(Event::SpeechStarted { at }) => {
                prop_assert_eq!(before, Heard::Nothing);
                prop_assert!(self.now.since(*at) >= config.min_speech);
                self.heard = Heard::Speech;
            }
            Some(Event::SpeechResumed { at }) => {
                prop_assert!(matches!(before, Heard::MicroPause | Heard::Pause));
                let least = if before == Heard::Pause { config.min_speech } else { config.frame };
                prop_assert!(self.now.since(*at) >= least);
                self.heard = Heard::Speech;
            }
            Some(Event::MicroPause { number, since }) => {
                prop_assert_eq!(before, Heard::Speech);
                prop_assert_eq!(*number, self.pauses + 1);
                prop_assert!(self.now.since(*since) >= config.micro_pause);
                self.pauses = *number;
                self.heard = Heard::MicroPause;
            }
            Some(Event::Pause { number, since }) => {
                prop_assert_eq!(before, Heard::MicroPause);
                prop_assert_eq!(*number, self.pauses);
                prop_assert!(self.now.since(*since) >= config.pause);
                self.heard = Heard::Pause;
            }
            Some(Event::TurnEnded { speech_end }) => {
                prop_assert_eq!(before, Heard::Pause);
                prop_assert!(self.now.since(*speech_end) >= config.pause);
                self.heard = Heard::Nothing;
            }
            Some(Event::TurnDiscarded) => {
                prop_assert!(before != Heard::Nothing);
                self.heard = Heard::Nothing;
            }
        }
        prop_assert_eq!(self.detector.in_turn(), self.heard != Heard::Nothing);
        prop_assert!(!self.detector.is_speaking() || self.heard == Heard::Speech);
        prop_assert_eq!(self.detector.spoken() > Duration::ZERO, self.detector.in_turn());
        Ok(())
    }
}

proptest! {
    #[test]
    fn events_make_sense_and_every_turn_ends(steps in prop::collection::vec(step(), 0..120)) {
        let detector = TurnDetector::new(Config::default(), Speed::from_slider(FAST));
        let mut listener =
            Listener { detector, now: MediaTime::ZERO, heard: Heard::Nothing, pauses: 0 };
        for step in &steps {
            listener.take(step)?;
        }
        let Config { max_wait, patience, frame, .. } = Config::default();
        let longest = (max_wait + patience).as_millis().div_ceil(frame.as_millis());
        (0..longest).try_for_each(|_| listener.frame(0.0, f32::NAN))?;
        prop_assert!(!listener.detector.in_turn());
    }
}
