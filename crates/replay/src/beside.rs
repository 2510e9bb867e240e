//! Two courses of a conversation beside each other.

use std::fmt;

use serde::Serialize;

use crate::Moment;

/// A moment of either course, or of both.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "in", rename_all = "snake_case")]
pub enum Beside {
    /// It is the same in both.
    Both(Moment),
    /// Only the first has it.
    First(Moment),
    /// Only the second has it.
    Second(Moment),
}

/// Lays two courses beside each other, with as much in common as can be.
pub fn beside(first: &[Moment], second: &[Moment]) -> Vec<Beside> {
    let common = common_lengths(first, second);
    let (mut i, mut j) = (0, 0);
    let mut result = Vec::new();
    while i < first.len() || j < second.len() {
        match (first.get(i), second.get(j)) {
            (Some(one), Some(other)) if one == other => {
                result.push(Beside::Both(one.clone()));
                (i, j) = (i + 1, j + 1);
            }
            (Some(one), _) if j == second.len() || common[i + 1][j] >= common[i][j + 1] => {
                result.push(Beside::First(one.clone()));
                i += 1;
            }
            (_, Some(other)) => {
                result.push(Beside::Second(other.clone()));
                j += 1;
            }
            // the first arms take whatever is left
            (_, None) => break,
        }
    }
    result
}

/// How many moments the rests of both have in common, from each place in one and in the other.
fn common_lengths(first: &[Moment], second: &[Moment]) -> Vec<Vec<u32>> {
    let mut common = vec![vec![0; second.len() + 1]; first.len() + 1];
    for i in (0..first.len()).rev() {
        for j in (0..second.len()).rev() {
            common[i][j] = if first[i] == second[j] {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    common
}

impl fmt::Display for Beside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Both(moment) => write!(f, "  {moment}"),
            Self::First(moment) => write!(f, "- {moment}"),
            Self::Second(moment) => write!(f, "+ {moment}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::What;

    fn course(pauses: &[u32]) -> Vec<Moment> {
        let moment = |pause| Moment { audio_ms: 0, at_ms: 0, what: What::Pause { pause } };
        pauses.iter().copied().map(moment).collect()
    }

    #[test]
    fn what_differs_is_marked() {
        let lines: Vec<String> = beside(&course(&[1, 2, 3]), &course(&[1, 3, 4]))
            .iter()
            .map(|moment| moment.to_string().replace("    0.000    pause ", ""))
            .collect();
        assert_eq!(lines, ["  1", "- 2", "  3", "+ 4"]);
    }

    #[test]
    fn either_may_be_empty() {
        assert!(beside(&[], &[]).is_empty());
        assert!(matches!(beside(&course(&[1]), &[])[..], [Beside::First(_)]));
        assert!(matches!(beside(&[], &course(&[1]))[..], [Beside::Second(_)]));
    }
}
