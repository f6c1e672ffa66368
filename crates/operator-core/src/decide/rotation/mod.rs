//! When an own certificate authority and what it issues are replaced. No I/O, and no X.509.
//!
//! Replacing the authority disturbs nobody who reads the list of trusted authorities anew at least once in
//! the overlap of [`AuthorityTimes`]:
//!
//! 1. *Published*: the new authority is trusted beside the old one, which goes on issuing.
//! 2. *Switched*, an overlap later: the new authority issues. The key of the old one is gone, but what it has
//!    issued stays valid, so it stays trusted.
//! 3. *Forgotten*, when the old authority has expired, and with it everything that it has issued.

use std::time::Duration;

use jiff::Timestamp;

/// How far in the past a new certificate's validity begins, for peers whose clocks are behind.
pub const BACKDATE: Duration = Duration::from_secs(10 * 60);

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// When a certificate is valid: from the first moment until just before the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first moment.
    pub from: Timestamp,
    /// The moment of expiry.
    pub until: Timestamp,
}

impl Validity {
    fn beginning(now: Timestamp, lifetime: Duration) -> Self {
        Self {
            from: before(now, BACKDATE),
            until: after(now, lifetime),
        }
    }

    /// Whether it is over at `now`.
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.until <= now
    }
}

/// How long authorities last. The default: a year, replaced when 90 days are left, with one day of overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthorityTimes {
    lifetime: Duration,
    renew_before: Duration,
    overlap: Duration,
}

/// How long issued certificates last. The default: 30 days, replaced when 10 days are left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeafTimes {
    lifetime: Duration,
    renew_before: Duration,
}

/// How long everything lasts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lifetimes {
    /// The authorities.
    pub authority: AuthorityTimes,
    /// What they issue.
    pub leaf: LeafTimes,
}

/// Times that do not fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTimes {
    /// Nothing would ever be in force for long.
    #[error(
        "certificates must be renewed when less than their lifetime of {lifetime:?} is left, not {renew_before:?}"
    )]
    RenewBefore {
        /// The lifetime asked for.
        lifetime: Duration,
        /// How much of it would be left at the renewal.
        renew_before: Duration,
    },
    /// The old authority would expire before the new one issues.
    #[error(
        "the overlap of two authorities must be from {:?} to less than the {renew_before:?} that the old one \
         has left, not {overlap:?}",
        AuthorityTimes::LEAST_OVERLAP
    )]
    Overlap {
        /// How much of the old authority's lifetime is left when the new one is published.
        renew_before: Duration,
        /// The overlap asked for.
        overlap: Duration,
    },
}

impl AuthorityTimes {
    /// Less would not reach every replica, let alone every mounted Secret.
    pub const LEAST_OVERLAP: Duration = Duration::from_secs(10 * 60);

    /// An authority lasts for `lifetime`; its successor is published when `renew_before` of it is left, and
    /// issues `overlap` later.
    ///
    /// # Errors
    /// [`InvalidTimes`] unless `LEAST_OVERLAP <= overlap < renew_before < lifetime`.
    pub fn new(
        lifetime: Duration,
        renew_before: Duration,
        overlap: Duration,
    ) -> Result<Self, InvalidTimes> {
        if renew_before >= lifetime {
            return Err(InvalidTimes::RenewBefore {
                lifetime,
                renew_before,
            });
        }
        if overlap < Self::LEAST_OVERLAP || overlap >= renew_before {
            return Err(InvalidTimes::Overlap {
                renew_before,
                overlap,
            });
        }
        Ok(Self {
            lifetime,
            renew_before,
            overlap,
        })
    }

    /// The validity of an authority that is made at `now`.
    pub fn validity(&self, now: Timestamp) -> Validity {
        Validity::beginning(now, self.lifetime)
    }

    fn is_due(&self, now: Timestamp, authority: Validity) -> bool {
        before(authority.until, self.renew_before) <= now
    }

    /// When `next`, which was published when it was made, takes over. Where `issuing` has less left than the
    /// overlap, the last moment that spares its peers is better than none.
    fn switch_at(&self, issuing: Validity, next: Validity) -> Timestamp {
        let published = after(next.from, BACKDATE);
        after(published, self.overlap).min(before(issuing.until, BACKDATE))
    }
}

impl Default for AuthorityTimes {
    fn default() -> Self {
        Self {
            lifetime: 365 * DAY,
            renew_before: 90 * DAY,
            overlap: DAY,
        }
    }
}

impl LeafTimes {
    /// A certificate lasts for `lifetime` and is replaced when `renew_before` of it is left.
    ///
    /// # Errors
    /// [`InvalidTimes`] unless `1 min <= renew_before < lifetime`.
    pub fn new(lifetime: Duration, renew_before: Duration) -> Result<Self, InvalidTimes> {
        if renew_before < MINUTE || renew_before >= lifetime {
            return Err(InvalidTimes::RenewBefore {
                lifetime,
                renew_before,
            });
        }
        Ok(Self {
            lifetime,
            renew_before,
        })
    }

    /// The validity of a certificate that the authority `by` issues at `now`. It never outlasts its authority.
    pub fn validity(&self, now: Timestamp, by: Validity) -> Validity {
        let Validity { from, until } = Validity::beginning(now, self.lifetime);
        Validity {
            from,
            until: until.min(by.until),
        }
    }

    /// Whether a certificate has to be issued in place of `held`, which was issued by the authority `by`.
    pub fn is_due(&self, now: Timestamp, held: Option<Validity>, by: Validity) -> bool {
        held.is_none_or(|held| {
            // The last certificates of an authority all end with it: another one would be no better.
            let better = held.until < self.validity(now, by).until;
            better && before(held.until, self.renew_before) <= now
        })
    }
}

impl Default for LeafTimes {
    fn default() -> Self {
        Self {
            lifetime: 30 * DAY,
            renew_before: 10 * DAY,
        }
    }
}

/// What is there: the authorities that are trusted, and what the issuing one has issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The authority that issues.
    pub issuing: Validity,
    /// Its published successor.
    pub next: Option<Validity>,
    /// Authorities that are only trusted.
    pub retired: Vec<Validity>,
    /// The certificate in force, if `issuing` has issued it and it fits otherwise.
    pub leaf: Option<Validity>,
}

/// What becomes of the authorities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// They stay.
    Keep,
    /// A new one issues at once: there is none, or it has expired.
    Found,
    /// A new one becomes the next.
    Publish,
    /// The next one issues from now on; the one before is retired.
    Switch,
}

/// What has to be done, in one write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// With the authorities.
    pub turn: Turn,
    /// Whether the authority that issues after the turn issues a certificate.
    pub issue: bool,
    /// Whether an authority that is only trusted has expired. Whatever has expired leaves at every write.
    pub forget: bool,
}

impl Plan {
    /// Whether anything has to be done.
    pub fn is_needed(&self) -> bool {
        self.turn != Turn::Keep || self.issue || self.forget
    }
}

/// Decides what has to be done at `now`; `None` is an empty Secret.
pub fn plan(now: Timestamp, held: Option<&Held>, lifetimes: &Lifetimes) -> Plan {
    let Some(held) = held else {
        return Plan {
            turn: Turn::Found,
            issue: true,
            forget: false,
        };
    };
    let times = &lifetimes.authority;
    let next = held.next.filter(|next| !next.has_expired(now));
    let turn = match next {
        Some(next) if times.switch_at(held.issuing, next) <= now => Turn::Switch,
        Some(_) => Turn::Keep,
        None if held.issuing.has_expired(now) => Turn::Found,
        None if times.is_due(now, held.issuing) => Turn::Publish,
        None => Turn::Keep,
    };
    let issue = match turn {
        Turn::Found | Turn::Switch => true,
        Turn::Keep | Turn::Publish => lifetimes.leaf.is_due(now, held.leaf, held.issuing),
    };
    Plan {
        turn,
        issue,
        forget: held.retired.iter().any(|retired| retired.has_expired(now)),
    }
}

fn after(moment: Timestamp, by: Duration) -> Timestamp {
    moment.checked_add(by).unwrap_or(Timestamp::MAX)
}

fn before(moment: Timestamp, by: Duration) -> Timestamp {
    moment.checked_sub(by).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests;
