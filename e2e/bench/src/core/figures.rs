//! What one measurement gives, and what several of them have in common.

use std::time::Duration;

use anyhow::Result;
use harness::{
    process::Child,
    proxy::{Flow, Traffic},
};
use operator_core::decide::clock::Moment;

use super::stage::Stage;
use crate::{cpu::cpu, resident::Resident, spread::Times};

/// One measurement of one program.
#[derive(Default)]
pub struct Figures {
    /// From the beginning to the last effect.
    pub wall: Duration,
    /// From each edit's request to its effect.
    pub effects: Times,
    /// The program's own CPU time, in user and kernel mode.
    pub cpu: Duration,
    /// Resident memory at the end, and at its peak so far, in bytes.
    pub resident: Option<Resident>,
    /// What passed between the program and the API server, the Lease left out.
    pub traffic: Traffic,
}

impl Figures {
    /// How many requests were answered.
    pub fn requests(&self) -> usize {
        self.traffic.values().map(|flow| flow.requests).sum()
    }

    /// Bytes of bodies, both ways.
    pub fn bytes(&self) -> u64 {
        let flows = self.traffic.values();
        flows.map(|flow| flow.sent + flow.received).sum()
    }

    pub fn shown(&self) -> String {
        let memory = self.resident.map_or_else(String::new, |it| it.shown());
        format!(
            "{:.2} s, CPU {:.2} s, {memory}, {} requests, {:.1} MB; {}",
            self.wall.as_secs_f64(),
            self.cpu.as_secs_f64(),
            self.requests(),
            self.bytes() as f64 / 1e6,
            self.effects.shown(),
        )
    }
}

/// A measurement under way.
pub struct Measuring<'a> {
    stage: &'a Stage,
    begun: Moment,
    cpu: Duration,
    traffic: Traffic,
}

impl<'a> Measuring<'a> {
    /// Begins, before a program is started.
    pub fn begin(stage: &'a Stage) -> Self {
        stage.seen.take_effects();
        Self {
            stage,
            begun: stage.clock.now(),
            cpu: Duration::ZERO,
            traffic: stage.proxy.proxy().traffic(),
        }
    }

    /// Begins while these programs run.
    pub fn running(stage: &'a Stage, programs: &[&Child]) -> Result<Self> {
        let mut measuring = Self::begin(stage);
        measuring.cpu = cpu_of_all(programs)?;
        Ok(measuring)
    }

    /// Ends; the programs are those that have run meanwhile, the first of them the one whose memory counts.
    pub fn end(self, programs: &[&Child]) -> Result<Figures> {
        let wall = self.stage.clock.now().since(self.begun);
        let resident = programs.first().map(|it| Resident::of(it.pid()));
        Ok(Figures {
            wall,
            effects: self.stage.seen.take_effects(),
            cpu: cpu_of_all(programs)?.saturating_sub(self.cpu),
            resident: resident.transpose()?,
            traffic: difference(&self.stage.proxy.proxy().traffic(), &self.traffic),
        })
    }
}

/// What came to `before`. The Lease is renewed by the clock, whatever else happens.
fn difference(after: &Traffic, before: &Traffic) -> Traffic {
    let others = after.iter().filter(|(kind, _)| kind.about != "leases");
    let new = others.map(|(kind, after)| {
        let before = before.get(kind).copied().unwrap_or_default();
        let flow = Flow {
            requests: after.requests - before.requests,
            sent: after.sent - before.sent,
            received: after.received - before.received,
        };
        (kind.clone(), flow)
    });
    new.filter(|(_, flow)| *flow != Flow::default()).collect()
}

fn cpu_of_all(programs: &[&Child]) -> Result<Duration> {
    programs.iter().map(|program| cpu(program)).sum()
}

/// Least, middle and greatest of several values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub least: f64,
    pub median: f64,
    pub greatest: f64,
}

impl Spread {
    /// Of these; none of none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (least, greatest) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median = match values.len() % 2 {
            1 => values[middle],
            _ => f64::midpoint(values[middle - 1], values[middle]),
        };
        Some(Self {
            least,
            median,
            greatest,
        })
    }

    /// The median, and how far the others lie.
    pub fn shown(self, digits: usize) -> String {
        let Self {
            least,
            median,
            greatest,
        } = self;
        if (greatest - least).abs() < f64::EPSILON {
            return format!("{median:.digits$}");
        }
        format!("{median:.digits$} ({least:.digits$}–{greatest:.digits$})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_lies_in_the_middle() {
        assert_eq!(Spread::of([]), None);
        let odd = Spread::of([3.0, 1.0, 2.0]).unwrap();
        assert_eq!((odd.least, odd.median, odd.greatest), (1.0, 2.0, 3.0));
        let even = Spread::of([4.0, 1.0]).unwrap();
        assert_eq!(even.shown(1), "2.5 (1.0–4.0)");
        assert_eq!(Spread::of([2.0]).unwrap().shown(0), "2");
    }

    #[test]
    fn a_difference_has_neither_what_was_before_nor_the_lease() {
        let kind = |about: &str| harness::proxy::Kind {
            verb: harness::proxy::Verb::Write,
            method: "PATCH".to_owned(),
            about: about.to_owned(),
            status: 200,
        };
        let flow = |requests| Flow {
            requests,
            sent: 1,
            received: 1,
        };
        let before = Traffic::from([(kind("a"), flow(1)), (kind("b"), flow(1))]);
        let after = Traffic::from([
            (kind("a"), flow(1)),
            (kind("b"), flow(3)),
            (kind("leases"), flow(5)),
        ]);
        let new = difference(&after, &before);
        assert_eq!(new.len(), 1);
        assert_eq!(new[&kind("b")].requests, 2);
    }
}
