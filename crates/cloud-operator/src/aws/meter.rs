//! Calls to AWS, counted where their answers are understood.

use std::{fmt, sync::Arc};

use operator_core::decide::{clock::Clock, outcome::Class};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};

use super::{
    codes,
    failure::{Failed, Failure},
    fault::{ANSWER_LOST, Call, UNREACHABLE},
    label::label,
};

/// Upper bounds of the time until a call is answered, in seconds. A call is given up after 10 s.
const ANSWERED: [f64; 9] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// Counts calls. A clone is the same.
#[derive(Clone)]
pub struct Meter(Arc<Families>);

struct Families {
    clock: Clock,
    calls: Family<Ended, Counter>,
    seconds: Family<Operation, Histogram, fn() -> Histogram>,
    errors: Family<Refused, Counter>,
    throttles: Family<Service, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Service {
    service: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Operation {
    service: &'static str,
    operation: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    service: &'static str,
    operation: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refused {
    service: &'static str,
    operation: &'static str,
    error_code: String,
}

impl Meter {
    /// Nothing was counted yet.
    pub fn new(clock: Clock) -> Self {
        let throttles = Family::<Service, Counter>::default();
        for service in ["s3", "sts"] {
            drop(throttles.get_or_create(&Service { service }));
        }
        Self(Arc::new(Families {
            clock,
            calls: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(ANSWERED)),
            errors: Family::default(),
            throttles,
        }))
    }

    /// Adds the families to those of the operator.
    pub fn register(&self, registry: &mut Registry) {
        let Families {
            calls,
            seconds,
            errors,
            throttles,
            ..
        } = &*self.0;
        registry.register(
            "aws_api_calls",
            "Calls to AWS that were sent, by how they ended",
            calls.clone(),
        );
        registry.register(
            "aws_api_call_duration_seconds",
            "Time until a call to AWS was answered or given up",
            seconds.clone(),
        );
        registry.register(
            "aws_api_errors",
            "Calls to AWS that failed, by AWS's code; Other for a code that AWS does not document, Unreachable and AnswerLost where there was no answer",
            errors.clone(),
        );
        registry.register(
            "aws_api_throttles",
            "Calls that AWS refused because there were too many",
            throttles.clone(),
        );
    }

    /// Makes a call, and counts it if it was sent.
    pub(super) async fn timed<T>(
        &self,
        call: Call,
        sending: impl Future<Output = Result<T, Failed>>,
    ) -> Result<T, Failed> {
        let begun = self.0.clock.now();
        let answer = sending.await;
        let took = self.0.clock.now().since(begun);
        let failure = answer.as_ref().err().map(|failed| &failed.failure);
        if !matches!(failure, Some(Failure::Ours(_))) {
            self.count(call, failure);
            let operation = call.operation();
            let seconds = self.0.seconds.get_or_create(&Operation {
                service: call.service(),
                operation,
            });
            seconds.observe(took.as_secs_f64());
        }
        answer
    }

    fn count(&self, call: Call, failure: Option<&Failure>) {
        let (service, operation) = (call.service(), call.operation());
        let result = if failure.is_none() {
            "success"
        } else {
            "error"
        };
        let ended = Ended {
            service,
            operation,
            result,
        };
        self.0.calls.get_or_create(&ended).inc();
        let Some(error_code) = failure.map(code) else {
            return;
        };
        if let Some(Failure::Refused(refusal)) = failure {
            let meaning = codes::meaning(call, refusal.status, refusal.code.as_deref());
            if meaning.class == Class::Throttled {
                self.0.throttles.get_or_create(&Service { service }).inc();
            }
        }
        let refused = Refused {
            service,
            operation,
            error_code,
        };
        self.0.errors.get_or_create(&refused).inc();
    }
}

fn code(failure: &Failure) -> String {
    match failure {
        Failure::Refused(refusal) => match &refusal.code {
            Some(code) => label(code).to_owned(),
            None => format!("HTTP{}", refusal.status),
        },
        Failure::Lost(_) => ANSWER_LOST.to_owned(),
        Failure::NotSent(_) | Failure::Ours(_) => UNREACHABLE.to_owned(),
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meter").finish_non_exhaustive()
    }
}
