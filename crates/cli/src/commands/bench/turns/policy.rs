//! What decides that a turn is over.

use std::{ops::Range, time::Duration};

use anyhow::Result;
use audio::MediaTime;
use turn::{Config, Event, Speed, TurnDetector};

use super::ears::{Ears, Heard};

/// A frame of the voice activity model.
fn frame() -> Duration {
    vad::FRAME_RATE.duration_of(vad::FRAME_SAMPLES as u64)
}

/// The end of the frame of this index.
fn end_of(frame_index: usize) -> MediaTime {
    MediaTime::after(vad::FRAME_RATE.duration_of(((frame_index + 1) * vad::FRAME_SAMPLES) as u64))
}

/// The ends of turns if they were decided by so much silence and nothing else.
pub(super) fn fixed_ends(probabilities: &[f32], wait: Duration, config: &Config) -> Vec<MediaTime> {
    let mut ends = Vec::new();
    let (mut speech, mut in_turn) = (Duration::ZERO, false);
    let mut silent_since: Option<MediaTime> = None;
    for (index, probability) in probabilities.iter().enumerate() {
        let now = end_of(index);
        if *probability >= config.start_threshold {
            speech += frame();
            silent_since = None;
            in_turn |= speech >= config.min_speech;
            continue;
        }
        speech = Duration::ZERO;
        if *probability >= config.stop_threshold || !in_turn {
            continue;
        }
        let since = *silent_since.get_or_insert(now - frame());
        if now.since(since) >= wait {
            ends.push(now);
            (in_turn, silent_since) = (false, None);
        }
    }
    ends
}

/// The turn detector as a session has it.
pub(super) struct Detector {
    pub(super) config: Config,
    pub(super) speed: Speed,
    pub(super) pre_roll: Duration,
}

/// What a model will have to say of a pause.
struct Opinion {
    pause: u32,
    /// When it says so.
    due: MediaTime,
    says: Says,
}

enum Says {
    Words(String),
    Complete(f32),
}

/// A turn detector that hears a turn.
struct Run<'a> {
    detector: TurnDetector,
    heard: &'a mut Heard,
    ears: &'a Ears,
    with_model: bool,
    pre_roll: usize,
    /// The first sample of the turn under way.
    begin: usize,
    awaited: Vec<Opinion>,
    ends: Vec<MediaTime>,
}

impl Detector {
    /// The ends of turns as the detector decides, with or without the endpointing model.
    pub(super) async fn ends(
        &self,
        heard: &mut Heard,
        ears: &Ears,
        with_model: bool,
    ) -> Result<Vec<MediaTime>> {
        let mut run = Run {
            detector: TurnDetector::new(self.config.clone(), self.speed),
            heard,
            ears,
            with_model,
            pre_roll: usize::try_from(vad::FRAME_RATE.samples_in(self.pre_roll))?,
            begin: 0,
            awaited: Vec::new(),
            ends: Vec::new(),
        };
        for index in 0..run.heard.probabilities.len() {
            run.frame(index).await?;
        }
        Ok(run.ends)
    }
}

impl Run<'_> {
    async fn frame(&mut self, index: usize) -> Result<()> {
        let now = end_of(index);
        while let Some(opinion) = self.next_due(now) {
            let event = match opinion.says {
                Says::Words(text) => self.detector.on_transcript(opinion.pause, &text),
                Says::Complete(p) => self.detector.on_completeness(opinion.pause, p),
            };
            self.follow(event, opinion.due).await?;
        }
        let (probability, level) = (self.heard.probabilities[index], self.heard.level(index));
        let event = self.detector.on_frame(now, probability, level);
        self.follow(event, now).await
    }

    /// The first opinion that there is by now.
    fn next_due(&mut self, now: MediaTime) -> Option<Opinion> {
        let due = self.awaited.iter().enumerate().filter(|(_, opinion)| opinion.due <= now);
        let (first, _) = due.min_by_key(|(_, opinion)| opinion.due)?;
        Some(self.awaited.swap_remove(first))
    }

    async fn follow(&mut self, event: Option<Event>, now: MediaTime) -> Result<()> {
        match event {
            Some(Event::SpeechStarted { at }) => {
                self.begin = sample(at)?.saturating_sub(self.pre_roll);
            }
            Some(Event::MicroPause { number, .. }) => self.ask_for_words(number, now).await?,
            Some(Event::Pause { number, .. }) if self.with_model => {
                self.ask_for_completeness(number, now).await?;
            }
            Some(Event::TurnEnded { .. }) => self.ends.push(now),
            Some(Event::Pause { .. } | Event::SpeechResumed { .. } | Event::TurnDiscarded)
            | None => {}
        }
        Ok(())
    }

    async fn ask_for_words(&mut self, pause: u32, now: MediaTime) -> Result<()> {
        let part = self.turn_until(now)?;
        let words = self.ears.transcript(self.heard, part).await?;
        let (due, says) = (now + words.took, Says::Words(words.answer));
        self.awaited.push(Opinion { pause, due, says });
        Ok(())
    }

    async fn ask_for_completeness(&mut self, pause: u32, now: MediaTime) -> Result<()> {
        let part = self.turn_until(now)?;
        let complete = self.ears.completeness(self.heard, part).await?;
        let (due, says) = (now + complete.took, Says::Complete(complete.answer));
        self.awaited.push(Opinion { pause, due, says });
        Ok(())
    }

    fn turn_until(&self, now: MediaTime) -> Result<Range<usize>> {
        Ok(self.begin..sample(now)?)
    }
}

/// The index of the sample at this position.
fn sample(at: MediaTime) -> Result<usize> {
    Ok(usize::try_from(vad::FRAME_RATE.samples_in(at.since(MediaTime::ZERO)))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames of these probabilities, so many of each.
    fn frames(runs: &[(usize, f32)]) -> Vec<f32> {
        runs.iter().flat_map(|&(count, p)| vec![p; count]).collect()
    }

    fn ends(runs: &[(usize, f32)], millis: u64) -> Vec<MediaTime> {
        fixed_ends(&frames(runs), Duration::from_millis(millis), &Config::default())
    }

    #[test]
    fn a_silence_ends_a_turn_once_it_is_long_enough() {
        let runs = [(10, 0.1), (20, 0.9), (40, 0.1)];
        // 500 ms are 15.6 frames, so the 16th decides: 46 frames in all
        assert_eq!(ends(&runs, 500), [MediaTime::from_millis(46 * 32)]);
        assert_eq!(ends(&runs, 800), [MediaTime::from_millis(55 * 32)]);
        assert_eq!(ends(&runs, 2_000), []);
    }

    #[test]
    fn a_longer_pause_than_the_wait_is_a_wrong_end_and_the_turn_begins_anew() {
        let runs = [(20, 0.9), (20, 0.1), (20, 0.9), (40, 0.1)];
        assert_eq!(ends(&runs, 500).len(), 2);
        assert_eq!(ends(&runs, 800), [MediaTime::from_millis(85 * 32)]);
    }

    #[test]
    fn what_is_unclear_changes_nothing_and_a_click_is_no_turn() {
        assert_eq!(ends(&[(1, 0.9), (40, 0.1)], 500), []);
        let trembling = [(20, 0.9), (8, 0.1), (4, 0.4), (8, 0.1)];
        // the unclear frames count for silence, since silence it was
        assert_eq!(ends(&trembling, 500), [MediaTime::from_millis(36 * 32)]);
    }
}
