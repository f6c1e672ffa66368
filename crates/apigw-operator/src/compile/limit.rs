//! How much fits into one update.

use super::LeftOut;
use crate::snapshot::Item;

/// The largest message that a gateway receives: the default of its gRPC library. A larger one is an error to it,
/// after which it comes back for the same one.
const MESSAGE: usize = 4 * 1024 * 1024;
/// What the update around the items needs: versions, times, lengths.
const ENVELOPE: usize = 1024;

/// The room that is left in an update.
pub struct Room {
    left: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            left: MESSAGE - ENVELOPE,
        }
    }
}

impl Room {
    /// Takes what an item needs, if that is left.
    pub fn take(&mut self, item: &Item) -> Result<(), LeftOut> {
        let needs = item.size();
        match self.left.checked_sub(needs) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(LeftOut::TooLarge {
                needs,
                left: self.left,
            }),
        }
    }
}
