//! Taking turns by weight, so evenly that any run of as many turns as the weights' sum has the exact
//! shares.

use parking_lot::Mutex;

/// Whose turn it is.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<Vec<i64>>);

impl Turns {
    /// The next of `weights`. Zero gets nothing unless all are zero, which makes them equal; `None`
    /// when there are none.
    pub(crate) fn next(&self, weights: &[i64]) -> Option<usize> {
        let mut credits = self.0.lock();
        credits.resize(weights.len(), 0);
        let all_zero = weights.iter().all(|weight| *weight == 0);
        let weight = |at: usize| if all_zero { 1 } else { weights[at] };
        let total: i64 = (0..weights.len()).map(weight).sum();
        let eligible = (0..weights.len()).filter(|at| weight(*at) > 0);
        let mut best: Option<usize> = None;
        for at in eligible {
            credits[at] += weight(at);
            if best.is_none_or(|best| credits[at] > credits[best]) {
                best = Some(at);
            }
        }
        if let Some(best) = best {
            credits[best] -= total;
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(&[30, 70], &[30, 70])]
    #[case(&[100, 0], &[100, 0])]
    #[case(&[0, 0], &[50, 50])]
    #[case(&[1, 1, 2], &[25, 25, 50])]
    fn shares_are_exact(#[case] weights: &[i64], #[case] shares: &[usize]) {
        let turns = Turns::default();
        let mut given = vec![0; weights.len()];
        for _ in 0..100 {
            given[turns.next(weights).unwrap()] += 1;
        }
        assert_eq!(given, shares);
    }

    #[test]
    fn nobody_has_no_turn() {
        assert_eq!(Turns::default().next(&[]), None);
    }
}
