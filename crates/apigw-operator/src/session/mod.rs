//! One gateway's session, decided without I/O: what to send it next, and what it has for certain.
//!
//! An acknowledgement says "no error", not "applied": a gateway overlooks an empty snapshot while it has
//! anything, and in the first 30 s after it registered one that is smaller than what it has. So a session
//! tells updates that prove something from those that do not, takes things away one by one where a snapshot
//! would be overlooked, and says the same again where it cannot know. What a gateway says of itself when it
//! comes back is no proof either: the version that it names stays while it tracks something else that it refused.

mod blame;
mod redact;
mod refusal;

use std::{sync::Arc, time::Duration};

use apigw_protocol::{ConfigurationUpdate, UpdateType};
use operator_core::{
    decide::clock::Moment,
    engines::fanout::{Digest, Next, Pace, Session},
};

use self::{
    blame::{Blame, Shown},
    redact::redacted,
};
use crate::snapshot::{Item, ItemId, Snapshot, named};

/// After it registered, a gateway overlooks snapshots smaller than what it has for 30 s; told from its stream's
/// begin, which comes later, and with a second to spare.
pub const WINDOW: Duration = Duration::from_secs(31);
/// How long an acknowledgement may take before the update counts as lost.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// How long a gateway that refuses everything is left alone.
pub const RELIEF: Duration = Duration::from_secs(30);

/// What is known of a gateway when its session begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// It has just started, and has nothing.
    Nothing,
    /// It has something, and nobody knows what.
    Something,
}

/// What a session has learned.
#[derive(Debug)]
pub enum Learned {
    /// The gateway has exactly this in force.
    Has(Arc<Snapshot>),
    /// The gateway refuses this one, in its own words.
    Refuses(Arc<Item>, String),
    /// The gateway refuses whatever it is sent, in its own words.
    RefusesAll(String),
}

/// The session of one gateway.
#[derive(Debug)]
pub struct GatewaySession {
    begun: Moment,
    sequence: i64,
    tracked: Tracked,
    /// What it accepted last, as far as this session knows.
    accepted: Option<Arc<Snapshot>>,
    greeted: bool,
    /// What was sent last without proof.
    hoped: Option<Digest>,
    in_flight: Option<InFlight>,
    behind: Option<Moment>,
    blame: Option<Blame>,
    relieved_until: Option<Moment>,
    /// What it refused last, in its words.
    refusal: Option<String>,
    pace: Pace,
    /// The latest target.
    target: Option<Arc<Snapshot>>,
}

/// What the gateway counts as its own, refused or not.
#[derive(Clone, Debug)]
enum Tracked {
    Unknown,
    Exactly(Arc<Snapshot>),
}

#[derive(Debug)]
struct InFlight {
    version: String,
    sent: Moment,
    what: Sent,
}

#[derive(Debug)]
enum Sent {
    Snapshot {
        snapshot: Arc<Snapshot>,
        proves: bool,
    },
    Deletion {
        after: Arc<Snapshot>,
    },
}

impl Sent {
    /// What the gateway tracks once it has processed it.
    fn tracked(&self) -> &Snapshot {
        match self {
            Self::Snapshot { snapshot, .. } => snapshot,
            Self::Deletion { after } => after,
        }
    }
}

impl GatewaySession {
    /// Begins with a stream that opens at `now`. `sequence` must be greater than that of every update that the
    /// gateway was ever sent.
    pub fn begin(before: Before, sequence: i64, now: Moment) -> Self {
        let tracked = match before {
            Before::Nothing => Tracked::Exactly(Arc::new(Snapshot::new([]))),
            Before::Something => Tracked::Unknown,
        };
        Self {
            begun: now,
            sequence,
            tracked,
            accepted: None,
            greeted: false,
            hoped: None,
            in_flight: None,
            behind: None,
            blame: None,
            relieved_until: None,
            refusal: None,
            pace: Pace::default(),
            target: None,
        }
    }

    /// The gateway answered the update of this version: with nothing, or with its words of refusal.
    pub fn answered(
        &mut self,
        version: &str,
        answer: Result<(), String>,
        now: Moment,
    ) -> Option<Learned> {
        let in_flight = self.in_flight.take_if(|sent| sent.version == version)?;
        self.pace.answered(now);
        let answer = answer.map_err(|words| redacted(&words, self.known(in_flight.what.tracked())));
        if let Err(words) = &answer {
            self.refusal = Some(words.clone());
        }
        match (in_flight.what, answer) {
            // It is taken off even if what remains is refused; the snapshot that follows tells.
            (Sent::Deletion { after }, answer) => {
                self.tracked = Tracked::Exactly(after.clone());
                (answer.is_ok() && self.blame.is_none() && after.is_empty())
                    .then_some(Learned::Has(after))
            }
            (
                Sent::Snapshot {
                    snapshot,
                    proves: false,
                },
                Ok(()),
            ) => {
                self.hoped = Some(snapshot.version());
                None
            }
            (
                Sent::Snapshot {
                    snapshot,
                    proves: true,
                },
                Ok(()),
            ) => self.accepted(snapshot),
            (Sent::Snapshot { snapshot, .. }, Err(words)) => self.refused(snapshot, words, now),
        }
    }

    /// When the update that waits for its answer was sent; none if none does.
    pub fn waiting_since(&self) -> Option<Moment> {
        self.in_flight.as_ref().map(|sent| sent.sent)
    }

    /// What the gateway refused last, in its words but for what is confidential.
    pub fn last_refusal(&self) -> Option<&str> {
        self.refusal.as_deref()
    }

    /// Since when the gateway lacks something that it must have, or may lack it; none if it has everything.
    pub fn behind_since(&self) -> Option<Moment> {
        self.behind
    }

    /// What the gateway may quote: what it is sent, and what it was sent before. One that refuses everything is
    /// shown parts alone, but has seen the whole.
    fn known<'a>(&'a self, sent: &'a Snapshot) -> impl Iterator<Item = &'a Snapshot> {
        let tracked = match &self.tracked {
            Tracked::Exactly(tracked) => Some(tracked),
            Tracked::Unknown => None,
        };
        let before = [tracked, self.accepted.as_ref(), self.target.as_ref()];
        let before = before.into_iter().flatten().map(|known| &**known);
        std::iter::once(sent).chain(before)
    }

    fn accepted(&mut self, snapshot: Arc<Snapshot>) -> Option<Learned> {
        self.tracked = Tracked::Exactly(snapshot.clone());
        self.accepted = Some(snapshot.clone());
        match self.blame.take() {
            Some(blame) => self.shown(blame.accepted(), None),
            None => Some(Learned::Has(snapshot)),
        }
    }

    fn refused(&mut self, snapshot: Arc<Snapshot>, words: String, now: Moment) -> Option<Learned> {
        self.tracked = Tracked::Exactly(snapshot.clone());
        let shown = match self.blame.take() {
            Some(blame) => blame.refused(words),
            None => Blame::begin(&snapshot, self.accepted.as_deref(), words),
        };
        self.shown(shown, Some(now))
    }

    fn shown(&mut self, shown: Shown, refused_at: Option<Moment>) -> Option<Learned> {
        match shown {
            Shown::Goes(blame) => {
                self.blame = Some(blame);
                None
            }
            Shown::Culprit(item, words) => Some(Learned::Refuses(item, words)),
            Shown::Everything(words) => {
                self.relieved_until = refused_at.map(|now| now + RELIEF);
                Some(Learned::RefusesAll(words))
            }
        }
    }

    /// What brings the gateway from what it has to `goal`; nothing where it has it.
    fn step(&self, goal: &Arc<Snapshot>, now: Moment) -> Step {
        let in_window = now < self.begun + WINDOW;
        let Tracked::Exactly(tracked) = &self.tracked else {
            return match (in_window, self.hoped) {
                (true, Some(hoped)) if hoped == goal.version() => Step::Wait(self.begun + WINDOW),
                (true, _) => Step::Snapshot {
                    goal: goal.clone(),
                    proves: false,
                },
                // It would be overlooked for ever; one backend is not, and can be taken away.
                (false, _) if goal.is_empty() => Step::Snapshot {
                    goal: Arc::new(Snapshot::placeholder()),
                    proves: true,
                },
                (false, _) => Step::Snapshot {
                    goal: goal.clone(),
                    proves: true,
                },
            };
        };
        let overlooked = goal.len() < tracked.len() && (in_window || goal.is_empty());
        if !self.greeted {
            return Step::Snapshot {
                goal: goal.clone(),
                proves: !overlooked,
            };
        }
        let taken = self
            .accepted
            .as_ref()
            .is_some_and(|has| has.version() == tracked.version());
        let settled = self.blame.is_none() && (taken || tracked.is_empty());
        if settled && tracked.version() == goal.version() {
            return Step::Done;
        }
        let excess = tracked.items().iter().find(|item| !goal.has(item.id()));
        match excess {
            Some(excess) if overlooked => Step::Deletion {
                of: excess.id().clone(),
                after: Arc::new(tracked.without(&[excess.id().clone()].into())),
            },
            _ => Step::Snapshot {
                goal: goal.clone(),
                proves: true,
            },
        }
    }

    fn send(
        &mut self,
        update: ConfigurationUpdate,
        what: Sent,
        now: Moment,
    ) -> Next<ConfigurationUpdate> {
        self.in_flight = Some(InFlight {
            version: update.version.clone(),
            sent: now,
            what,
        });
        Next::Send(update)
    }
}

/// One step towards a goal.
enum Step {
    Snapshot { goal: Arc<Snapshot>, proves: bool },
    Deletion { of: ItemId, after: Arc<Snapshot> },
    Wait(Moment),
    Done,
}

impl Session for GatewaySession {
    type Target = Snapshot;
    type Message = ConfigurationUpdate;

    fn next(&mut self, target: &Arc<Snapshot>, now: Moment) -> Next<ConfigurationUpdate> {
        let before = self.target.replace(target.clone());
        if before.is_none_or(|before| before.version() != target.version()) {
            self.pace.changed(now);
        }
        self.behind.get_or_insert(now);
        if let Some(in_flight) = &self.in_flight {
            let lost = in_flight.sent + PATIENCE;
            if now < lost {
                return Next::Wait(lost);
            }
            // It may have taken it or not.
            self.in_flight = None;
            self.tracked = Tracked::Unknown;
            self.hoped = None;
        }
        if let Some(until) = self.relieved_until {
            if now < until {
                return Next::Wait(until);
            }
            self.relieved_until = None;
        }
        let goal = match &self.blame {
            Some(blame) => Arc::new(blame.trial()),
            None if now < self.pace.opens() => return Next::Wait(self.pace.opens()),
            None => target.clone(),
        };
        let step = self.step(&goal, now);
        self.sequence += 1;
        let sequence = self.sequence;
        match step {
            Step::Wait(until) => Next::Wait(until),
            Step::Done => {
                self.behind = None;
                Next::Wait(Moment::NEVER)
            }
            Step::Snapshot { goal, proves } => {
                self.greeted = true;
                self.pace.sent();
                let update = ConfigurationUpdate {
                    r#type: UpdateType::FullSync.into(),
                    version: format!("{}.{sequence}", goal.version()),
                    snapshot: Some(goal.message()),
                    sequence,
                    is_last_in_batch: true,
                    ..ConfigurationUpdate::default()
                };
                self.send(
                    update,
                    Sent::Snapshot {
                        snapshot: goal,
                        proves,
                    },
                    now,
                )
            }
            Step::Deletion { of, after } => {
                let update = ConfigurationUpdate {
                    r#type: UpdateType::Deleted.into(),
                    version: format!("{}.{sequence}", after.version()),
                    resource: Some(named(&of)),
                    sequence,
                    is_last_in_batch: true,
                    ..ConfigurationUpdate::default()
                };
                self.send(update, Sent::Deletion { after }, now)
            }
        }
    }
}

#[cfg(test)]
mod tests;
