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
    engines::fanout::{Contents, Digest, Next, Pace, Session},
};

use self::{
    blame::{Blame, Shown},
    redact::redacted,
};
use crate::snapshot::{Item, ItemId, Snapshot, named};

/// After it registered, a gateway overlooks snapshots smaller than what it has for 30 s; told from its stream's
/// begin, which comes later, and with a second to spare.
pub const WINDOW: Duration = Duration::from_secs(31);
/// How long an acknowledgement may take before the update counts as lost. Twice as long after each that was: a
/// gateway may be that slow.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// How often that doubles.
const DOUBLINGS: u32 = 4;
/// How long a target may still hold what was found to be refused: it is on its way out.
const DISMISSAL: Duration = Duration::from_secs(1);
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
    /// The gateway refuses this one, in its own words; and has exactly the rest in force, if that was seen.
    Refuses(Arc<Item>, String, Option<Arc<Snapshot>>),
    /// The gateway refuses whatever it is sent, in its own words.
    RefusesAll(String),
}

/// The session of one gateway.
#[derive(Debug)]
pub struct GatewaySession {
    begun: Moment,
    sequence: i64,
    tracked: Tracked,
    /// What it took before this session, if anybody knows.
    had: Option<Arc<Contents<ItemId>>>,
    /// What it accepted last, as far as this session knows.
    accepted: Option<Arc<Snapshot>>,
    /// Whether what it tracks is in force for certain: the last that it was sent, it accepted.
    proven: bool,
    greeted: bool,
    /// What was sent last without proof.
    hoped: Option<Digest>,
    in_flight: Option<InFlight>,
    /// How many updates in a row were not answered in time, or in time only as that had become longer.
    lost: u32,
    behind: Option<Moment>,
    blame: Option<Blame>,
    /// What it was found to refuse last, and until when a target is not sent that still holds it.
    culprit: Option<(Arc<Item>, Moment)>,
    /// Whether it refuses everything, and is to be left with the whole target: it may serve some of it.
    parting: bool,
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
    /// To a gateway that refuses everything.
    Parting {
        snapshot: Arc<Snapshot>,
    },
    Deletion {
        after: Arc<Snapshot>,
    },
}

impl Sent {
    /// What the gateway tracks once it has processed it.
    fn tracked(&self) -> &Arc<Snapshot> {
        match self {
            Self::Snapshot { snapshot, .. } | Self::Parting { snapshot } => snapshot,
            Self::Deletion { after } => after,
        }
    }
}

impl GatewaySession {
    /// Begins with a stream that opens at `now`. What the gateway `had` guides a search, and proves nothing.
    /// `sequence` must be greater than that of every update that the gateway was ever sent.
    pub fn begin(
        before: Before,
        had: Option<Arc<Contents<ItemId>>>,
        sequence: i64,
        now: Moment,
    ) -> Self {
        let tracked = match before {
            Before::Nothing => Tracked::Exactly(Arc::new(Snapshot::new([]))),
            Before::Something => Tracked::Unknown,
        };
        Self {
            begun: now,
            sequence,
            tracked,
            had,
            accepted: None,
            proven: false,
            greeted: false,
            hoped: None,
            in_flight: None,
            lost: 0,
            behind: None,
            blame: None,
            culprit: None,
            parting: false,
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
        // Who needs longer for each update is not hurried anew at each.
        if now.since(in_flight.sent) < PATIENCE {
            self.lost = 0;
        }
        self.proven = false;
        let answer = answer.map_err(|words| redacted(&words, self.known(in_flight.what.tracked())));
        if let Err(words) = &answer {
            self.refusal = Some(words.clone());
        }
        match (in_flight.what, answer) {
            // It is taken off even if what remains is refused; the snapshot that follows tells.
            (Sent::Deletion { after }, answer) => {
                self.tracked = Tracked::Exactly(after.clone());
                self.proven = answer.is_ok() && self.blame.is_none() && after.is_empty();
                self.proven.then_some(Learned::Has(after))
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
            ) => self.accepted(snapshot, now),
            (Sent::Snapshot { snapshot, .. }, Err(words)) => self.refused(snapshot, words, now),
            (Sent::Parting { snapshot }, Ok(())) => self.accepted(snapshot, now),
            (Sent::Parting { snapshot }, Err(_)) => {
                self.tracked = Tracked::Exactly(snapshot);
                self.relieved_until = Some(now + RELIEF);
                None
            }
        }
    }

    /// When the update that waits for its answer was sent; none if none does.
    pub fn waiting_since(&self) -> Option<Moment> {
        self.in_flight.as_ref().map(|sent| sent.sent)
    }

    /// Whether an answer to the update of this version is awaited.
    pub fn awaits(&self, version: &str) -> bool {
        let in_flight = self.in_flight.as_ref();
        in_flight.is_some_and(|sent| sent.version == version)
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

    fn accepted(&mut self, snapshot: Arc<Snapshot>, now: Moment) -> Option<Learned> {
        self.tracked = Tracked::Exactly(snapshot.clone());
        self.accepted = Some(snapshot.clone());
        self.had = None;
        self.proven = true;
        let Some(blame) = self.blame.take() else {
            return Some(Learned::Has(snapshot));
        };
        match self.shown(blame.accepted(), now) {
            Some(Learned::Refuses(item, words, _)) => {
                Some(Learned::Refuses(item, words, Some(snapshot)))
            }
            learned => learned,
        }
    }

    fn refused(&mut self, snapshot: Arc<Snapshot>, words: String, now: Moment) -> Option<Learned> {
        self.tracked = Tracked::Exactly(snapshot.clone());
        let shown = match self.blame.take() {
            Some(blame) => blame.refused(words),
            None => Blame::begin(&snapshot, self.taken_before(), words),
        };
        self.shown(shown, now)
    }

    /// What the gateway took last, in this session or before it.
    fn taken_before(&self) -> Option<&Contents<ItemId>> {
        let accepted = self
            .accepted
            .as_ref()
            .map(|accepted| &**accepted.contents());
        accepted.or(self.had.as_deref())
    }

    fn shown(&mut self, shown: Shown, now: Moment) -> Option<Learned> {
        match shown {
            Shown::Goes(blame) => {
                self.blame = Some(blame);
                None
            }
            Shown::Culprit(item, words) => {
                self.culprit = Some((item.clone(), now + DISMISSAL));
                Some(Learned::Refuses(item, words, None))
            }
            Shown::Everything(words) => {
                self.parting = true;
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
        let settled = self.blame.is_none() && self.proven;
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

    fn part(&mut self, target: &Arc<Snapshot>, now: Moment) -> Next<Self> {
        self.sequence += 1;
        let snapshot = target.clone();
        self.send(
            full_sync(target, self.sequence),
            Sent::Parting { snapshot },
            now,
        )
    }

    fn send(&mut self, message: ConfigurationUpdate, what: Sent, now: Moment) -> Next<Self> {
        let brings = what.tracked().clone();
        self.in_flight = Some(InFlight {
            version: message.version.clone(),
            sent: now,
            what,
        });
        Next::Send { message, brings }
    }
}

fn full_sync(goal: &Snapshot, sequence: i64) -> ConfigurationUpdate {
    ConfigurationUpdate {
        r#type: UpdateType::FullSync.into(),
        version: format!("{}.{sequence}", goal.version()),
        snapshot: Some(goal.message()),
        sequence,
        is_last_in_batch: true,
        ..ConfigurationUpdate::default()
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

    fn next(&mut self, target: &Arc<Snapshot>, now: Moment) -> Next<Self> {
        let before = self.target.replace(target.clone());
        if before.is_none_or(|before| before.version() != target.version()) {
            self.pace.changed(now);
        }
        self.behind.get_or_insert(now);
        if let Some(in_flight) = &self.in_flight {
            let lost = in_flight.sent + PATIENCE * (1 << self.lost.min(DOUBLINGS));
            if now < lost {
                return Next::Wait(lost);
            }
            // It may have taken it or not.
            self.lost += 1;
            self.in_flight = None;
            self.proven = false;
            self.tracked = Tracked::Unknown;
            self.hoped = None;
        }
        if let Some(until) = self.relieved_until {
            if now < until {
                return Next::Wait(until);
            }
            self.relieved_until = None;
        }
        if let Some((culprit, until)) = &self.culprit {
            let holds_it = target.contents().get(culprit.id()) == Some(culprit.digest());
            if holds_it && now < *until {
                return Next::Wait(*until);
            }
            self.culprit = None;
        }
        if std::mem::take(&mut self.parting) {
            if target.is_empty() {
                // It would be overlooked, and its acknowledgement prove nothing.
                let until = now + RELIEF;
                self.relieved_until = Some(until);
                return Next::Wait(until);
            }
            return self.part(target, now);
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
                self.send(
                    full_sync(&goal, sequence),
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
