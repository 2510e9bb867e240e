//! Whatever happens, in whatever order.

use std::time::Duration;

use proptest::{prelude::*, sample::select};

use super::world::{Step, World};
use crate::{Action, Command};

/// What a recogniser may understand: words, some of them of the answer, sounds, and nothing.
const HEARD: [&str; 10] = [
    "",
    "...",
    "Uh.",
    "Yeah.",
    "No, wait.",
    "What is",
    "What is the time?",
    "what is the time",
    "tomorrow evening there will",
    "Go on with that, please!",
];

const WRITTEN: [&str; 5] = ["Tomorrow ", "evening ", "there will be ", "rain. ", "*** "];

fn millis(range: std::ops::Range<u64>) -> impl Strategy<Value = Duration> {
    range.prop_map(Duration::from_millis)
}

fn frames(
    count: std::ops::Range<u32>,
    probabilities: &[f32],
    echo: f32,
) -> impl Strategy<Value = Step> + use<> {
    let backlog = prop_oneof![4 => Just(0), 1 => 0..6_usize];
    (count, select(probabilities.to_vec()), backlog).prop_map(
        move |(count, probability, backlog)| Step::Frames { count, probability, echo, backlog },
    )
}

fn age() -> impl Strategy<Value = u32> {
    prop_oneof![9 => Just(0), 1 => 0..3_u32]
}

fn heard() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => frames(1..25, &[0.9, 0.9, 0.55], 0.0),
        4 => frames(1..25, &[0.0, 0.1, 0.4], 0.0),
        1 => frames(1..25, &[0.9, f32::NAN], 0.9),
        4 => (age(), select(HEARD.to_vec()))
            .prop_map(|(age, text)| Step::Transcript { age, text }),
        2 => (age(), select(vec![0.9_f32, 0.1, f32::NAN]))
            .prop_map(|(age, probability)| Step::Completeness { age, probability }),
        3 => select(HEARD.to_vec()).prop_map(Step::Partial),
        1 => Just(Step::Lost),
    ]
}

fn answered() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => select(WRITTEN.to_vec()).prop_map(Step::Writes),
        3 => Just(Step::Sentence),
        1 => prop::collection::vec(millis(0..3_000), 0..5).prop_map(Step::WordEnds),
        4 => (1..150_u32).prop_map(Step::Sounds),
        1 => prop::bool::weighted(0.8).prop_map(Step::Completes),
    ]
}

fn asked() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (age(), millis(0..4_000), any::<bool>())
            .prop_map(|(age, until, playing)| Step::Played { age, until, playing }),
        3 => Just(Step::AwayOrBack),
        3 => millis(1..3_000).prop_map(Step::Wait),
        4 => select(vec![
            Command::Hello,
            Command::Text("What is the time?".to_owned()),
            Command::Text(" ".to_owned()),
            Command::StopSpeaking,
            Command::Clear,
            Command::SetSpeed(0),
            Command::SetSpeed(100),
            Command::PlaybackStarted,
            Command::PlaybackStopped,
        ])
        .prop_map(Step::Command),
    ]
}

/// Speech and a pause, with what is understood of it.
fn turn() -> impl Strategy<Value = Vec<Step>> {
    let text = || select(HEARD.to_vec());
    let speech = frames(2..20, &[0.9, 0.55], 0.0);
    (speech, text(), frames(3..9, &[0.0], 0.0), text(), any::<bool>()).prop_map(
        |(speech, partial, pause, text, is_complete)| {
            let transcript = Step::Transcript { age: 0, text };
            let probability = if is_complete { 0.9 } else { 0.2 };
            let completeness = Step::Completeness { age: 0, probability };
            vec![speech, Step::Partial(partial), pause, transcript, completeness]
        },
    )
}

/// Some sentences with their sound.
fn answer() -> impl Strategy<Value = Vec<Step>> {
    let sentence = (select(WRITTEN.to_vec()), 1..150_u32)
        .prop_map(|(word, sound)| [Step::Writes(word), Step::Sentence, Step::Sounds(sound)]);
    prop::collection::vec(sentence, 1..4).prop_map(|sentences| sentences.concat())
}

/// The connection is lost for a while.
fn away() -> impl Strategy<Value = Vec<Step>> {
    millis(0..3_000).prop_map(|wait| vec![Step::AwayOrBack, Step::Wait(wait), Step::AwayOrBack])
}

/// An answer that sounds, and speech over it.
fn over() -> impl Strategy<Value = Vec<Step>> {
    let quiet = frames(1..30, &[0.0], 0.0);
    (answer(), quiet, turn()).prop_map(|(answer, quiet, turn)| {
        let text = Step::Command(Command::Text("Tell me.".to_owned()));
        [vec![text], answer, vec![quiet], turn].concat()
    })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let one = |step: BoxedStrategy<Step>| step.prop_map(|step| vec![step]);
    let scene = prop_oneof![
        4 => one(heard().boxed()),
        4 => one(answered().boxed()),
        3 => one(asked().boxed()),
        4 => turn(),
        3 => answer(),
        2 => over(),
        1 => away(),
    ];
    prop::collection::vec(scene, 0..50).prop_map(|scenes| scenes.concat())
}

/// Settings that change the course of things.
#[derive(Clone, Copy, Debug)]
struct Settings {
    speculation: bool,
    interruption: bool,
    min_words: usize,
    ask_after: Option<Duration>,
}

fn settings() -> impl Strategy<Value = Settings> {
    let ask_after = prop::option::of(millis(500..5_000));
    (prop::bool::weighted(0.8), prop::bool::weighted(0.8), 1..3_usize, ask_after).prop_map(
        |(speculation, interruption, min_words, ask_after)| Settings {
            speculation,
            interruption,
            min_words,
            ask_after,
        },
    )
}

fn world(settings: Settings) -> World {
    World::new(|config| {
        config.speculation = settings.speculation;
        config.interruption.enabled = settings.interruption;
        config.interruption.min_words = settings.min_words;
        config.ask_after = settings.ask_after;
    })
}

/// Lets it happen, and checks all the while and at the end; gives what was decided.
fn run(settings: Settings, steps: &[Step]) -> Vec<Action> {
    let mut world = world(settings);
    for step in steps {
        world.happen(step);
    }
    world.come_to_rest();
    world.tape
}

/// What the caller is told while no answer says anything.
fn told_without_answers(settings: Settings, steps: &[Step]) -> Vec<Action> {
    let is_answer = |step: &&Step| {
        use Step::{Completes, Sentence, Sounds, WordEnds, Writes};
        matches!(step, Writes(_) | Sentence | WordEnds(_) | Sounds(_) | Completes(_))
    };
    let mut world = world(settings);
    for step in steps.iter().filter(|step| !is_answer(step)) {
        world.happen(step);
    }
    world.tape.retain(|action| matches!(action, Action::Tell(_)));
    world.tape
}

proptest! {
    #[test]
    fn what_is_decided_can_be_done_and_everything_comes_to_an_end(
        settings in settings(),
        steps in steps(),
    ) {
        run(settings, &steps);
    }

    #[test]
    fn the_same_happens_again_if_the_same_is_put_in(settings in settings(), steps in steps()) {
        prop_assert_eq!(run(settings, &steps), run(settings, &steps));
    }
    #[test]
    fn nobody_learns_of_answers_begun_in_vain(settings in settings(), steps in steps()) {
        let told = |speculation| told_without_answers(Settings { speculation, ..settings }, &steps);
        prop_assert_eq!(told(true), told(false));
    }
}
