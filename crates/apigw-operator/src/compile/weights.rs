//! Weights are ratios; gateways want percentages.

/// What the weights of several destinations must add up to on a gateway.
const WHOLE: u32 = 100;

/// The percentages that stand in the same ratio: they add up to 100, none is further than one from its exact
/// value, and only what weighs nothing gets nothing. Unchanged where there is nothing to share out.
pub fn percentages(weights: &[u32]) -> Vec<u32> {
    let sum: u64 = weights.iter().copied().map(u64::from).sum();
    if weights.len() < 2 || sum == 0 || sum == u64::from(WHOLE) {
        return weights.to_vec();
    }
    let exact = |weight: u32| u64::from(weight) * u64::from(WHOLE);
    let floor = |weight: u32| u32::try_from(exact(weight) / sum).unwrap_or(WHOLE);
    let mut shares: Vec<u32> = weights.iter().map(|&weight| floor(weight)).collect();
    let mut by_remainder: Vec<usize> = (0..weights.len()).collect();
    by_remainder.sort_by_key(|&at| std::cmp::Reverse((shares[at] == 0, exact(weights[at]) % sum)));
    let mut left = WHOLE - shares.iter().sum::<u32>();
    for at in by_remainder {
        if left == 0 {
            break;
        }
        if weights[at] > 0 {
            shares[at] += 1;
            left -= 1;
        }
    }
    // With very many small ones there is not enough left over for each: the largest give.
    while let Some(none) = (0..shares.len()).find(|&at| shares[at] == 0 && weights[at] > 0) {
        let heaviest_last = |at: &usize| (shares[*at], std::cmp::Reverse(weights[*at]));
        let most = (0..shares.len()).max_by_key(heaviest_last);
        match most {
            Some(most) if shares[most] > 1 => {
                shares[most] -= 1;
                shares[none] += 1;
            }
            _ => break,
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(&[100], &[100])]
    #[case(&[7], &[7])]
    #[case(&[100, 100], &[50, 50])]
    #[case(&[1, 1], &[50, 50])]
    #[case(&[90, 10], &[90, 10])]
    #[case(&[1, 1, 1], &[34, 33, 33])]
    #[case(&[100, 0], &[100, 0])]
    #[case(&[0, 0], &[0, 0])]
    #[case(&[3, 0, 1], &[75, 0, 25])]
    fn as_an_example(#[case] weights: &[u32], #[case] expected: &[u32]) {
        assert_eq!(percentages(weights), expected);
    }

    proptest! {
        #[test]
        fn they_add_up_and_nobody_is_forgotten(weights in prop::collection::vec(0_u32..=100, 2..80)) {
            let shares = percentages(&weights);
            let sum: u32 = weights.iter().sum();
            prop_assume!(sum > 0);
            prop_assert_eq!(shares.iter().sum::<u32>(), 100);
            for (share, weight) in shares.iter().zip(&weights) {
                prop_assert_eq!(*share == 0, *weight == 0);
            }
            for (a, b) in shares.iter().zip(&weights) {
                for (c, d) in shares.iter().zip(&weights) {
                    prop_assert!(b <= d || a >= c, "{:?} became {:?}", weights, shares);
                }
            }
        }
    }
}
