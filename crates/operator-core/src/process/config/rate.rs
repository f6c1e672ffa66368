//! How often something may be done, as a setting: so many in a second, and so many at once.

use std::num::NonZeroU32;

/// More than any server takes from one process.
const MOST: u32 = 10_000;

/// Reads how many there may be in a second.
///
/// # Errors
/// What is allowed.
pub fn rate(text: &str) -> Result<u32, &'static str> {
    let rate = text.parse().ok().filter(|rate| *rate <= MOST);
    rate.ok_or("a number from 1 to 10000, or 0 for no limit")
}

/// Reads how many there may be at once.
///
/// # Errors
/// What is allowed.
pub fn burst(text: &str) -> Result<NonZeroU32, &'static str> {
    let burst: Option<NonZeroU32> = text.parse().ok();
    burst
        .filter(|burst| burst.get() <= MOST)
        .ok_or("a number from 1 to 10000")
}
