//! The callers and the engines they share, moment by moment.

mod answering;
mod hearing;

use std::time::Instant;

use super::{
    Outlook, Simulation,
    calendar::Calendar,
    caller::{Caller, Event, What},
    line::{Done, Line, Names},
    random::Random,
    sharing::{Owner, Sharing},
    writer::Writer,
};
use crate::{Engine, Hardware, Resource, Talk, number::real, throughput::FRAME};

/// A turn that has waited for so long counts, even if its answer never comes.
const TOO_LONG: f64 = 3.0;

#[derive(Debug)]
pub(super) struct World<'a> {
    hardware: &'a Hardware,
    talk: &'a Talk,
    until: f64,
    /// From when on turns count.
    warm: f64,
    now: f64,
    random: Random,
    calendar: Calendar<Event>,
    sharing: Sharing,
    stt: Line<'a>,
    endpointing: Line<'a>,
    tts: Line<'a>,
    writer: Writer<'a>,
    names: Names,
    callers: Vec<Caller>,
    answers: usize,
    underruns: usize,
    /// How busy frames keep the thread that steps them, if they share all steps: its limit.
    frames: f64,
}

impl<'a> World<'a> {
    pub(super) fn new(simulation: &Simulation<'a>) -> Self {
        let Simulation { hardware, talk, callers, seconds, seed } = *simulation;
        let frames = hardware.vad.at(real(callers)) / FRAME;
        let background = hardware.frames(real(callers)) + real(callers) * hardware.session;
        let mut world = Self {
            hardware,
            talk,
            until: seconds,
            warm: talk.cycle(hardware.character),
            now: 0.0,
            random: Random::new(seed),
            calendar: Calendar::new(),
            sharing: Sharing::new(hardware, background),
            stt: Line::new(Engine::Stt, &hardware.stt),
            endpointing: Line::new(Engine::Endpointing, &hardware.endpointing),
            tts: Line::new(Engine::Tts, &hardware.tts),
            writer: Writer::new(&hardware.llm, callers, talk.history),
            names: Names {
                callers: (0..callers).map(|_| engine::Caller::new()).collect(),
                origin: Instant::now(),
            },
            callers: vec![Caller::default(); callers],
            answers: 0,
            underruns: 0,
            frames,
        };
        for who in 0..callers {
            // they come one after the other, so that they do not speak in step
            let at = world.random.within(world.warm);
            world.calendar.note(at, Event { who, turn: 0, what: What::Begin });
        }
        world
    }

    pub(super) fn run(mut self) -> Outlook {
        while let Some(next) = self.next() {
            match next {
                Next::Event(event) => self.happens(event),
                Next::Step(task, owner) => self.step_done(task, owner),
            }
            self.writer.begin(&mut self.sharing);
            for line in [&mut self.stt, &mut self.endpointing, &mut self.tts] {
                line.begin(&self.names, self.now, &mut self.sharing);
            }
        }
        self.outlook()
    }

    /// Goes on to the next moment at which something happens; `None` at the end.
    fn next(&mut self) -> Option<Next> {
        let step = self.sharing.next();
        let step_at = step.map_or(f64::INFINITY, |(after, ..)| self.now + after);
        let event_at = self.calendar.next_at().unwrap_or(f64::INFINITY);
        let at = step_at.min(event_at);
        if at > self.until {
            return None;
        }
        let passed = (at - self.now).max(0.0);
        self.sharing.advance(passed);
        self.writer.advance(passed);
        for line in [&mut self.stt, &mut self.endpointing, &mut self.tts] {
            line.advance(passed);
        }
        self.now = at;
        match step {
            Some((_, task, owner)) if step_at <= event_at => Some(Next::Step(task, owner)),
            _ => self.calendar.take().map(Next::Event),
        }
    }

    fn happens(&mut self, Event { who, turn, what }: Event) {
        if turn != self.callers[who].number {
            return;
        }
        match what {
            What::Begin => self.begin_turn(who),
            What::Partial => self.ask_for_partial(who),
            What::Hesitation => self.hesitates(who),
            What::Resumed => self.resumes(who),
            What::Ended => self.ends(who),
            What::MicroPause => self.micro_pause(who),
            What::Pause => self.pause(who),
            What::WaitedFor => self.sounds_complete(who),
            What::HeardOut => self.heard_out(who),
        }
    }

    fn step_done(&mut self, task: u64, owner: Owner) {
        match owner {
            Owner::Step => {
                for who in self.writer.done(&mut self.sharing) {
                    self.token_made(who);
                }
            }
            Owner::Job(engine) => {
                let line = match engine {
                    Engine::Stt => &mut self.stt,
                    Engine::Endpointing => &mut self.endpointing,
                    _ => &mut self.tts,
                };
                match line.done(task, &mut self.sharing) {
                    Some(Done::First(job)) if engine == Engine::Tts => self.sound_begins(job.who),
                    Some(Done::Whole(job)) if engine == Engine::Tts => self.part_spoken(job.who),
                    Some(Done::Whole(job)) => self.heard(&job),
                    _ => {}
                }
            }
        }
    }

    /// Notes what happens to somebody after so many seconds, if their turn is the same then.
    fn note(&mut self, who: usize, after: f64, what: What) {
        let turn = self.callers[who].number;
        self.calendar.note(self.now + after, Event { who, turn, what });
    }

    /// Turns that were never answered count by how long they have been waited for.
    fn outlook(mut self) -> Outlook {
        for caller in &mut self.callers {
            let waited = caller.turn.ended.map_or(0.0, |ended| self.now - ended);
            if caller.turn.answer.heard.is_none() && waited > TOO_LONG {
                caller.latencies.push(waited);
            }
        }
        let seconds = self.now.max(f64::MIN_POSITIVE);
        let engine = Resource::Engine;
        let busy = vec![
            (engine(Engine::Vad), self.frames),
            (engine(Engine::Stt), self.stt.busy_share(seconds)),
            (engine(Engine::Endpointing), self.endpointing.busy_share(seconds)),
            (engine(Engine::Llm), self.writer.busy / seconds),
            (engine(Engine::Tts), self.tts.busy_share(seconds)),
            (Resource::Cores, self.sharing.cores_busy / seconds / real(self.hardware.cores)),
            (Resource::Gpu, self.sharing.gpu_busy / seconds),
        ];
        let latencies = self.callers.into_iter().map(|caller| caller.latencies).collect();
        Outlook::of(latencies, (self.answers, self.underruns), busy)
    }
}

/// What comes next.
enum Next {
    Event(Event),
    Step(u64, Owner),
}
