//! Which part of a long conversation the model still reads.

use std::ops::Range;

use crate::{Message, Role};

/// Of a budget this part (a quarter) is given up at once when a conversation has outgrown it.
const STRIDES: usize = 4;

/// The messages after the system prompt that fit `budget` together with it, where `cost` is the
/// tokens of one message; whole messages, the oldest go first, the last always stays. `Err` is
/// what system prompt and last message alone take, if that is too much.
///
/// It drops in strides of a quarter of the budget, counted from the beginning of the conversation:
/// as a conversation grows the same messages are dropped turn after turn, until another stride has
/// to go. So most turns begin with the tokens the last one began with, and what the model has
/// computed for them is kept.
pub fn trim(
    messages: &[Message],
    cost: impl Fn(&Message) -> usize,
    budget: usize,
) -> Result<Range<usize>, usize> {
    let start = usize::from(messages.first().is_some_and(|first| first.role == Role::System));
    let (fixed, said) = messages.split_at(start);
    let fixed: usize = fixed.iter().map(&cost).sum();
    let costs: Vec<usize> = said.iter().map(&cost).collect();
    let least = fixed + costs.last().copied().unwrap_or(0);
    if least > budget {
        return Err(least);
    }
    let excess = (fixed + costs.iter().sum::<usize>()).saturating_sub(budget);
    let stride = (budget / STRIDES).max(1);
    let to_drop = excess.div_ceil(stride) * stride;
    let droppable = costs.len().saturating_sub(1);
    let (mut dropped, mut first) = (0, 0);
    while first < droppable && dropped < to_drop {
        dropped += costs[first];
        first += 1;
    }
    // an answer without its question would only confuse
    while first > 0 && first < droppable && said[first].role == Role::Assistant {
        first += 1;
    }
    Ok(start + first..messages.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `s`, `u` and `a` are roles, the number after each the cost.
    fn conversation(script: &str) -> Vec<Message> {
        script
            .split_whitespace()
            .map(|word| {
                let (role, cost) = word.split_at(1);
                let role = match role {
                    "s" => Role::System,
                    "u" => Role::User,
                    _ => Role::Assistant,
                };
                Message::new(role, "x".repeat(cost.parse().unwrap()))
            })
            .collect()
    }

    fn cost(message: &Message) -> usize {
        message.text.len()
    }

    fn check(script: &str, budget: usize, expected: &Result<Range<usize>, usize>) {
        assert_eq!(&trim(&conversation(script), cost, budget), expected, "{script}");
    }

    #[test]
    fn what_fits_stays_whole() {
        check("s10 u10 a10 u10", 40, &Ok(1..4));
        check("u10 a10 u10", 30, &Ok(0..3));
        check("s10", 10, &Ok(1..1));
    }

    #[test]
    fn the_oldest_go_first_in_strides_and_a_question_leads() {
        // one too many: a stride of 10 goes, and with the question its answer
        check("s10 u10 a10 u10 a10", 40, &Ok(3..5));
        check("s10 u1 a1 u1 a1 u1 a1 u30", 40, &Ok(7..8));
    }

    #[test]
    fn system_prompt_and_last_message_must_fit() {
        check("s30 u10 a10 u20", 40, &Err(50));
        check("s50", 40, &Err(50));
        check("s20 u100 a10 u20", 40, &Ok(3..4));
    }

    #[test]
    fn a_growing_conversation_is_cut_rarely() {
        let whole = conversation(&format!("s10 {}", "u5 a5 ".repeat(40)));
        let starts: Vec<usize> = (2..whole.len())
            .step_by(2)
            .map(|n| trim(&whole[..n], cost, 100).unwrap().start)
            .collect();
        let cuts = starts.windows(2).filter(|pair| pair[0] != pair[1]).count();
        // 390 tokens over 100: each cut drops 25 or a little more
        assert!((10..=16).contains(&cuts), "{cuts} cuts in {starts:?}");
    }

    proptest! {
        #[test]
        fn the_rest_fits_and_ends_with_the_last(
            costs in prop::collection::vec(1_usize..50, 1..40),
            system in any::<bool>(),
            budget in 1_usize..300,
        ) {
            let messages: Vec<Message> = costs
                .iter()
                .enumerate()
                .map(|(n, cost)| {
                    let role = match (n, system) {
                        (0, true) => Role::System,
                        (n, _) if n % 2 == 0 => Role::Assistant,
                        _ => Role::User,
                    };
                    Message::new(role, "x".repeat(*cost))
                })
                .collect();
            let fixed = if system { costs[0] } else { 0 };
            match trim(&messages, cost, budget) {
                Ok(kept) => {
                    prop_assert_eq!(kept.end, messages.len());
                    prop_assert!(kept.start >= usize::from(system));
                    prop_assert!(costs.len() == usize::from(system) || !kept.is_empty());
                    let total = fixed + costs[kept].iter().sum::<usize>();
                    prop_assert!(total <= budget);
                }
                Err(least) => prop_assert!(least > budget),
            }
        }
    }
}
