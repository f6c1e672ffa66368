//! From objects to what every gateway must have: pure, and equal on every replica.
//!
//! What a gateway would refuse, or could not tell apart, is left out and reported on its own object, so that it
//! never blocks the rest. Where two want the same, the older object has it.

mod checks;
mod claims;
mod claims_of;
mod documents;
mod legacy;
mod limit;
mod object;
mod references;
mod weights;

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;

use self::claims::Claims;
pub use self::{
    documents::config_maps,
    object::{backend, route},
    references::{Destinations, Hint, References, Targets, Unresolved},
};
use crate::snapshot::{Item, ItemId, Snapshot};

/// An object that could be sent to gateways.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// As gateways would get it.
    pub item: Arc<Item>,
    /// When the object was created.
    pub created: Timestamp,
    /// The requests that it claims, each in a form that is equal where the requests are.
    pub claims: Vec<String>,
    /// How many of its fields stood in the place where earlier gateways looked for them.
    pub earlier_fields: u64,
}

/// Why an object is not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeftOut {
    /// Gateways know bare names only, and an older object of another namespace has this one.
    NameTaken {
        /// The older object.
        by: ItemId,
    },
    /// An older route claims the same requests.
    ClaimTaken {
        /// The older object.
        by: ItemId,
        /// The claim that both make.
        claim: String,
    },
    /// Everything together would exceed what a gateway can receive, and older objects go first.
    TooLarge {
        /// What this object needs, in bytes.
        needs: usize,
        /// What the older ones leave, in bytes.
        left: usize,
    },
    /// A gateway refused it, and it was not edited since.
    Refused {
        /// The gateway's words.
        words: String,
    },
}

/// What the objects come to.
#[derive(Debug)]
pub struct Compiled {
    /// What every gateway must have.
    pub snapshot: Arc<Snapshot>,
    /// What is not in it, and why.
    pub left_out: BTreeMap<ItemId, LeftOut>,
}

/// Compiles the candidates. `refused` tells the words with which a gateway refused an item, if one did.
pub fn compile(
    mut candidates: Vec<Candidate>,
    refused: impl Fn(&Item) -> Option<String>,
) -> Compiled {
    candidates.sort_by(|a, b| (a.created, a.item.id()).cmp(&(b.created, b.item.id())));
    let mut claims = Claims::default();
    let mut room = limit::Room::default();
    let mut left_out = BTreeMap::new();
    let mut taken = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        let id = candidate.item.id().clone();
        let verdict = match refused(&candidate.item) {
            Some(words) => Err(LeftOut::Refused { words }),
            None => claims
                .check(&candidate)
                .and_then(|()| room.take(&candidate.item)),
        };
        match verdict {
            Ok(()) => {
                claims.grant(&candidate);
                taken.push(candidate.item);
            }
            Err(reason) => {
                left_out.insert(id, reason);
            }
        }
    }
    Compiled {
        snapshot: Arc::new(Snapshot::new(taken)),
        left_out,
    }
}

#[cfg(test)]
mod tests;
