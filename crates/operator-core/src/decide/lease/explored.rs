//! Two electors and one Lease, every interleaving, breadth first, until no new state turns up: requests that
//! are slow, lost before or after their effect, or take effect long after their sender gave up; electors that
//! stop for any time at any point and go on.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::Duration,
};

use jiff::Timestamp;

use super::{Action, Answer, Elector, Moment, Record, Seen, Timings};

const TICK: Duration = Duration::from_secs(1);

/// The API server's side: a Lease that changes only for who names its present version.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Server {
    lease: Option<(Record, String)>,
    writes: u32,
}

impl Server {
    /// Whether the request would be answered with more than an error, now or ever: versions never come back.
    fn accepts(&self, action: &Action) -> bool {
        match (action, &self.lease) {
            (Action::Read, _) | (Action::Create(_), None) => true,
            (Action::Update(_, version), Some((_, present))) => version == present,
            _ => false,
        }
    }

    fn serve(&mut self, action: &Action) -> Answer {
        if !self.accepts(action) {
            return Answer::Failed;
        }
        match (action, &self.lease) {
            (Action::Create(record), _) => {
                assert_eq!(record.transitions, 0);
                self.store(record)
            }
            (Action::Update(record, _), Some((before, _))) => {
                let moved = !record.holder.is_empty() && record.holder != before.holder;
                assert_eq!(record.transitions, before.transitions + i32::from(moved));
                assert!(record.acquired == before.acquired || record.holder != before.holder);
                self.store(record)
            }
            (_, Some((record, version))) => Answer::Found(record.clone(), version.clone()),
            (_, None) => Answer::Absent,
        }
    }

    fn store(&mut self, record: &Record) -> Answer {
        assert!(
            record.duration.is_some_and(|duration| duration >= TICK),
            "the API server refuses it"
        );
        self.writes += 1;
        let version = self.writes.to_string();
        self.lease = Some((record.clone(), version.clone()));
        Answer::Written(record.clone(), version)
    }
}

/// A request under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Request {
    action: Action,
    started: Moment,
    /// There once the request has had its effect.
    answer: Option<Answer>,
}

/// A process that takes part.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Process {
    elector: Elector,
    request: Option<Request>,
    /// A write that the process has given up, which may reach the server yet.
    adrift: Option<Action>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    timings: [Timings; 2],
    now: Moment,
    server: Server,
    processes: [Process; 2],
}

#[derive(Clone, Copy, Debug)]
enum Event {
    /// Time passes, for whoever is not at work.
    Tick,
    /// The process asks what to do and starts it.
    Act(usize),
    /// Its request has its effect.
    Effect(usize),
    /// The answer arrives.
    Deliver(usize),
    /// The process gives the request up; if it has had no effect yet, that may come later.
    GiveUp(usize),
    /// A write that was given up has its effect.
    Late(usize),
    /// The process stops gracefully.
    Resign(usize),
}

impl World {
    fn new(timings: [Timings; 2]) -> Self {
        let process = |(identity, timings)| Process {
            elector: Elector::new(identity, timings),
            request: None,
            adrift: None,
        };
        Self {
            timings,
            now: Moment::ORIGIN,
            server: Server {
                lease: None,
                writes: 0,
            },
            processes: [("a", timings[0]), ("b", timings[1])].map(process),
        }
    }

    fn longest(&self, of: impl Fn(&Timings) -> Duration) -> Duration {
        self.timings.iter().map(of).max().unwrap_or_default()
    }

    fn leads(&self, who: usize) -> bool {
        self.processes[who]
            .elector
            .leading_until()
            .is_some_and(|until| self.now < until)
    }

    fn can(&self, event: Event) -> bool {
        let request = |who: usize| self.processes[who].request.as_ref();
        match event {
            Event::Tick => true,
            Event::Act(who) => request(who).is_none(),
            Event::Effect(who) => request(who).is_some_and(|request| request.answer.is_none()),
            Event::Deliver(who) => request(who).is_some_and(|request| request.answer.is_some()),
            Event::GiveUp(who) => request(who).is_some(),
            Event::Late(who) => self.processes[who]
                .adrift
                .as_ref()
                .is_some_and(|write| self.server.accepts(write)),
            Event::Resign(who) => !self.processes[who].elector.resigned,
        }
    }

    /// Lets an event happen that can.
    fn apply(&mut self, event: Event) {
        let (now, server) = (self.now, &mut self.server);
        match event {
            Event::Tick => self.now = now + TICK,
            Event::Act(who) => self.act(who),
            Event::Effect(who) => {
                let request = self.processes[who].request.as_mut().unwrap();
                request.answer = Some(server.serve(&request.action));
            }
            Event::Deliver(who) => {
                let Process {
                    elector, request, ..
                } = &mut self.processes[who];
                let Request {
                    answer, started, ..
                } = request.take().unwrap();
                elector.answered(answer.unwrap(), started, now, 0.0);
            }
            Event::GiveUp(who) => {
                let Process {
                    elector,
                    request,
                    adrift,
                } = &mut self.processes[who];
                let Request {
                    action,
                    started,
                    answer,
                } = request.take().unwrap();
                elector.answered(Answer::Failed, started, now, 0.0);
                if answer.is_none() && action != Action::Read {
                    *adrift = Some(action);
                }
            }
            Event::Late(who) => {
                let action = self.processes[who].adrift.take().unwrap();
                server.serve(&action);
            }
            Event::Resign(who) => self.processes[who].elector.resign(),
        }
    }

    fn act(&mut self, who: usize) {
        let Process {
            elector, request, ..
        } = &mut self.processes[who];
        // The second machine's clock shows a year that is long past.
        let wall = [Timestamp::UNIX_EPOCH, Timestamp::MIN][who] + self.now.since_origin();
        match elector.next(self.now, wall) {
            Action::WaitUntil(moment) => {
                assert!(moment > self.now, "a wait that ends is not waited for")
            }
            Action::End => {}
            action => {
                *request = Some(Request {
                    action,
                    started: self.now,
                    answer: None,
                })
            }
        }
    }

    /// Both processes do all that they can do at this moment, and nothing fails.
    fn settle(&mut self) {
        for _ in 0..8 {
            let mut idle = true;
            for who in [0, 1] {
                for event in [Event::Act(who), Event::Effect(who), Event::Deliver(who)] {
                    if self.can(event) {
                        self.apply(event);
                        idle &=
                            self.processes[who].request.is_none() && matches!(event, Event::Act(_));
                    }
                }
            }
            if idle {
                return;
            }
        }
        panic!("a conversation that does not come to rest: {self:?}");
    }

    /// How many ticks pass, all going well, until somebody leads.
    fn ticks_until_led(mut self) -> u32 {
        for ticks in 0.. {
            self.settle();
            if self.leads(0) || self.leads(1) {
                return ticks;
            }
            assert!(ticks < 100, "nobody ever leads: {self:?}");
            self.apply(Event::Tick);
        }
        unreachable!()
    }

    /// This state without what makes no difference to the future: moments become times from now, no further
    /// than they matter; versions are numbered as they turn up; what people read is left out.
    fn essence(&self) -> Self {
        let mut world = self.clone();
        let now = std::mem::take(&mut world.now);
        let ahead = |moment: &mut Moment| *moment = Moment::at(moment.since(now));
        for Process {
            elector,
            request,
            adrift,
        } in &mut world.processes
        {
            ahead(&mut elector.next_try);
            ahead(&mut elector.claimed_until);
            elector.leading_until.as_mut().map(ahead);
            adrift.take_if(|write| !world.server.accepts(write));
            if let Some(Request {
                action,
                started,
                answer,
            }) = request
            {
                *started = Moment::at(
                    now.since(*started)
                        .min(self.longest(Timings::renew_deadline)),
                );
                if answer.is_some() || !world.server.accepts(action) {
                    *action = Action::End;
                }
            }
        }
        let mut versions = HashMap::new();
        world.for_each_record(|record, version| {
            (record.acquired, record.renewed, record.transitions) = (None, None, 0);
            if let Some(version) = version {
                let next = versions.len().to_string();
                *version = versions.entry(version.clone()).or_insert(next).clone();
            }
        });
        world.server.writes = 0;
        world
    }

    fn for_each_record(&mut self, mut visit: impl FnMut(&mut Record, Option<&mut String>)) {
        if let Some((record, version)) = &mut self.server.lease {
            visit(record, Some(version));
        }
        for Process {
            elector,
            request,
            adrift,
        } in &mut self.processes
        {
            if let Seen::Lease(record, version) = &mut elector.seen {
                visit(record, Some(version));
            }
            let (sent, answer) = request
                .as_mut()
                .map(|it| (&mut it.action, &mut it.answer))
                .unzip();
            for action in sent.into_iter().chain(adrift) {
                match action {
                    Action::Create(record) => visit(record, None),
                    Action::Update(record, version) => visit(record, Some(version)),
                    Action::Read | Action::WaitUntil(_) | Action::End => {}
                }
            }
            if let Some(Some(Answer::Found(record, version) | Answer::Written(record, version))) =
                answer
            {
                visit(record, Some(version));
            }
        }
    }

    /// In every state that can be reached: never two leaders at once, and if all goes well from there on,
    /// there is one soon.
    fn explore(self, events: &[Event]) -> usize {
        let mut seen = HashSet::from([self.essence()]);
        let mut border = VecDeque::from([self]);
        while let Some(world) = border.pop_front() {
            world.promises();
            for &event in events.iter().filter(|&&event| world.can(event)) {
                let mut world = world.clone();
                world.apply(event);
                assert!(
                    !(world.leads(0) && world.leads(1)),
                    "two leaders after {event:?}: {world:?}"
                );
                if seen.insert(world.essence()) {
                    border.push_back(world);
                }
            }
        }
        seen.len()
    }

    /// If all goes well from here on, somebody leads after the lease's time and a retry at the latest; after
    /// a retry if the lease is free or its holder is about to release it.
    fn promises(&self) {
        if self
            .processes
            .iter()
            .all(|process| process.elector.resigned)
        {
            return;
        }
        let mut world = self.clone();
        world.settle();
        let free = world
            .server
            .lease
            .as_ref()
            .is_none_or(|(record, _)| record.holder.is_empty());
        let most = if free {
            Duration::ZERO
        } else {
            self.longest(Timings::lease)
        } + self.longest(Timings::retry);
        let ticks = TICK * world.ticks_until_led();
        assert!(ticks <= most, "led after {ticks:?}: {self:?}");
    }
}

const BOTH: [Event; 11] = [
    Event::Tick,
    Event::Act(0),
    Event::Effect(0),
    Event::Deliver(0),
    Event::GiveUp(0),
    Event::Late(0),
    Event::Act(1),
    Event::Effect(1),
    Event::Deliver(1),
    Event::GiveUp(1),
    Event::Late(1),
];

fn timings(lease: u32, renew_deadline: u32, retry: u32) -> Timings {
    Timings::new(TICK * lease, TICK * renew_deadline, TICK * retry).unwrap()
}

#[test]
fn never_two_leaders_and_one_in_the_end() {
    let world = World::new([timings(3, 2, 1), timings(3, 2, 1)]);
    assert!(world.explore(&BOTH) > 20_000);
}

#[test]
fn one_resigns_at_any_time() {
    let world = World::new([timings(3, 2, 1), timings(3, 2, 1)]);
    let events = [&BOTH[..], &[Event::Resign(0)]].concat();
    assert!(world.explore(&events) > 50_000);
}

/// As during an upgrade that changes the settings.
#[test]
fn electors_of_different_timings() {
    let world = World::new([
        Timings::new(TICK * 2, TICK * 3 / 2, TICK).unwrap(),
        timings(5, 4, 2),
    ]);
    assert!(world.explore(&BOTH) > 20_000);
}
