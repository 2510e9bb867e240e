//! What a model that rests hears of recorded speech, compared with one that hears all.

use engine::Metrics;
use tokio::task::JoinSet;
use vad::{Engine, FRAME_SAMPLES, Rest, Stream};

use crate::models;

/// As in the server's settings.
const REST: Rest = Rest { below: -50.0 };
/// Silence before, between and after what is said: five seconds more than the model goes on for.
const SILENCE: usize = 35 * 16_000;
/// As much is said of a recording.
const SAID: usize = 4 * 16_000;
/// What the turn detector takes for speech, and for silence after it.
const START: f32 = 0.5;
const STOP: f32 = 0.35;
/// How far the edge of a turn may move, in frames: where a voice is hardly louder than the noise the
/// model is undecided for as long.
const MOVED: usize = 4;

/// Somebody who speaks twice, in a room.
struct Scene {
    name: String,
    frames: Vec<Box<[f32]>>,
}

/// What was heard of a scene, frame by frame.
struct Heard {
    name: String,
    by_all: Vec<f32>,
    by_resting: Vec<f32>,
}

fn amplitude(decibels: f32) -> f32 {
    10_f32.powf(decibels / 20.0)
}

/// Noise of this level, the same in each run; louder at low frequencies the nearer `colour` is to 1.
fn noise(samples: usize, decibels: f32, colour: f32) -> Vec<f32> {
    let (mut seed, mut last) = (7_u32, 0.0);
    let mut next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let white = f32::from(u16::try_from(seed >> 16).expect("half of a number")) / 32_767.5;
        last = colour * last + white - 1.0;
        last
    };
    let noise: Vec<f32> = (0..samples).map(|_| next()).collect();
    let gain = amplitude(decibels) / audio::level::rms(&noise);
    noise.into_iter().map(|sample| sample * gain).collect()
}

/// The recording twice, so many decibels softer, in a room of such noise, as 16-bit sound.
fn scene(name: &str, speech: &[f32], softer: f32, (room, colour): (f32, f32)) -> Scene {
    let said = speech[..speech.len().min(SAID)].iter().map(|sample| sample * amplitude(-softer));
    let said: Vec<f32> = said.collect();
    let silence = vec![0.0; SILENCE];
    let sound = [&silence[..], &said, &silence, &said, &silence].concat();
    let noise = noise(sound.len(), room, colour);
    let sound = sound.iter().zip(noise).map(|(sample, noise)| {
        let step = (sample + noise) * 32_768.0;
        step.round() / 32_768.0
    });
    let sound: Vec<f32> = sound.collect();
    Scene {
        name: format!("{name}, {softer} dB softer, in noise of {room} dB"),
        frames: sound.chunks_exact(FRAME_SAMPLES).map(Into::into).collect(),
    }
}

fn scenes(speech: &[(String, Vec<f32>)]) -> impl Iterator<Item = Scene> {
    speech.iter().flat_map(|(name, speech)| {
        let rooms = [(0.0, (-90.0, 0.0)), (15.0, (-60.0, 0.95)), (30.0, (-70.0, 0.0))];
        let loud_room = [(0.0, (-57.0, 0.0)), (30.0, (-90.0, 0.0))];
        let rooms = rooms.into_iter().chain(loud_room);
        rooms.map(move |(softer, room)| scene(name, speech, softer, room))
    })
}

async fn hear(mut stream: Stream, frames: &[Box<[f32]>]) -> Vec<f32> {
    let mut heard = Vec::new();
    for frame in frames {
        heard.push(stream.probability(frame.clone()).await.expect("the engine runs"));
    }
    heard
}

/// Where speech begins and ends; what is shorter than the detector's shortest turn is none, and
/// pauses shorter than half a second are left out: the words around them are one turn.
fn turns(probabilities: &[f32]) -> Vec<(usize, usize)> {
    let mut turns: Vec<(usize, usize)> = vec![];
    let mut since = None;
    for (at, probability) in probabilities.iter().enumerate() {
        match since {
            None if *probability >= START => since = Some(at),
            Some(begin) if *probability < STOP => {
                since = None;
                match turns.last_mut().filter(|(_, end)| begin - *end < 16) {
                    Some((_, end)) => *end = at,
                    None => turns.push((begin, at)),
                }
            }
            _ => {}
        }
    }
    turns.retain(|(begin, end)| end - begin > 2);
    turns
}

async fn listen_to(
    scenes: impl Iterator<Item = Scene>,
    engine: &Engine,
    resting: &Engine,
) -> Vec<Heard> {
    let mut tasks = JoinSet::new();
    for Scene { name, frames } in scenes {
        let (all, resting) = (engine.open(), resting.open());
        tasks.spawn(async move {
            let (by_all, by_resting) = tokio::join!(hear(all, &frames), hear(resting, &frames));
            Heard { name, by_all, by_resting }
        });
    }
    tasks.join_all().await
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "a measurement for whoever runs it")]
#[expect(clippy::cast_precision_loss, reason = "counts of frames")]
async fn a_model_that_rests_finds_the_same_speech() {
    let (Some(silero), Some(speech)) = (models::silero(), models::speech()) else {
        return;
    };
    let (metrics, spared) = (Metrics::unregistered().engine("vad"), vad::Metrics::default());
    let engine = Engine::start(Box::new(silero), 4_096, &metrics).expect("a thread is to be had");
    let resting = engine.clone().resting(REST, &spared);
    let mut differences = vec![];
    for Heard { name, by_all, by_resting } in listen_to(scenes(&speech), &engine, &resting).await {
        let frames = || by_all.iter().zip(&by_resting);
        let overslept = frames().filter(|(_, resting)| **resting <= 0.0).map(|(all, _)| *all);
        let overslept = overslept.fold(0.0, f32::max);
        assert!(overslept < STOP / 2.0, "{name}: {overslept} while the model rested");
        differences.extend(frames().map(|(all, resting)| (all - resting).abs()));
        let (all, resting) = (turns(&by_all), turns(&by_resting));
        assert_eq!(all.len(), resting.len(), "{name}: {all:?} and {resting:?}");
        for (all, resting) in all.iter().zip(&resting) {
            let moved = all.0.abs_diff(resting.0).max(all.1.abs_diff(resting.1));
            assert!(moved <= MOVED, "{name}: {all:?} and {resting:?}");
        }
    }
    differences.sort_by(f32::total_cmp);
    let [p99, p999] = [990, 999].map(|share| differences[differences.len() * share / 1_000]);
    let rested = spared.rested() as f32 / differences.len() as f32;
    println!("rested over {rested:.2} of the frames; differences: p99 {p99:.4}, p99.9 {p999:.4}");
    assert!(p99 < 0.02 && p999 < 0.05, "{p99} and {p999}");
}
