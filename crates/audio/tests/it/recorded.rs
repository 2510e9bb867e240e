//! The guard over recordings of real voices. What it must reach here is a little less than what it
//! reaches, so that a change that makes it worse is noticed.

#![expect(clippy::cast_precision_loss, reason = "counts of frames")]

use std::{
    env,
    fs::File,
    path::{Path, PathBuf},
    time::Duration,
};

use audio::{ECHO_SHARE, wav};

use crate::scene::{self, Heard, RATE, delayed, levelled, listen, louder, mixed, through_room};

const LEAD: Duration = Duration::from_millis(1_500);
const DELAY: Duration = Duration::from_millis(250);
/// Loud frames before an echo counts as there: 96 ms.
const ONSET: usize = 3;

/// The recordings with their names, all equally loud; `None` where there are none.
fn speech() -> Option<Vec<(String, Vec<f32>)>> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/speech");
    let folder = env::var_os("REPARTEE_SPEECH_DIR").map_or(beside, PathBuf::from);
    let manifest = present(folder.join("manifest.tsv"))?;
    let manifest = std::fs::read_to_string(manifest).expect("the manifest is readable");
    let names = manifest.lines().skip(1).filter_map(|line| line.split('\t').next());
    Some(names.map(|name| (name.to_owned(), recording(&folder.join(name)))).collect())
}

fn recording(path: &Path) -> Vec<f32> {
    let file = File::open(path).expect("the recording opens");
    let frame = wav::read(file).expect("the recording is whole");
    assert_eq!(frame.rate, RATE);
    levelled(&frame.samples)
}

#[expect(clippy::print_stdout, reason = "whoever runs the tests must see what was not tested")]
fn present(path: PathBuf) -> Option<PathBuf> {
    if path.exists() {
        return Some(path);
    }
    let required = env::var_os("REPARTEE_REQUIRE_MODELS").is_some_and(|value| value == "1");
    assert!(!required, "no `{}`: set REPARTEE_SPEECH_DIR", path.display());
    println!("skipped: no `{}`: set REPARTEE_SPEECH_DIR", path.display());
    None
}

fn is_explained(frame: &Heard) -> bool {
    frame.share >= ECHO_SHARE
}

/// Which share of the frames are explained.
fn explained(frames: &[Heard]) -> f32 {
    assert!(frames.len() > 100, "{} frames", frames.len());
    frames.iter().filter(|frame| is_explained(frame)).count() as f32 / frames.len() as f32
}

#[test]
fn the_echo_of_a_real_voice_is_explained() {
    let Some(speech) = speech() else { return };
    for (strength, limit) in [(0.0, 0.97), (-12.0, 0.96), (-20.0, 0.95), (-30.0, 0.85)] {
        let mut loud = Vec::new();
        for (_, ours) in &speech {
            let microphone = louder(&delayed(&through_room(ours), DELAY), strength);
            let heard = listen(ours, &microphone, LEAD);
            loud.extend(heard.into_iter().filter(|frame| frame.loud_for > ONSET));
        }
        let share = explained(&loud);
        assert!(share >= limit, "{strength} dB: {share}");
    }
}

#[test]
fn another_real_voice_is_not_explained() {
    let Some(speech) = speech() else { return };
    let mut loud = Vec::new();
    for (number, (our_name, ours)) in speech.iter().enumerate() {
        for (their_name, theirs) in speech.iter().skip(number % 3).step_by(3) {
            if our_name == their_name {
                continue;
            }
            let heard = listen(ours, &delayed(theirs, 2 * DELAY), LEAD);
            for onset in heard.windows(3).filter(|onset| onset[0].loud_for == 1) {
                assert!(!onset.iter().all(is_explained), "{their_name} over {our_name}");
            }
            loud.extend(heard.into_iter().filter(|frame| frame.loud_for > 0));
        }
    }
    let share = explained(&loud);
    assert!(share <= 0.01, "{share}");
}

#[test]
fn a_real_voice_over_an_echo_is_mostly_not_explained() {
    let Some(speech) = speech() else { return };
    let long = speech.iter().filter(|(_, ours)| ours.len() > 48_000);
    let pairs: Vec<_> = long.zip(speech.iter().rev()).collect();
    for (strength, limit) in [(0.0, 0.45), (6.0, 0.3), (12.0, 0.15)] {
        let mut over = Vec::new();
        for ((_, ours), (_, theirs)) in &pairs {
            let echo = delayed(&through_room(ours), DELAY);
            let theirs = louder(&delayed(theirs, 4 * DELAY), strength);
            let theirs = &theirs[..theirs.len().min(echo.len())];
            let heard = listen(ours, &mixed(&echo[..theirs.len()], theirs), LEAD);
            let frames = heard.into_iter().zip(scene::loud(theirs));
            over.extend(frames.filter(|(_, loud)| *loud).map(|(heard, _)| heard));
        }
        let share = explained(&over);
        assert!(share <= limit, "{strength} dB: {share}");
    }
}
