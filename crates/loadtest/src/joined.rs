//! Turns with pauses inside of sentences, put together from recordings: what people do while they
//! think, and what a server must not take for the end.

use std::{ops::Range, time::Duration};

use audio::{Frame, SampleRate, level};

use crate::{
    Recording,
    noise::{room, samples_in},
    random::Random,
};

/// Speech this long has a place in its middle at which somebody might stop to think.
const LONG_ENOUGH: Duration = Duration::from_millis(2_500);
/// What is kept before and after what is audible: soft consonants.
const MARGIN: Duration = Duration::from_millis(60);
/// Speech is at most this much softer than its loud moments, as a factor: 15 dB. What is softer for
/// the rest of a recording is its room, audible or not.
const SOFT: f32 = 0.18;
/// What is kept after speech in a room that is audible: the last consonants, which may be softer.
const FADING: Duration = Duration::from_millis(120);
/// Where speech may be parted, as shares of it: not within its first or last words.
const PARTED: Range<f64> = 0.25..0.75;
/// How far around the place drawn the quietest one is looked for, as a share of the speech.
const AROUND: f64 = 0.1;
/// A gap between words, or the stop of a consonant.
const GAP: Duration = Duration::from_millis(50);
/// Where a gap may begin.
const GRAIN: Duration = Duration::from_millis(5);
/// What was recorded goes over into noise within this, so that nothing clicks.
const FADE: Duration = Duration::from_millis(5);
/// How long people pause within a sentence. Shorter is no more than a gap between words, and after
/// a longer one who listens may well answer.
const PAUSE: Range<f64> = 0.3..1.5;
/// Some quiet before the first word.
const BEFORE: Duration = Duration::from_millis(300);
/// Rooms are not louder than this, a few decibels below what [`level`] takes for sound, nor
/// quieter: no microphone gives silence.
const ROOM: Range<f32> = 0.000_1..0.006;

/// How turns are put together.
#[derive(Clone, Copy, Debug)]
pub struct Joining {
    /// How many.
    pub turns: usize,
    /// The same seed gives the same turns.
    pub seed: u64,
    /// How much quiet follows the last word.
    pub quiet: Duration,
}

/// A turn with a pause in which it is not over.
#[derive(Clone, Debug)]
pub struct JoinedTurn {
    /// What it was made of.
    pub name: String,
    /// How it sounds.
    pub sound: Frame,
    /// The true end of speech.
    pub speech_end: Duration,
    /// The pauses that were put in.
    pub pauses: Vec<Range<Duration>>,
}

/// Puts turns together. Two of three are a long recording, parted at a gap between its words; the
/// third is two recordings of one speaker, of which the first leaves its sentence open. Recordings
/// that are known to leave it open do not stand at the end. Where there are none of one kind the
/// turns are all of the other, and where there are neither, none.
///
/// What follows the last word in a recording is left out, so that its room is not taken for speech:
/// the true end is where [`level::trimmed_end`] finds it.
pub fn joined_turns(recordings: &[Recording], joining: &Joining) -> Vec<JoinedTurn> {
    let mut random = Random::new(joining.seed);
    let long: Vec<&Recording> =
        closed(recordings).filter(|recording| is_long_enough(&recording.sound)).collect();
    let pairs = pairs(recordings);
    let mut turns = Vec::new();
    for number in 0..joining.turns {
        let of_two = !pairs.is_empty() && (long.is_empty() || number % 3 == 2);
        let parts = if of_two {
            let (first, second) = pairs[random.below(pairs.len())];
            Some(Parts::of_two(first, second))
        } else {
            long.get(random.below(long.len())).and_then(|it| Parts::of_one(it, &mut random))
        };
        turns.extend(parts.and_then(|parts| parts.join(joining.quiet, &mut random)));
    }
    turns
}

/// What a turn is made of, without what lies before and after it.
struct Parts {
    name: String,
    rate: SampleRate,
    first: Vec<f32>,
    second: Vec<f32>,
}

impl Parts {
    fn of_two(first: &Recording, second: &Recording) -> Self {
        let whole = |recording: &Recording| {
            let speech = speech(&recording.sound).unwrap_or_default();
            recording.sound.samples[speech].to_vec()
        };
        Self {
            name: format!("{} + {}", first.name, second.name),
            rate: first.sound.rate,
            first: whole(first),
            second: whole(second),
        }
    }

    /// Parts a recording at the quietest gap around a place that is drawn.
    fn of_one(recording: &Recording, random: &mut Random) -> Option<Self> {
        let Frame { rate, samples } = &recording.sound;
        let speech = speech(&recording.sound)?;
        let place = PARTED.start + (PARTED.end - PARTED.start) * random.fraction();
        let at = |share: f64| speech.start + share_of(speech.len(), share);
        let cut = quietest_gap(samples, *rate, at(place - AROUND)..at(place + AROUND))?;
        Some(Self {
            name: recording.name.clone(),
            rate: *rate,
            first: samples[speech.start..cut].to_vec(),
            second: samples[cut..speech.end].to_vec(),
        })
    }

    fn join(self, quiet: Duration, random: &mut Random) -> Option<JoinedTurn> {
        let Self { name, rate, mut first, mut second } = self;
        let loudness = floor(&first, rate).min(floor(&second, rate)).clamp(ROOM.start, ROOM.end);
        let pause =
            Duration::from_secs_f64(PAUSE.start + (PAUSE.end - PAUSE.start) * random.fraction());
        fade_edges(&mut first, samples_in(rate, FADE));
        fade_edges(&mut second, samples_in(rate, FADE));
        let mut quiet_of = |duration| room(samples_in(rate, duration), loudness, random);
        let before = quiet_of(BEFORE);
        let pause_begin = before.len() + first.len();
        let between = quiet_of(pause);
        let pause_end = pause_begin + between.len();
        let samples = [before, first, between, second].concat();
        let spoken = Frame::new(rate, samples);
        let speech_end = level::trimmed_end(&spoken)?;
        let sound = Frame::new(rate, [spoken.samples.into_vec(), quiet_of(quiet)].concat());
        let at = |position: usize| rate.duration_of(position as u64);
        Some(JoinedTurn { name, sound, speech_end, pauses: vec![at(pause_begin)..at(pause_end)] })
    }
}

/// Two recordings of one speaker each, of which the first leaves its sentence open.
fn pairs(recordings: &[Recording]) -> Vec<(&Recording, &Recording)> {
    let open = recordings.iter().filter(|it| it.leaves_sentence_open());
    open.flat_map(|first| {
        let fits = move |second: &&Recording| {
            second.name != first.name
                && second.speaker() == first.speaker()
                && second.sound.rate == first.sound.rate
        };
        closed(recordings).filter(fits).map(move |second| (first, second))
    })
    .collect()
}

/// Those after which a caller may well have finished.
fn closed(recordings: &[Recording]) -> impl Iterator<Item = &Recording> {
    recordings.iter().filter(|recording| !recording.leaves_sentence_open())
}

fn is_long_enough(sound: &Frame) -> bool {
    speech(sound).is_some_and(|speech| sound.rate.duration_of(speech.len() as u64) >= LONG_ENOUGH)
}

/// Where in a recording somebody speaks.
fn speech(sound: &Frame) -> Option<Range<usize>> {
    let at = |at: Duration| samples_in(sound.rate, at).min(sound.samples.len());
    let begin = level::onset(sound)?.saturating_sub(MARGIN);
    let end = (level::trimmed_end(sound)? + MARGIN).min(loud_end(sound)? + FADING);
    Some(at(begin)..at(end.max(begin)))
}

/// Where the last loud sound ends, of two moments at least.
fn loud_end(sound: &Frame) -> Option<Duration> {
    let moments = sound.samples.chunks_exact(samples_in(sound.rate, GAP).max(1));
    let loudness: Vec<f32> = moments.map(level::rms).collect();
    let mut sorted = loudness.clone();
    sorted.sort_unstable_by(f32::total_cmp);
    let soft = SOFT * sorted.get(sorted.len() * 9 / 10)?;
    let last = loudness.windows(2).rposition(|pair| pair.iter().all(|it| *it >= soft))?;
    u32::try_from(last + 2).ok().map(|moments| GAP * moments)
}

/// The middle of the quietest gap that begins within these samples.
fn quietest_gap(samples: &[f32], rate: SampleRate, within: Range<usize>) -> Option<usize> {
    let gap = samples_in(rate, GAP);
    let loudness = |begin: &usize| samples.get(*begin..begin + gap).map_or(f32::MAX, level::rms);
    let begins = within.step_by(samples_in(rate, GRAIN).max(1));
    let begin = begins.min_by(|a, b| loudness(a).total_cmp(&loudness(b)))?;
    Some(begin + gap / 2)
}

/// How loud the quietest moment is.
fn floor(samples: &[f32], rate: SampleRate) -> f32 {
    let moments = samples.chunks_exact(samples_in(rate, GAP).max(1));
    moments.map(level::rms).min_by(f32::total_cmp).unwrap_or_default()
}

fn fade_edges(samples: &mut [f32], count: usize) {
    let count = count.min(samples.len() / 2);
    for index in 0..count {
        #[expect(clippy::cast_precision_loss, reason = "a few samples")]
        let loudness = (index + 1) as f32 / (count + 1) as f32;
        samples[index] *= loudness;
        samples[samples.len() - 1 - index] *= loudness;
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of samples, and shares from 0 to 1"
)]
fn share_of(count: usize, share: f64) -> usize {
    (count as f64 * share) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: SampleRate = SampleRate::HZ_16000;

    /// Words of 300 ms with gaps of 80 ms, and half a second of quiet around them.
    fn recording(name: &str, words: usize, transcript: Option<&str>) -> Recording {
        let quiet =
            |millis: usize| (0..16 * millis).map(|n| if n % 2 == 0 { 0.001 } else { -0.001 });
        let mut samples: Vec<f32> = quiet(500).collect();
        for _ in 0..words {
            samples.extend((0..4_800).map(|n| if n % 80 < 40 { 0.3 } else { -0.3 }));
            samples.extend(quiet(80));
        }
        samples.extend(quiet(420));
        let transcript = transcript.map(str::to_owned);
        Recording { name: name.to_owned(), sound: Frame::new(RATE, samples), transcript }
    }

    const JOINING: Joining = Joining { turns: 30, seed: 5, quiet: Duration::from_secs(1) };

    fn check(turn: &JoinedTurn, spoken: Duration) {
        let [pause] = turn.pauses.as_slice() else { panic!("{:?}", turn.pauses) };
        let paused = pause.end.saturating_sub(pause.start);
        let bounds = Duration::from_millis(300)..=Duration::from_millis(1_500);
        assert!(bounds.contains(&paused), "{paused:?}");
        let at = |at: Duration| samples_in(RATE, at);
        let level = level::rms(&turn.sound.samples[at(pause.start)..at(pause.end)]);
        assert!(level > 0.000_05 && level < 0.006, "{level}");
        assert!(pause.start > Duration::from_millis(500) && pause.end < turn.speech_end);
        let wanted = BEFORE + MARGIN + spoken + paused;
        let difference = wanted.abs_diff(turn.speech_end);
        assert!(difference < Duration::from_millis(20), "{wanted:?} {:?}", turn.speech_end);
        let quiet = turn.sound.duration().saturating_sub(turn.speech_end);
        assert!(quiet.abs_diff(JOINING.quiet + MARGIN) < Duration::from_millis(20), "{quiet:?}");
    }

    #[test]
    fn a_long_recording_is_parted_between_two_words() {
        let recordings = [recording("a", 10, None), recording("b", 3, None)];
        let turns = joined_turns(&recordings, &JOINING);
        assert_eq!(turns.len(), 30);
        for turn in &turns {
            assert_eq!(turn.name, "a", "the other one is too short");
            check(turn, Duration::from_millis(10 * 380 - 80));
            // 360 ms before the first word, then words and gaps
            let cut = turn.pauses[0].start.saturating_sub(BEFORE + MARGIN).as_millis() % 380;
            assert!((300..380).contains(&cut), "{cut} ms into a word and its gap");
        }
        let cuts: std::collections::BTreeSet<_> =
            turns.iter().map(|turn| turn.pauses[0].start).collect();
        assert!(cuts.len() > 2, "always at the same place");
    }

    #[test]
    fn two_recordings_are_one_turn_where_the_first_leaves_its_sentence_open() {
        let recordings = [
            recording("one-01", 3, Some("when I was young,")),
            recording("one-02", 4, Some("I could sing.")),
            recording("one-03", 4, Some("and dance, and")),
            recording("two-01", 3, Some("Nothing else.")),
        ];
        let turns = joined_turns(&recordings, &JOINING);
        assert_eq!(turns.len(), 30);
        for turn in &turns {
            assert!(["one-01 + one-02", "one-03 + one-02"].contains(&turn.name.as_str()));
            let first = if turn.name.starts_with("one-01") { 3 } else { 4 };
            // what is quiet around the parts stays: a margin each
            check(turn, Duration::from_millis((first + 4) * 380 - 160) + 2 * MARGIN);
        }
    }

    #[test]
    fn an_audible_room_after_the_last_word_is_left_out() {
        let mut noisy = recording("a", 10, None);
        let mut samples = noisy.sound.samples.to_vec();
        let room = (0..8_000).map(|n| if n % 30 < 15 { 0.02 } else { -0.02 });
        let words = samples.len() - 500 * 16;
        samples.splice(words.., room);
        noisy.sound = Frame::new(RATE, samples);
        let level_alone = level::trimmed_end(&noisy.sound).expect("it is audible");
        let whole = noisy.sound.duration();
        assert!(level_alone + Duration::from_millis(10) > whole, "{level_alone:?} of {whole:?}");
        for turn in joined_turns(&[noisy], &JOINING) {
            let paused = turn.pauses[0].end.saturating_sub(turn.pauses[0].start);
            let spoken = BEFORE + MARGIN + Duration::from_millis(10 * 380 - 80) + paused;
            let late = turn.speech_end.saturating_sub(spoken);
            assert!(turn.speech_end >= spoken && late <= GAP + FADING, "{late:?} late");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_turns_and_another_one_others() {
        let recordings = [recording("a", 12, None), recording("b", 9, None)];
        let pauses = |seed| {
            let turns = joined_turns(&recordings, &Joining { seed, ..JOINING });
            turns.into_iter().map(|turn| (turn.name, turn.pauses)).collect::<Vec<_>>()
        };
        assert_eq!(pauses(1), pauses(1));
        assert_ne!(pauses(1), pauses(2));
    }

    #[test]
    fn nothing_comes_of_nothing() {
        let short = [recording("a", 2, None), recording("b", 2, Some("Whole."))];
        assert!(joined_turns(&short, &JOINING).is_empty());
        assert!(joined_turns(&[], &JOINING).is_empty());
    }
}
