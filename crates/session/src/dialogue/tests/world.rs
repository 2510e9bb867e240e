//! All around a dialogue, whatever happens: it obeys, and checks that what it is told to do can be
//! done and makes sense.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use llm::{Message, Role};

use super::{
    deck::Deck,
    remembered::{Entry, Given, check_history},
};
use crate::{
    Action, Command, Config, Dialogue, Done, Event, Failure, Input, Metrics, Pressure, ResponseId,
    Said, State,
};

const FRAME: Duration = Duration::from_millis(32);
const SOUND: Duration = Duration::from_millis(20);
/// What the model is told in place of a silent caller.
pub(super) const ASK_WITH: &str = "(still there?)";

/// Something that happens.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Frames {
        count: u32,
        probability: f32,
        echo: f32,
        backlog: usize,
    },
    /// Of the newest pause, or so many before.
    Transcript {
        age: u32,
        text: &'static str,
    },
    Completeness {
        age: u32,
        probability: f32,
    },
    Partial(&'static str),
    Lost,
    Writes(&'static str),
    /// All that is written and not spoken goes to the voice.
    Sentence,
    WordEnds(Vec<Duration>),
    Sounds(u32),
    Completes(bool),
    Command(Command),
    /// So much of the response so long before the present one was heard.
    Played {
        age: u32,
        until: Duration,
        playing: bool,
    },
    /// The connection is lost, or there again.
    AwayOrBack,
    Wait(Duration),
}

/// A response under way.
#[derive(Debug, Default)]
struct Live {
    id: ResponseId,
    is_meant: bool,
    unspoken: String,
    written: String,
    given: Given,
    deck: Deck,
    is_complete: bool,
    is_paused: bool,
}

pub(super) struct World {
    dialogue: Dialogue,
    now: Duration,
    pause: u32,
    away: bool,
    in_turn: bool,
    live: Option<Live>,
    /// Responses that the caller may know of.
    responses: u32,
    finals: HashMap<ResponseId, String>,
    stopped: HashSet<ResponseId>,
    timed: HashSet<ResponseId>,
    /// All that was decided.
    pub(super) tape: Vec<Action>,
}

/// What the actions of one step were, as far as they have to go together.
#[derive(Default)]
struct Sums {
    is_back: bool,
    /// What was remembered before it.
    before: Vec<Said>,
    heard: usize,
    begun: usize,
    plays: usize,
    done: Vec<Done>,
    is_typed: bool,
    is_forgotten: bool,
    dropped: Option<ResponseId>,
    /// Responses that are over, and whether words of theirs were shown.
    over: Vec<(ResponseId, bool)>,
    entries: Vec<Entry>,
}

impl Sums {
    fn end(&mut self, live: Live) {
        self.over.push((live.id, !live.written.is_empty()));
        self.entries.push(Entry::Answer(live.given));
    }
}

impl World {
    pub(super) fn new(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config { ask_with: Arc::from(ASK_WITH), ..Config::default() };
        change(&mut config);
        Self {
            dialogue: Dialogue::new(Arc::new(config), Metrics::unregistered()),
            now: Duration::ZERO,
            pause: 0,
            away: false,
            in_turn: false,
            live: None,
            responses: 0,
            finals: HashMap::new(),
            stopped: HashSet::new(),
            timed: HashSet::new(),
            tape: Vec::new(),
        }
    }

    pub(super) fn happen(&mut self, step: &Step) {
        match step.clone() {
            Step::Frames { count, probability, echo, backlog } => {
                (0..count).for_each(|_| self.frame(probability, echo, backlog));
            }
            Step::Transcript { age, text } => {
                let pause = self.pause.saturating_sub(age);
                self.step(Input::Transcript { pause, text: text.to_owned() });
            }
            Step::Completeness { age, probability } => {
                let pause = self.pause.saturating_sub(age);
                self.step(Input::Completeness { pause, probability });
            }
            Step::Partial(text) => self.step(Input::Partial(text.to_owned())),
            Step::Lost => self.step(Input::Unheard(Failure::lost())),
            Step::Command(command) => self.step(Input::Command(command)),
            Step::Played { age, until, playing } => {
                let response = ResponseId(self.responses.saturating_sub(age));
                self.step(Input::Command(Command::Heard { response, until, playing }));
            }
            Step::AwayOrBack => {
                self.away = !self.away;
                let command = if self.away { Command::Away } else { Command::Back };
                self.step(Input::Command(command));
            }
            Step::Wait(duration) => self.wait_until(self.now + duration),
            answering => self.answer(&answering),
        }
    }

    /// In silence, and once all answers are complete, everything comes to an end.
    pub(super) fn come_to_rest(&mut self) {
        if self.away {
            self.happen(&Step::AwayOrBack);
        }
        let made = |live: &Live| SOUND * u32::try_from(live.deck.made()).expect("not so much");
        let longest = Duration::from_secs(20) + self.live.as_ref().map_or(Duration::ZERO, made);
        let end = self.now + longest;
        while self.now < end {
            self.answer(&Step::Completes(true));
            self.frame(0.0, 0.0, 0);
        }
        assert_eq!(self.dialogue.state(), State::Listening);
        assert!(self.live.is_none(), "the answer is never over");
        assert!(!self.dialogue.in_turn(), "the turn is never over");
        assert_eq!(self.dialogue.deadline(), None, "nothing is awaited any more");
    }

    /// What the response under way does, if there is one that can do it.
    fn answer(&mut self, step: &Step) {
        let Some(live) = self.live.as_mut().filter(|live| !live.is_complete) else { return };
        match step {
            Step::Writes(word) => {
                live.written.push_str(word);
                live.unspoken.push_str(word);
                let text = live.written.trim().to_owned();
                self.step(Input::Answer(text));
            }
            Step::Sentence if !live.unspoken.is_empty() => {
                let text = std::mem::take(&mut live.unspoken);
                live.given.begin(&text);
                self.step(Input::Sentence(text));
            }
            Step::WordEnds(ends) if !live.given.is_empty() => self.step(Input::Words(ends.clone())),
            Step::Sounds(count) if !live.given.is_empty() => {
                for _ in 0..*count {
                    let Some(live) = &mut self.live else { return };
                    live.deck.push();
                    live.given.sounds(SOUND);
                    self.step(Input::Sound(SOUND));
                }
            }
            Step::Completes(is_well) => {
                live.is_complete = true;
                let result = if *is_well { Ok(()) } else { Err(Failure::lost()) };
                self.step(Input::Complete(result));
            }
            _ => {}
        }
    }

    fn frame(&mut self, probability: f32, echo: f32, backlog: usize) {
        self.wait_until(self.now + FRAME);
        let (arrived, level) = (self.now, if probability < 0.5 { -60.0 } else { -20.0 });
        let pressure = Pressure::Calm;
        self.step(Input::Frame { arrived, probability, level, echo, backlog, pressure });
    }

    fn wait_until(&mut self, end: Duration) {
        while let Some(deadline) = self.dialogue.deadline().filter(|deadline| *deadline <= end) {
            self.now = deadline;
            self.step(Input::Time);
        }
        self.now = end;
    }

    fn step(&mut self, input: Input) {
        let wanted = to_be_acknowledged(&input);
        let mut sums = Sums {
            is_back: matches!(input, Input::Command(Command::Back)),
            is_typed: matches!(input, Input::Command(Command::Text(_))),
            before: self.dialogue.history().turns(),
            ..Sums::default()
        };
        for action in self.dialogue.step(self.now, input) {
            self.take(&action, &mut sums);
            self.tape.push(action);
        }
        assert_eq!(sums.heard, sums.begun, "a turn is heard for each answer");
        assert_eq!(sums.done, wanted, "what is asked for is acknowledged");
        check_history(&sums.before, &sums.entries, &self.dialogue.history().turns());
        if sums.plays > 0 {
            assert_ne!(self.dialogue.state(), State::Paused);
            let is_held = |answer: &crate::answer::Answer| answer.playout.is_held();
            assert!(!self.dialogue.answer.as_ref().is_some_and(is_held), "held sound leaves");
        }
        for (response, is_shown) in sums.over {
            assert_eq!(self.finals.contains_key(&response), is_shown, "one answer a response");
        }
        let deadline = self.dialogue.deadline();
        assert!(deadline.is_none_or(|deadline| deadline > self.now), "time brings nothing");
    }

    fn take(&mut self, action: &Action, sums: &mut Sums) {
        match action {
            Action::Transcribe(pause) | Action::Pause(pause) => self.pause = *pause,
            Action::Respond { response, prompt, speculative, .. } => {
                self.begin(*response, prompt);
                if !speculative {
                    self.mean(sums);
                    let is_asking = prompt.last().is_some_and(|it| it.text.ends_with(ASK_WITH));
                    sums.begun -= usize::from(is_asking);
                }
            }
            Action::Confirm => self.mean(sums),
            Action::Drop(response) => {
                let live = self.live.take().expect("there is one to drop");
                assert_eq!(live.id, *response);
                if live.is_meant {
                    sums.dropped = Some(*response);
                    sums.end(live);
                }
            }
            Action::Finish => {
                let live = self.live.take().expect("there is one to finish");
                assert!(live.is_meant && live.is_complete);
                assert_eq!(live.deck.sent(), live.deck.made(), "all of it was sent");
                sums.end(live);
            }
            Action::Play => {
                assert!(!self.away, "nobody hears it");
                sums.plays += 1;
                let live = self.meant();
                let frame = live.deck.play();
                live.given.sent(SOUND * u32::try_from(frame + 1).expect("not so many"));
            }
            Action::Forget(frames) => self.meant().deck.forget(*frames),
            Action::Rewind(frames) => {
                assert!(sums.is_back);
                self.meant().deck.rewind(*frames);
            }
            Action::Tell(event) => self.be_told(event, sums),
            Action::BeginTurn => {
                assert!(!std::mem::replace(&mut self.in_turn, true), "a turn within a turn");
            }
            Action::ForgetTurn => sums.is_forgotten |= std::mem::take(&mut self.in_turn),
            Action::Assess(_)
            | Action::TranscribePartly
            | Action::ResumeTurn
            | Action::ReadAhead(_) => {}
        }
    }

    fn begin(&mut self, response: ResponseId, prompt: &[Message]) {
        assert!(self.live.is_none(), "two responses at once");
        assert_eq!(response.0, self.responses + 1, "numbers leave none out");
        check_prompt(prompt);
        self.live = Some(Live { id: response, ..Live::default() });
    }

    fn mean(&mut self, sums: &mut Sums) {
        let live = self.live.as_mut().expect("there is one to be meant");
        assert!(!std::mem::replace(&mut live.is_meant, true), "it was meant already");
        self.responses += 1;
        sums.begun += 1;
    }

    fn be_told(&mut self, event: &Event, sums: &mut Sums) {
        match event {
            Event::FinalTranscript(text) => {
                sums.heard += 1;
                assert!(!text.trim().is_empty());
                assert!(sums.is_typed || sums.is_forgotten, "no turn has ended");
                sums.entries.push(Entry::Turn(Arc::clone(text)));
            }
            Event::PartialTranscript { text, settled } => assert!(text.is_char_boundary(*settled)),
            Event::PartialAnswer { response, .. } | Event::AudioEnd { response, .. } => {
                assert_eq!(self.meant().id, *response);
            }
            Event::Timings { response, .. } => {
                assert_eq!(self.meant().id, *response);
                assert!(self.timed.insert(*response), "measured twice");
            }
            Event::Paused(response) => {
                assert_eq!(self.meant().id, *response);
                self.meant().is_paused = true;
            }
            Event::Resumed(response) => {
                assert_eq!(self.meant().id, *response);
                assert!(std::mem::take(&mut self.meant().is_paused), "it did not pause");
            }
            Event::FinalAnswer { response, text, interrupted } => {
                if *interrupted {
                    assert_eq!(sums.dropped, Some(*response));
                } else {
                    assert_eq!(self.meant().id, *response);
                }
                if let Some(told) = self.finals.insert(*response, text.clone()) {
                    assert!(sums.is_back && !interrupted, "told twice");
                    assert_eq!(told, *text, "told again, and differently");
                }
            }
            Event::Stop(response) => {
                assert_eq!(sums.dropped, Some(*response));
                assert!(self.stopped.insert(*response), "stopped twice");
            }
            Event::Interrupted(response) => assert!(self.stopped.contains(response)),
            Event::Cleared => {
                sums.before.clear();
                sums.entries.clear();
            }
            Event::Done(done) => sums.done.push(done.clone()),
            Event::History(turns) => assert_eq!(*turns, sums.before),
            Event::State(_) | Event::Failed(_) => {}
        }
    }

    /// The response that the caller may know of.
    fn meant(&mut self) -> &mut Live {
        self.live.as_mut().filter(|live| live.is_meant).expect("an answer that is meant")
    }
}

fn to_be_acknowledged(input: &Input) -> Vec<Done> {
    let Input::Command(command) = input else { return Vec::new() };
    match command {
        Command::StopSpeaking => vec![Done::StopSpeaking],
        Command::Clear => vec![Done::Clear],
        Command::SetSpeed(slider) => vec![Done::SetSpeed(*slider)],
        _ => Vec::new(),
    }
}

/// The system prompt, and then turns that alternate, the caller's the last.
fn check_prompt(prompt: &[Message]) {
    assert_eq!(prompt.first().map(|message| message.role), Some(Role::System));
    assert_eq!(prompt.last().map(|message| message.role), Some(Role::User));
    assert!(prompt.windows(2).all(|two| two[0].role != two[1].role), "{prompt:?}");
}
