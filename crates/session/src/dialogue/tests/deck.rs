//! The sound of a response as whoever plays it keeps it.

/// Frames counted from the first: which are kept, and which is sent next. It refuses what a real
/// one could not do.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Deck {
    made: usize,
    next: usize,
    forgotten: usize,
}

impl Deck {
    pub(super) fn push(&mut self) {
        self.made += 1;
    }

    /// Sends the next frame; gives its number.
    pub(super) fn play(&mut self) -> usize {
        assert!(self.next < self.made, "a frame is sent that was not made");
        self.next += 1;
        self.next - 1
    }

    pub(super) fn forget(&mut self, frames: usize) {
        self.forgotten += frames;
        assert!(self.forgotten <= self.next, "a frame is given up that was not sent");
    }

    pub(super) fn rewind(&mut self, frames: usize) {
        assert!(frames <= self.next - self.forgotten, "a frame is wanted that was given up");
        self.next -= frames;
    }

    pub(super) fn made(&self) -> usize {
        self.made
    }

    /// How many frames have been sent, those not counted that have to be sent again.
    pub(super) fn sent(&self) -> usize {
        self.next
    }
}
