//! How busy callers keep each engine, on average: what they bring in a second, by what it takes.
//!
//! This knows no queues. It says where more callers cannot be, whatever they would put up with.

use std::fmt;

use crate::{Engine, Hardware, Place, Stage, Talk, number::real};

/// Callers beyond which nobody asks.
const MOST: usize = 100_000;
/// Seconds of a frame.
pub(crate) const FRAME: f64 = 0.032;
/// Speech before the first partial transcript, and between those after it.
pub(crate) const PARTIALS: (f64, f64) = (0.5, 1.0);
/// Sound from before the speech that is transcribed with it.
pub(crate) const PRE_ROLL: f64 = 0.2;

/// What may run out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// An engine's own time.
    Engine(Engine),
    /// The cores, of all that runs on them.
    Cores,
    /// The GPU, of all that runs on it.
    Gpu,
}

/// What callers take of something.
#[derive(Clone, Copy, Debug)]
pub struct Throughput {
    /// Of what.
    pub resource: Resource,
    /// How busy one caller keeps it.
    pub one: f64,
    /// How many callers it takes to keep it as busy as it may be.
    pub callers: usize,
}

/// How many callers keep each engine, the cores and the GPU busy for at most `limit` of the time.
pub fn bound(hardware: &Hardware, talk: &Talk, limit: f64) -> Vec<Throughput> {
    let one = busy(hardware, talk, 1);
    let share = |resource, callers| {
        busy(hardware, talk, callers).iter().find(|(of, _)| *of == resource).map_or(0.0, |it| it.1)
    };
    let most = |resource| most(|callers| share(resource, callers) <= limit);
    one.into_iter()
        .map(|(resource, one)| Throughput { resource, one, callers: most(resource) })
        .collect()
}

/// The largest count that fits, if fewer always fit as well.
pub(crate) fn most(fits: impl Fn(usize) -> bool) -> usize {
    let (mut fine, mut too_many) = (0, 1);
    while too_many < MOST && fits(too_many) {
        (fine, too_many) = (too_many, too_many * 2);
    }
    while too_many - fine > 1 {
        let middle = usize::midpoint(fine, too_many);
        if fits(middle) {
            fine = middle;
        } else {
            too_many = middle;
        }
    }
    fine
}

/// How busy so many callers keep everything: seconds of work in a second, by what is there for it.
fn busy(hardware: &Hardware, talk: &Talk, callers: usize) -> Vec<(Resource, f64)> {
    let n = real(callers);
    let turns = n / talk.cycle(hardware.character);
    let answered = n * talk.mean_answer(hardware.character) / talk.cycle(hardware.character);
    let vad = hardware.vad.at(n) / FRAME;
    let llm = turns * model_work(hardware, talk, answered.max(1.0));
    let stt = turns * mean(talk, |speech| hearing_work(&hardware.stt, talk, speech));
    let endings = turns * (1.0 + talk.late_share) * hardware.endpointing.whole.at(0.0);
    let tts = turns * voice_work(&hardware.tts, talk, answered.max(1.0));
    let stages = [
        (&hardware.stt, Engine::Stt, stt),
        (&hardware.endpointing, Engine::Endpointing, endings),
        (&hardware.tts, Engine::Tts, tts),
    ];
    let mut all = vec![(Resource::Engine(Engine::Vad), vad)];
    let (mut cores, mut gpu) = (hardware.frames(n) + n * hardware.session, 0.0);
    for (stage, engine, work) in stages {
        let together = stage.together.is_some();
        let at_once = if together { 1.0 } else { real(stage.workers) };
        all.push((Resource::Engine(engine), work / at_once));
        match stage.place {
            Place::Cores => cores += work,
            Place::Gpu => gpu += work,
        }
    }
    all.push((Resource::Engine(Engine::Llm), llm));
    match hardware.llm.place {
        Place::Cores => cores += llm * real(hardware.llm.threads),
        Place::Gpu => gpu += llm,
    }
    let slowest = hardware.speed.get(hardware.cores - 1).or(hardware.speed.last());
    all.push((Resource::Cores, cores / (real(hardware.cores) * slowest.copied().unwrap_or(1.0))));
    all.push((Resource::Gpu, gpu));
    all.sort_by_key(|(resource, _)| *resource);
    all
}

/// Seconds of steps for a turn, when so many responses share them.
fn model_work(hardware: &Hardware, talk: &Talk, responses: f64) -> f64 {
    let model = &hardware.llm;
    let prompt = mean(talk, |speech| real(talk.tokens(speech) + talk.template));
    let chunk = prompt.min(real(model.chunk));
    let reading = model.step(0.0, 0.0, chunk) * prompt / chunk;
    let looked_at = responses * real(talk.history);
    reading + (talk.mean_tokens() + 1.0) * model.step(responses, looked_at, 0.0) / responses
}

/// Seconds of transcribing a turn: partial transcripts, the final one, and those in vain.
fn hearing_work(stage: &Stage, talk: &Talk, speech: f64) -> f64 {
    let (first, period) = PARTIALS;
    let mut work = stage.whole.at(speech + PRE_ROLL);
    work += talk.hesitations * speech * stage.whole.at(speech / 2.0);
    let mut heard = first;
    while heard < speech {
        work += stage.whole.at(heard + PRE_ROLL);
        heard += period;
    }
    work
}

/// Seconds of speaking an answer, of the whole engine where so many sentences share its steps.
fn voice_work(stage: &Stage, talk: &Talk, spoken: f64) -> f64 {
    let part = talk.mean_tokens() / talk.mean_parts() * talk.characters_per_token;
    let alone = talk.mean_parts() * stage.whole.at(part);
    let share = |together: &crate::Curve| together.at(spoken) / spoken;
    alone * stage.together.as_ref().map_or(1.0, share)
}

fn mean(talk: &Talk, of: impl Fn(f64) -> f64) -> f64 {
    talk.speech.iter().map(|speech| of(*speech)).sum::<f64>() / real(talk.speech.len())
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine(engine) => engine.fmt(f),
            Self::Cores => f.pad("cores"),
            Self::Gpu => f.pad("GPU"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_that_fits_is_found() {
        for largest in [0, 1, 2, 7, 8, 1_000] {
            assert_eq!(most(|callers| callers <= largest), largest);
        }
    }
}
