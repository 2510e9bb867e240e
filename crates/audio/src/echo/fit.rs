//! What a room makes of sound, and how much that explains.

use super::{WINDOW, dot};

/// The newest sound, 64 ms: a voice that begins shows in it soon, and it is long enough to tell.
const JUDGED: usize = 512;
/// Reflections are looked for so long before the place that was found, 2 ms, because it may be a
/// reflection itself,
const BEFORE: usize = 16;
/// and so long after it, 30 ms. Later ones are too many and too weak.
const AFTER: usize = 240;
const DELAYS: usize = BEFORE + AFTER + 1;
/// The direct sound, neighbours that make up for half a sample, and reflections. With more of them
/// more is explained in a room that reverberates, and more that is no echo.
const PATHS: usize = 12;
/// A path that explains less than this share of the window is chance.
const NEGLIGIBLE: f32 = 0.005;
/// What the paths' equations are damped with, so that two that are nearly one have a solution.
const DAMPING: f32 = 0.001;

/// The paths that sound takes through a room, fitted to a window.
pub(super) struct Fit {
    /// The sound sent, from the longest path's beginning to the shortest's end.
    sent: Box<[f32; WINDOW + DELAYS - 1]>,
    /// What it and the window have in common at each delay, from the longest to the shortest.
    common: [f32; DELAYS],
    /// What it and itself have in common so many samples apart.
    own: [f32; DELAYS],
}

/// One path: where it begins in the sound sent, and how much of it arrives.
#[derive(Clone, Copy, Default)]
struct Path {
    start: usize,
    gain: f32,
}

impl Fit {
    pub(super) fn new() -> Self {
        let sent = Box::new([0.0; WINDOW + DELAYS - 1]);
        Self { sent, common: [0.0; DELAYS], own: [0.0; DELAYS] }
    }

    /// How much of the window's end is explained by what was sent `behind` samples before the
    /// newest, from 0 to 1: the squared correlation with it after its ways through the room.
    pub(super) fn share(&mut self, window: &[f32; WINDOW], sent: &[f32], behind: usize) -> f32 {
        self.load(sent, behind);
        let newest = &self.sent[DELAYS - 1..];
        let own = self.own.iter_mut().rev();
        for ((sent, common), own) in self.sent.windows(WINDOW).zip(&mut self.common).zip(own) {
            *common = dot(window, sent);
            *own = dot(newest, sent);
        }
        let mut paths = [Path::default(); PATHS];
        let count = self.pick(&mut paths, dot(window, window));
        let paths = &mut paths[..count];
        self.weigh(paths, window);
        self.explained(paths, window)
    }

    /// Takes the sound around the place, with silence where none was sent.
    fn load(&mut self, sent: &[f32], behind: usize) {
        self.sent.fill(0.0);
        let from_end = sent.len() - behind.saturating_sub(BEFORE).min(sent.len());
        let to_end = self.sent.len() - BEFORE.saturating_sub(behind);
        let count = from_end.min(to_end);
        self.sent[to_end - count..to_end].copy_from_slice(&sent[from_end - count..from_end]);
    }

    /// Picks the strongest path, takes it away and picks again. Returns how many there are.
    fn pick(&mut self, paths: &mut [Path; PATHS], energy: f32) -> usize {
        let own = self.own[0];
        for count in 0..PATHS {
            let strength = |start: &usize| {
                let picked = paths[..count].iter().any(|path| path.start == *start);
                if picked { 0.0 } else { self.common[*start].abs() }
            };
            let best = (0..DELAYS).max_by(|a, b| strength(a).total_cmp(&strength(b)));
            let start = best.unwrap_or_default();
            let gain = self.common[start] / own;
            // not "less", which NaN is not
            let counts = gain * self.common[start] >= NEGLIGIBLE * energy;
            if !counts {
                return count;
            }
            paths[count] = Path { start, gain };
            for (delay, common) in self.common.iter_mut().enumerate() {
                *common -= gain * self.own[delay.abs_diff(start)];
            }
        }
        PATHS
    }

    /// Finds the gains that together come closest to the window: the normal equations, solved by
    /// elimination.
    fn weigh(&self, paths: &mut [Path], window: &[f32; WINDOW]) {
        let count = paths.len();
        let mut rows = [[0.0; PATHS + 1]; PATHS];
        for row in 0..count {
            let sent = self.through(paths[row]);
            for column in 0..=row {
                rows[row][column] = dot(sent, self.through(paths[column]));
                rows[column][row] = rows[row][column];
            }
            rows[row][row] *= 1.0 + DAMPING;
            rows[row][PATHS] = dot(sent, window);
        }
        for pivot in 0..count {
            let pivot_row = rows[pivot];
            for row in (0..count).filter(|row| *row != pivot) {
                let factor = rows[row][pivot] / pivot_row[pivot];
                for (cell, above) in rows[row].iter_mut().zip(pivot_row) {
                    *cell -= factor * above;
                }
            }
        }
        for (number, path) in paths.iter_mut().enumerate() {
            path.gain = rows[number][PATHS] / rows[number][number];
        }
    }

    /// The squared correlation of the window's end and what the paths make of the sound sent.
    fn explained(&self, paths: &[Path], window: &[f32; WINDOW]) -> f32 {
        let heard = &window[WINDOW - JUDGED..];
        let mut expected = [0.0; JUDGED];
        for path in paths {
            let sent = &self.through(*path)[WINDOW - JUDGED..];
            for (expected, sent) in expected.iter_mut().zip(sent) {
                *expected += path.gain * sent;
            }
        }
        let common = dot(heard, &expected);
        let share = common * common / (dot(heard, heard) * dot(&expected, &expected));
        // neither where they are opposites nor where there is nothing to divide by
        if common > 0.0 && share.is_finite() { share } else { 0.0 }
    }

    /// What arrives of the sound sent by a path.
    fn through(&self, path: Path) -> &[f32] {
        &self.sent[path.start..path.start + WINDOW]
    }
}
