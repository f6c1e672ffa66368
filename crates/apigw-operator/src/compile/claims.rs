//! Who has which name and which requests.

use std::collections::HashMap;

use super::{Candidate, LeftOut};
use crate::snapshot::{ItemId, Kind};

/// What was granted so far, oldest first.
#[derive(Default)]
pub struct Claims {
    names: HashMap<(Kind, String), ItemId>,
    requests: HashMap<String, ItemId>,
}

impl Claims {
    /// Whether an object may have its name and its requests.
    pub fn check(&self, candidate: &Candidate) -> Result<(), LeftOut> {
        let id = candidate.item.id();
        if let Some(by) = self.names.get(&(id.kind, id.key.name.as_ref().to_owned())) {
            return Err(LeftOut::NameTaken { by: by.clone() });
        }
        let taken = |claim: &&String| self.requests.contains_key(*claim);
        match candidate.claims.iter().find(taken) {
            Some(claim) => Err(LeftOut::ClaimTaken {
                by: self.requests[claim].clone(),
                claim: claim.clone(),
            }),
            None => Ok(()),
        }
    }

    /// Grants them.
    pub fn grant(&mut self, candidate: &Candidate) {
        let id = candidate.item.id();
        let name = (id.kind, id.key.name.as_ref().to_owned());
        self.names.insert(name, id.clone());
        for claim in &candidate.claims {
            self.requests.insert(claim.clone(), id.clone());
        }
    }
}
