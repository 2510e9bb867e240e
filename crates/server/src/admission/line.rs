//! The line in which callers wait for a place: first come, first served, and no longer than it may
//! be. Pure.

use std::collections::VecDeque;

/// Names somebody in line; later comers have larger ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(u64);

/// Those who wait, each with what it takes to call them.
#[derive(Debug)]
pub(crate) struct Line<T> {
    /// Past so many the next one is turned away.
    places: usize,
    issued: u64,
    /// The tickets grow from the front to the back.
    waiting: VecDeque<(Ticket, T)>,
}

impl<T> Line<T> {
    /// A line of at most so many.
    pub(crate) fn new(places: usize) -> Self {
        Self { places, issued: 0, waiting: VecDeque::new() }
    }

    /// A place at the back; `None` if there is none.
    pub(crate) fn join(&mut self, who: T) -> Option<Ticket> {
        if self.waiting.len() >= self.places {
            return None;
        }
        self.issued += 1;
        let ticket = Ticket(self.issued);
        self.waiting.push_back((ticket, who));
        Some(ticket)
    }

    /// Takes the one in front out of the line.
    pub(crate) fn call(&mut self) -> Option<T> {
        self.waiting.pop_front().map(|(_, who)| who)
    }

    /// Takes this one out of the line, wherever they stand; `None` if they do not.
    pub(crate) fn leave(&mut self, ticket: Ticket) -> Option<T> {
        let index = self.index(ticket)?;
        self.waiting.remove(index).map(|(_, who)| who)
    }

    /// Where this one stands: 1 is in front. `None` if they are not in line.
    pub(crate) fn position(&self, ticket: Ticket) -> Option<usize> {
        self.index(ticket).map(|index| index + 1)
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn places(&self) -> usize {
        self.places
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    fn index(&self, ticket: Ticket) -> Option<usize> {
        self.waiting.binary_search_by_key(&ticket, |(waiting, _)| *waiting).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Join,
        Call,
        /// The one at this share of the line loses patience.
        Leave(prop::sample::Index),
        /// So does one who was called, or left, before.
        LeaveAgain(prop::sample::Index),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => Just(Step::Join),
            1 => Just(Step::Call),
            1 => any::<prop::sample::Index>().prop_map(Step::Leave),
            1 => any::<prop::sample::Index>().prop_map(Step::LeaveAgain),
        ]
    }

    #[test]
    fn a_line_without_places_takes_nobody() {
        assert_eq!(Line::new(0).join(()), None);
    }

    proptest! {
        /// Beside a list of those who should be there, in order: nobody is lost, nobody is served
        /// before who came earlier, and the positions are 1, 2, 3 and so on.
        #[test]
        fn all_wait_in_the_order_in_which_they_came(
            places in 0usize..6,
            steps in prop::collection::vec(step(), 0..60),
        ) {
            let mut line = Line::new(places);
            let mut wanted: Vec<(Ticket, u32)> = Vec::new();
            let mut gone: Vec<Ticket> = Vec::new();
            for (name, step) in (0u32..).zip(steps) {
                match step {
                    Step::Join => {
                        let ticket = line.join(name);
                        prop_assert_eq!(ticket.is_some(), wanted.len() < places);
                        wanted.extend(ticket.map(|ticket| (ticket, name)));
                    }
                    Step::Call if wanted.is_empty() => prop_assert_eq!(line.call(), None),
                    Step::Call => {
                        let (ticket, first) = wanted.remove(0);
                        prop_assert_eq!(line.call(), Some(first));
                        gone.push(ticket);
                    }
                    Step::Leave(_) if wanted.is_empty() => {}
                    Step::Leave(who) => {
                        let (ticket, name) = wanted.remove(who.index(wanted.len()));
                        prop_assert_eq!(line.leave(ticket), Some(name));
                        gone.push(ticket);
                    }
                    Step::LeaveAgain(_) if gone.is_empty() => {}
                    Step::LeaveAgain(who) => {
                        let ticket = gone[who.index(gone.len())];
                        prop_assert_eq!(line.leave(ticket), None);
                        prop_assert_eq!(line.position(ticket), None);
                    }
                }
                prop_assert!(line.len() <= places);
                prop_assert_eq!(line.is_empty(), wanted.is_empty());
                let positions: Vec<_> =
                    wanted.iter().map(|(ticket, _)| line.position(*ticket)).collect();
                let in_order: Vec<_> = (1..=wanted.len()).map(Some).collect();
                prop_assert_eq!(positions, in_order);
            }
        }
    }
}
