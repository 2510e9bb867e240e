use std::sync::Arc;

use llm::{Message, Role};
use proptest::prelude::*;
use session::{
    Action, Command, Done, Event, Failure, FailureCode, Pressure, ResponseId, Said, State,
    TurnTimings,
};

use super::*;
use crate::{decisions, lines::Lines};

fn failure(code: FailureCode) -> Failure {
    Failure { code, message: "It \"failed\".\n".to_owned() }
}

/// The inputs as they are read back.
fn read_back(inputs: &[Input]) -> Vec<Input> {
    let mut lines = Lines::new("c1", "now".to_owned(), &Config::default());
    for (number, input) in (0..).zip(inputs) {
        lines.input(Duration::from_nanos(number * 1_000_000_007), input);
    }
    lines.end(End::Complete);
    let text = String::from_utf8(lines.take()).expect("JSON is UTF-8");
    let recording = Recording::read(&text).expect("it was written here");
    let times: Vec<u128> = recording.steps.iter().map(|step| step.at.as_nanos()).collect();
    assert_eq!(times, (0..inputs.len() as u128).map(|n| n * 1_000_000_007).collect::<Vec<_>>());
    recording.steps.into_iter().map(|step| step.input).collect()
}

/// All commands: the one after `last`. A new one does not compile until it is here.
fn next_command(last: Option<&Command>) -> Option<Command> {
    Some(match last {
        None => Command::Hello,
        Some(Command::Hello) => Command::Text("Ça va?".to_owned()),
        Some(Command::Text(_)) => Command::StopSpeaking,
        Some(Command::StopSpeaking) => Command::Clear,
        Some(Command::Clear) => Command::SetSpeed(70),
        Some(Command::SetSpeed(_)) => Command::SetVoice("slt".to_owned()),
        Some(Command::SetVoice(_)) => Command::SetInstructions("Be brief.".to_owned()),
        Some(Command::SetInstructions(_)) => Command::Heard {
            response: ResponseId(3),
            until: Duration::from_nanos(123_456_789),
            playing: true,
        },
        Some(Command::Heard { .. }) => Command::PlaybackStarted,
        Some(Command::PlaybackStarted) => Command::PlaybackStopped,
        Some(Command::PlaybackStopped) => Command::Away,
        Some(Command::Away) => Command::Back,
        Some(Command::Back) => return None,
    })
}

/// All inputs but commands: the one after `last`.
fn next_input(last: Option<&Input>) -> Option<Input> {
    let text = || "What is".to_owned();
    Some(match last {
        None => Input::Frame {
            arrived: Duration::from_nanos(1),
            probability: 0.1,
            level: -41.7,
            echo: 0.25,
            backlog: 2,
            pressure: Pressure::Strained,
        },
        Some(Input::Frame { .. }) => Input::Partial(text()),
        Some(Input::Partial(_)) => Input::Transcript { pause: 7, text: text() },
        Some(Input::Transcript { .. }) => Input::Completeness { pause: 7, probability: 0.3 },
        Some(Input::Completeness { .. }) => Input::Unheard(failure(FailureCode::Stt)),
        Some(Input::Unheard(_)) => Input::Answer("It".to_owned()),
        Some(Input::Answer(_)) => Input::Sentence(text()),
        Some(Input::Sentence(_)) => {
            Input::Words(vec![Duration::from_millis(150), Duration::from_nanos(350_000_001)])
        }
        Some(Input::Words(_)) => Input::Sound(Duration::from_micros(20_312)),
        Some(Input::Sound(_)) => Input::Complete(Err(failure(FailureCode::Overloaded))),
        Some(Input::Complete(_)) => Input::Time,
        Some(Input::Time) => Input::Command(Command::Hello),
        Some(Input::Command(_)) => return None,
    })
}

fn next_code(last: Option<FailureCode>) -> Option<FailureCode> {
    Some(match last {
        None => FailureCode::Stt,
        Some(FailureCode::Stt) => FailureCode::Llm,
        Some(FailureCode::Llm) => FailureCode::Tts,
        Some(FailureCode::Tts) => FailureCode::Overloaded,
        Some(FailureCode::Overloaded) => FailureCode::NotAllowed,
        Some(FailureCode::NotAllowed) => return None,
    })
}

fn codes() -> impl Iterator<Item = FailureCode> {
    std::iter::successors(next_code(None), |last| next_code(Some(*last)))
}

#[test]
fn every_input_is_read_as_it_was_written() {
    let inputs = std::iter::successors(next_input(None), |last| next_input(Some(last)));
    let commands = std::iter::successors(next_command(None), |last| next_command(Some(last)));
    let mut inputs: Vec<Input> = inputs.chain(commands.map(Input::Command)).collect();
    inputs.push(Input::Complete(Ok(())));
    inputs.extend(codes().map(|code| Input::Unheard(failure(code))));
    assert_eq!(inputs.len(), 12 + 12 + 1 + 5);
    assert_eq!(read_back(&inputs), inputs);
}

#[test]
fn what_is_no_number_is_read_as_it_was_written() {
    let completeness = |probability| Input::Completeness { pause: 1, probability };
    let read = read_back(&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY].map(completeness));
    assert!(matches!(&read[0], Input::Completeness { probability, .. } if probability.is_nan()));
    assert_eq!(read[1..], [f32::INFINITY, f32::NEG_INFINITY].map(completeness));
}

proptest! {
    #[test]
    fn frames_survive_to_the_bit(
        bits in prop::array::uniform3(any::<u32>()),
        nanos in any::<u64>(),
        backlog in any::<usize>(),
    ) {
        let arrived = Duration::from_nanos(nanos);
        let [probability, level, echo] = bits.map(f32::from_bits);
        let pressure = Pressure::Busy;
        let frame = Input::Frame { arrived, probability, level, echo, backlog, pressure };
        let read = read_back(&[frame]);
        let Input::Frame { arrived, probability, level, echo, backlog: read_backlog, .. } = read[0]
        else { panic!("not a frame: {read:?}") };
        prop_assert_eq!(arrived, Duration::from_nanos(nanos));
        prop_assert_eq!(read_backlog, backlog);
        for (read, bits) in [probability, level, echo].into_iter().zip(bits) {
            let written = f32::from_bits(bits);
            prop_assert!(read.to_bits() == bits || read.is_nan() && written.is_nan());
        }
    }

    #[test]
    fn answers_survive_however_they_grow(texts in prop::collection::vec("[aéß😀 .]{0,9}", 0..9)) {
        let inputs: Vec<Input> = texts.into_iter().map(Input::Answer).collect();
        prop_assert_eq!(read_back(&inputs), inputs);
    }
}

/// All events: the one after `last`.
fn next_event(last: Option<&Event>) -> Option<Event> {
    let (response, text) = (ResponseId(2), "It is".to_owned());
    Some(match last {
        None => Event::PartialTranscript { text, settled: 2 },
        Some(Event::PartialTranscript { .. }) => Event::FinalTranscript(Arc::from(text)),
        Some(Event::FinalTranscript(_)) => Event::PartialAnswer { response, text },
        Some(Event::PartialAnswer { .. }) => {
            Event::FinalAnswer { response, text, interrupted: true }
        }
        Some(Event::FinalAnswer { .. }) => {
            Event::AudioEnd { response, duration: Duration::from_secs(1) }
        }
        Some(Event::AudioEnd { .. }) => Event::Paused(response),
        Some(Event::Paused(_)) => Event::Resumed(response),
        Some(Event::Resumed(_)) => Event::Stop(response),
        Some(Event::Stop(_)) => Event::Interrupted(response),
        Some(Event::Interrupted(_)) => Event::State(State::Paused),
        Some(Event::State(_)) => Event::Timings { response, timings: TurnTimings::default() },
        Some(Event::Timings { .. }) => Event::Cleared,
        Some(Event::Cleared) => Event::Done(Done::SetSpeed(3)),
        Some(Event::Done(_)) => Event::History(vec![Said {
            by_caller: true,
            text: Arc::from(text),
            interrupted: false,
        }]),
        Some(Event::History(_)) => Event::Failed(failure(FailureCode::Llm)),
        Some(Event::Failed(_)) => return None,
    })
}

/// All decisions but what is told: the one after `last`.
fn next_action(last: Option<&Action>) -> Option<Action> {
    let prompt = || vec![Message::new(Role::System, "Hi."), Message::new(Role::User, "Ho?")];
    let (response, voice) = (ResponseId(1), Some(Arc::from("slt")));
    Some(match last {
        None => Action::BeginTurn,
        Some(Action::BeginTurn) => Action::Transcribe(4),
        Some(Action::Transcribe(_)) => Action::Pause(4),
        Some(Action::Pause(_)) => Action::Assess(4),
        Some(Action::Assess(_)) => Action::TranscribePartly,
        Some(Action::TranscribePartly) => Action::ResumeTurn,
        Some(Action::ResumeTurn) => Action::ForgetTurn,
        Some(Action::ForgetTurn) => Action::ReadAhead(prompt()),
        Some(Action::ReadAhead(_)) => {
            Action::Respond { response, prompt: prompt(), voice, speculative: true }
        }
        Some(Action::Respond { .. }) => Action::Confirm,
        Some(Action::Confirm) => Action::Drop(response),
        Some(Action::Drop(_)) => Action::Finish,
        Some(Action::Finish) => Action::Play,
        Some(Action::Play) => Action::Forget(5),
        Some(Action::Forget(_)) => Action::Rewind(5),
        Some(Action::Rewind(_)) => Action::Tell(Event::Cleared),
        Some(Action::Tell(_)) => return None,
    })
}

#[test]
fn every_decision_is_told_from_the_others_and_read_as_it_was_written() {
    let actions = std::iter::successors(next_action(None), |last| next_action(Some(last)));
    let events = std::iter::successors(next_event(None), |last| next_event(Some(last)));
    let events = events.filter(|event| *event != Event::Cleared).map(Action::Tell);
    let actions: Vec<Action> = actions.chain(events).collect();
    let forms: Vec<Value> = actions.iter().map(decisions::form).collect();
    let mut lines = Lines::new("c1", "now".to_owned(), &Config::default());
    lines.input(Duration::ZERO, &Input::Time);
    for action in &actions {
        lines.action(Duration::ZERO, action);
    }
    let text = String::from_utf8(lines.take()).expect("JSON is UTF-8");
    let recording = Recording::read(&text).expect("it was written here");
    assert_eq!(recording.steps[0].decisions, forms);
    for (number, form) in forms.iter().enumerate() {
        assert!(!forms[..number].contains(form), "{form} stands for two");
    }
}

#[test]
fn settings_that_decide_are_read_as_they_were_written() {
    let config = Config {
        speed: turn::Speed::from_slider(37),
        voice: Some(Arc::from("rms")),
        voices: vec![Arc::from("rms"), Arc::from("slt")],
        instructions_allowed: true,
        speculation: false,
        ask_after: Some(Duration::from_nanos(7)),
        turn: turn::Config { start_threshold: 0.1, ..turn::Config::default() },
        interruption: session::Interruption { min_words: 3, ..session::Interruption::default() },
        ..Config::default()
    };
    let text = Lines::new("c1", "now".to_owned(), &config).take();
    let read = Recording::read(std::str::from_utf8(&text).expect("JSON is UTF-8"));
    let read = read.expect("it was written here").config;
    assert_eq!(format!("{read:?}"), format!("{config:?}"));
}
