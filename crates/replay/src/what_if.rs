//! The same caller under other settings: an estimate. What the caller did is as recorded, to the
//! frame. What models say comes from the recording: a transcript is the one that was made nearest
//! to the same place in the caller's audio, an answer the one that was given to the same words,
//! each as long after it was asked for as it took then. A caller whom other settings had let speak
//! on, or who had waited for an answer, does not do so here.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;
use session::{Action, Command, Config, Input};

use crate::{
    Recording,
    replaying::{Counted, Replayed},
};

/// A caller who sends no sound may hear a long answer between two inputs, 50 frames a second. A
/// guard against settings that make the dialogue go round in circles.
const MAX_STEPS_PER_INPUT: usize = 100_000;

/// Has the conversation again under these settings.
pub fn what_if(recording: &Recording, config: Config) -> Vec<Replayed> {
    let world = World::of(recording);
    let mut run = Run { world, coming: Coming::default(), replayed: Vec::new() };
    let mut dialogue = Counted::new(config);
    for step in &recording.steps {
        if !is_callers(&step.input) {
            continue;
        }
        run.until(&mut dialogue, step.at);
        run.step(&mut dialogue, step.at, step.input.clone());
    }
    run.until(&mut dialogue, recording.steps.last().map_or(Duration::ZERO, |step| step.at));
    run.replayed
}

/// Whether it came from the caller. What their client reported of its playback belongs to answers
/// that other settings begin at other times: how much was heard is estimated instead.
fn is_callers(input: &Input) -> bool {
    match input {
        Input::Frame { .. } | Input::Partial(_) | Input::Unheard(_) => true,
        Input::Command(command) => !matches!(
            command,
            Command::Heard { .. } | Command::PlaybackStarted | Command::PlaybackStopped
        ),
        Input::Transcript { .. }
        | Input::Completeness { .. }
        | Input::Answer(_)
        | Input::Sentence(_)
        | Input::Words(_)
        | Input::Sound(_)
        | Input::Complete(_)
        | Input::Time => false,
    }
}

/// What the models said in the recording.
#[derive(Default)]
struct World {
    transcripts: Vec<Reply<String>>,
    completeness: Vec<Reply<f32>>,
    answers: Vec<Answer>,
}

/// What came of a question.
struct Reply<T> {
    /// The caller's audio when it was asked.
    audio: Duration,
    took: Duration,
    said: T,
}

struct Answer {
    /// The last words that it answers.
    to: String,
    /// When it was begun.
    at: Duration,
    /// What came of it, each as long after its beginning.
    inputs: Vec<(Duration, Input)>,
}

/// A question without an answer yet: its pause, and where and when it was asked.
type Asked = (u64, Duration, Duration);

impl World {
    fn of(recording: &Recording) -> Self {
        let mut world = Self::default();
        let (mut audio, mut asked, mut assessed) = (Duration::ZERO, None, None);
        for step in &recording.steps {
            match &step.input {
                Input::Frame { .. } => audio += recording.config.turn.frame,
                Input::Transcript { pause, text } => {
                    world.transcripts.extend(reply(asked, *pause, step.at, text.clone()));
                }
                Input::Completeness { pause, probability } => {
                    world.completeness.extend(reply(assessed, *pause, step.at, *probability));
                }
                input => world.answer_goes_on(step.at, input),
            }
            for decision in &step.decisions {
                let number = |name| decision.get(name).and_then(Value::as_u64);
                if let Some(pause) = number("transcribe") {
                    asked = Some((pause, audio, step.at));
                } else if let Some(pause) = number("assess") {
                    assessed = Some((pause, audio, step.at));
                } else if let Some(respond) = decision.get("respond") {
                    let to = respond["prompt"]["last"].as_str().unwrap_or_default().to_owned();
                    world.answers.push(Answer { to, at: step.at, inputs: Vec::new() });
                }
            }
        }
        for answer in &mut world.answers {
            answer.end();
        }
        world
    }

    fn answer_goes_on(&mut self, at: Duration, input: &Input) {
        let is_its = matches!(
            input,
            Input::Answer(_)
                | Input::Sentence(_)
                | Input::Words(_)
                | Input::Sound(_)
                | Input::Complete(_)
        );
        if let Some(answer) = self.answers.last_mut().filter(|_| is_its) {
            answer.inputs.push((at.saturating_sub(answer.at), input.clone()));
        }
    }

    /// The answer that was given to these words, or else at about this time; of several the
    /// longest, since others were cut off.
    fn answer_to(&self, words: &str, at: Duration) -> Option<&Answer> {
        let same = self.answers.iter().filter(|answer| answer.to == words);
        same.max_by_key(|answer| answer.inputs.len())
            .or_else(|| self.answers.iter().min_by_key(|answer| answer.at.abs_diff(at)))
    }
}

impl Answer {
    /// One that was dropped half-way ends there.
    fn end(&mut self) {
        if !matches!(self.inputs.last(), Some((_, Input::Complete(_)))) {
            let at = self.inputs.last().map_or(Duration::ZERO, |(at, _)| *at);
            self.inputs.push((at, Input::Complete(Ok(()))));
        }
    }
}

fn reply<T>(asked: Option<Asked>, pause: u32, at: Duration, said: T) -> Option<Reply<T>> {
    let (number, audio, asked_at) = asked?;
    (number == u64::from(pause)).then(|| Reply { audio, took: at.saturating_sub(asked_at), said })
}

fn nearest<T>(replies: &[Reply<T>], audio: Duration) -> Option<&Reply<T>> {
    replies.iter().min_by_key(|reply| reply.audio.abs_diff(audio))
}

/// What is on its way to the dialogue, by its time and then in order.
#[derive(Default)]
struct Coming {
    inputs: BTreeMap<(Duration, usize), (Kind, Input)>,
    count: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Hearing,
    Answer,
}

impl Coming {
    fn add(&mut self, at: Duration, kind: Kind, input: Input) {
        self.count += 1;
        self.inputs.insert((at, self.count), (kind, input));
    }

    fn drop_all(&mut self, kind: Kind) {
        self.inputs.retain(|_, (its, _)| *its != kind);
    }

    fn next_at(&self) -> Option<Duration> {
        self.inputs.first_key_value().map(|((at, _), _)| *at)
    }

    fn next(&mut self) -> Option<Input> {
        self.inputs.pop_first().map(|(_, (_, input))| input)
    }
}

struct Run {
    world: World,
    coming: Coming,
    replayed: Vec<Replayed>,
}

impl Run {
    /// Lets happen what comes before `end`.
    fn until(&mut self, dialogue: &mut Counted, end: Duration) {
        for _ in 0..MAX_STEPS_PER_INPUT {
            let (coming, due) = (self.coming.next_at(), dialogue.deadline());
            let Some(at) = coming.into_iter().chain(due).min().filter(|at| *at <= end) else {
                return;
            };
            let input = if coming == Some(at) { self.coming.next() } else { None };
            self.step(dialogue, at, input.unwrap_or(Input::Time));
        }
    }

    fn step(&mut self, dialogue: &mut Counted, at: Duration, input: Input) {
        let step = dialogue.step(at, input);
        for action in &step.actions {
            self.follow(action, at, step.audio);
        }
        self.replayed.push(step);
    }

    /// What a decision leads to.
    fn follow(&mut self, action: &Action, at: Duration, audio: Duration) {
        let Self { world, coming, .. } = self;
        match action {
            Action::Transcribe(pause) => {
                if let Some(reply) = nearest(&world.transcripts, audio) {
                    let (pause, text) = (*pause, reply.said.clone());
                    coming.add(at + reply.took, Kind::Hearing, Input::Transcript { pause, text });
                }
            }
            Action::Assess(pause) => {
                if let Some(reply) = nearest(&world.completeness, audio) {
                    let (pause, probability) = (*pause, reply.said);
                    let input = Input::Completeness { pause, probability };
                    coming.add(at + reply.took, Kind::Hearing, input);
                }
            }
            Action::Respond { prompt, .. } => {
                coming.drop_all(Kind::Answer);
                let words = prompt.last().map_or("", |message| &*message.text);
                let answer = world.answer_to(words, at);
                for (after, input) in answer.into_iter().flat_map(|answer| &answer.inputs) {
                    coming.add(at + *after, Kind::Answer, input.clone());
                }
            }
            Action::Drop(_) | Action::Finish => coming.drop_all(Kind::Answer),
            Action::ResumeTurn | Action::ForgetTurn => coming.drop_all(Kind::Hearing),
            Action::BeginTurn
            | Action::Pause(_)
            | Action::TranscribePartly
            | Action::ReadAhead(_)
            | Action::Confirm
            | Action::Play
            | Action::Forget(_)
            | Action::Rewind(_)
            | Action::Tell(_) => {}
        }
    }
}
