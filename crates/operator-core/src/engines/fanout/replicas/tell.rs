//! The other replica's end of a stream: what to say next. Does no I/O.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt,
    sync::Arc,
};

use replica_protocol::{self as wire, receiver::Has, report_request::Report};

use super::{
    super::{
        board::{Known, Receiver},
        contents::{Contents, Digest},
        refusals::Refusal,
    },
    parts::cut,
};
use crate::decide::clock::Moment;

/// The longest words of a receiver that are passed on, in bytes.
const LONGEST_WORDS: usize = 16 << 10;

/// What one stream has told so far, or is about to.
pub(super) struct Telling<R, I> {
    receivers: BTreeMap<R, (Arc<str>, Has)>,
    contents: BTreeMap<Digest, Arc<Contents<I>>>,
    /// Told last, and so probably the nearest to the next one.
    latest: Option<Arc<Contents<I>>>,
    refusals: BTreeMap<I, Refusal>,
    steps: VecDeque<Step<I>>,
    messages: VecDeque<Report>,
}

/// What is cut into messages only when it is its turn.
enum Step<I> {
    Say(Report),
    Contents {
        contents: Arc<Contents<I>>,
        base: Option<Arc<Contents<I>>>,
    },
}

impl<R, I> Telling<R, I>
where
    R: Ord + Clone + fmt::Display,
    I: Ord + Clone + fmt::Display,
{
    /// The stream of this replica.
    pub(super) fn open(replica: &str) -> Self {
        let opening = Report::Opening(wire::Opening {
            replica: replica.to_owned(),
        });
        Self {
            receivers: BTreeMap::new(),
            contents: BTreeMap::new(),
            latest: None,
            refusals: BTreeMap::new(),
            steps: VecDeque::new(),
            messages: [opening].into(),
        }
    }

    /// The next message of what was found to be different.
    pub(super) fn next(&mut self) -> Option<wire::ReportRequest> {
        if self.messages.is_empty() {
            match self.steps.pop_front()? {
                Step::Say(report) => self.messages.push_back(report),
                Step::Contents { contents, base } => {
                    let parts = cut(&contents, base.as_deref());
                    self.messages
                        .extend(parts.into_iter().map(Report::Contents));
                }
            }
        }
        let report = self.messages.pop_front();
        Some(wire::ReportRequest { report })
    }

    /// Finds out what is to be said of this replica's own receivers and refusals. Only once
    /// [`next`](Self::next) has nothing more to say: so what changes often is said as often as it is heard.
    pub(super) fn compare(
        &mut self,
        receivers: Vec<(R, Receiver<I>)>,
        refusals: BTreeMap<I, Refusal>,
        now: Moment,
    ) {
        let here: BTreeSet<R> = receivers.iter().map(|(id, _)| id.clone()).collect();
        let gone: Vec<R> = self
            .receivers
            .keys()
            .filter(|id| !here.contains(id))
            .cloned()
            .collect();
        for id in gone {
            self.receivers.remove(&id);
            self.say(Report::ReceiverLeft(wire::ReceiverLeft {
                id: id.to_string(),
            }));
        }
        for (id, receiver) in receivers {
            self.compare_receiver(id, receiver, now);
        }
        self.forget();
        self.compare_refusals(refusals);
    }

    fn compare_receiver(&mut self, id: R, receiver: Receiver<I>, now: Moment) {
        let has = match &receiver.has {
            Known::Nothing => Has::Nothing(wire::Nothing {}),
            Known::Something => Has::Something(wire::Something {}),
            Known::Exactly(contents) => Has::Version(contents.version().as_bytes().to_vec()),
        };
        let told = (receiver.session.clone(), has.clone());
        if self.receivers.get(&id) == Some(&told) {
            return;
        }
        if let Known::Exactly(contents) = receiver.has {
            self.refer_to(contents);
        }
        let connected = now.since(receiver.joined).as_millis();
        self.say(Report::Receiver(wire::Receiver {
            id: id.to_string(),
            session: receiver.session.as_ref().to_owned(),
            connected_milliseconds: u64::try_from(connected).unwrap_or(u64::MAX),
            has: Some(has),
        }));
        self.receivers.insert(id, told);
    }

    fn refer_to(&mut self, contents: Arc<Contents<I>>) {
        let version = contents.version();
        if self.contents.contains_key(&version) {
            return;
        }
        self.contents.insert(version, contents.clone());
        let base = self.latest.replace(contents.clone());
        self.steps.push_back(Step::Contents { contents, base });
    }

    /// Keeps what receivers have, and the latest for the next to be told by.
    fn forget(&mut self) {
        let had = self.receivers.values().filter_map(|(_, has)| match has {
            Has::Version(version) => Digest::from_bytes(version),
            Has::Nothing(_) | Has::Something(_) => None,
        });
        let latest = self.latest.iter().map(|contents| contents.version());
        let needed: BTreeSet<Digest> = had.chain(latest).collect();
        let told = self.contents.keys().copied();
        for version in told.collect::<Vec<_>>() {
            if !needed.contains(&version) {
                self.contents.remove(&version);
                let version = version.as_bytes().to_vec();
                self.say(Report::ContentsForgotten(wire::ContentsForgotten {
                    version,
                }));
            }
        }
    }

    fn compare_refusals(&mut self, refusals: BTreeMap<I, Refusal>) {
        for (id, refusal) in &refusals {
            if self.refusals.get(id) != Some(refusal) {
                let words = &refusal.words[..refusal.words.floor_char_boundary(LONGEST_WORDS)];
                self.steps
                    .push_back(Step::Say(Report::Refusal(wire::Refusal {
                        id: id.to_string(),
                        edition: refusal.edition.as_ref().to_owned(),
                        words: words.to_owned(),
                    })));
            }
        }
        for id in self.refusals.keys() {
            if !refusals.contains_key(id) {
                self.steps
                    .push_back(Step::Say(Report::RefusalGone(wire::RefusalGone {
                        id: id.to_string(),
                    })));
            }
        }
        self.refusals = refusals;
    }

    fn say(&mut self, report: Report) {
        self.steps.push_back(Step::Say(report));
    }
}
