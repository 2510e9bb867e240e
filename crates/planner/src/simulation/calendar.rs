//! What will happen at known moments.

use std::{
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
};

/// Things in the order of their moments; those of one moment in the order in which they were noted.
#[derive(Debug)]
pub(super) struct Calendar<T> {
    entries: BinaryHeap<Reverse<Entry<T>>>,
    noted: u64,
}

#[derive(Debug)]
struct Entry<T> {
    at: f64,
    number: u64,
    what: T,
}

impl<T> Calendar<T> {
    pub(super) fn new() -> Self {
        Self { entries: BinaryHeap::new(), noted: 0 }
    }

    pub(super) fn note(&mut self, at: f64, what: T) {
        let number = self.noted;
        self.noted += 1;
        self.entries.push(Reverse(Entry { at, number, what }));
    }

    /// When the next thing happens.
    pub(super) fn next_at(&self) -> Option<f64> {
        self.entries.peek().map(|Reverse(entry)| entry.at)
    }

    pub(super) fn take(&mut self) -> Option<T> {
        self.entries.pop().map(|Reverse(entry)| entry.what)
    }
}

impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.at.total_cmp(&other.at).then(self.number.cmp(&other.number))
    }
}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for Entry<T> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_first_is_taken_first_and_equals_as_they_were_noted() {
        let mut calendar = Calendar::new();
        for (at, what) in [(2.0, "c"), (1.0, "a"), (2.0, "d"), (1.5, "b")] {
            calendar.note(at, what);
        }
        assert_eq!(calendar.next_at(), Some(1.0));
        let all: Vec<_> = std::iter::from_fn(|| calendar.take()).collect();
        assert_eq!(all, ["a", "b", "c", "d"]);
    }
}
