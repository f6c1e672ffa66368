//! What AWS's errors mean, as users read it: `docs/errors.md`.

use std::{fmt::Write, time::Duration};

use cloud_operator::aws::{
    ANSWER_LOST, Call, UNREACHABLE,
    codes::{BY_CODE, Meaning, NOT_USABLE, OF_STS, by_status},
    reasons::CALL_FAILED,
};
use operator_core::decide::{
    backoff::Streak,
    clock::Moment,
    outcome::{Class, Scope},
};

const HEAD: &str = "\
# Errors of AWS

What an answer of AWS makes of the object whose pass met it: `Ready` is False for this *reason*, and an event of the same reason tells it with AWS's code and words, what was called, and what to
do. `operator_faults_total` counts it by `controller`, *class* and code. Where the reason is `CallFailed`, an S3Bucket says `CreationFailed` or `BucketNotReady`, and `status.facets` names the part.
What a call to STS meets is always the provider's: it is `AuthenticationFailed` there, but for `Throttled`, and never `terminal`. The first S3Bucket whose own call meets what stops the provider has the
event, each is counted, and all wait with `ProviderNotReady`: the AWSProvider says why, and they go on once STS and S3 know it again. A bucket that meets it within a minute of that says so itself, and stops
no other. A Ready object keeps its conditions for 15 minutes of what passes by itself.

A code that is in no row counts by its status, but for one that came with 400: that is the spec's. This file is made from the table that the operator uses.

## Classes

| class | what helps | tried again |
|---|---|---|
";

const CLASSES: [(Class, &str); 5] = [
    (Class::Terminal, "another spec"),
    (Class::Blocked, "somebody who acts outside of the cluster"),
    (Class::Throttled, "fewer calls"),
    (Class::Transient, "time"),
    (
        Class::UnknownOutcome,
        "a look: it may have happened all the same; what was only read is `transient`",
    ),
];

/// Statuses with a meaning of their own, and one of the others of each hundred.
const STATUSES: [(&str, u16); 11] = [
    ("3xx", 301),
    ("401", 401),
    ("403", 403),
    ("404", 404),
    ("405, 501", 405),
    ("409, 412", 409),
    ("429, 503", 429),
    ("400 to what was read", 400),
    ("400", 400),
    ("other 4xx", 418),
    ("other 5xx", 500),
];

fn shown(pause: Duration) -> String {
    match pause.as_secs() {
        seconds if seconds < 60 => format!("{seconds} s"),
        seconds => format!("{} min", seconds / 60),
    }
}

/// The pauses after faults in a row: the different ones, or the first and the longest where they double.
fn pauses(class: Class) -> String {
    if class == Class::Terminal {
        return "at an edit, at a change of what it refers to, on request, and once in `RECONCILE_INTERVAL`, or in \
                `DRIFT_INTERVAL` where that is shorter"
            .to_owned();
    }
    let pause = |failures, late| {
        let since = Moment::at(Duration::ZERO);
        Streak {
            since,
            failures,
            late,
        }
        .pause(class, Duration::ZERO)
    };
    let mut all: Vec<Duration> = (1..30).map(|failures| pause(failures, 0)).collect();
    all.dedup();
    let text = match all.as_slice() {
        [first, .., last] if pause(2, 0) == *first * 2 => {
            format!("after {}, doubling to {}", shown(*first), shown(*last))
        }
        all => {
            let all: Vec<String> = all.iter().copied().map(shown).collect();
            format!("after {}", all.join(", then "))
        }
    };
    match pause(30, 30) {
        late if late != pause(30, 0) => {
            format!("{text}; from 15 minutes on doubling to {}", shown(late))
        }
        _ => text,
    }
}

fn line(text: &mut String, found: &str, meaning: &Meaning) {
    let Meaning {
        class,
        scope,
        reason,
        hint,
    } = meaning;
    let class: &str = class.into();
    let scope = match scope {
        Scope::Object => "the object",
        Scope::Provider => "the provider",
        Scope::Service => "this service, for the provider",
    };
    let hint = hint.replace("{action}", "the call");
    let _ = writeln!(
        text,
        "| {found} | `{class}` | {scope} | `{reason}` | {hint} |"
    );
}

/// The page.
pub fn page() -> String {
    let mut text = HEAD.to_owned();
    for (class, helps) in CLASSES {
        let name: &str = class.into();
        let _ = writeln!(text, "| `{name}` | {helps} | {} |", pauses(class));
    }
    let columns = "| class | what it stops | reason | what to do |\n|---|---|---|---|---|\n";
    let _ = write!(
        text,
        "\n## By code\n\nThe first row that matches counts; `*` stands for anything.\n\n| code {columns}"
    );
    for row in BY_CODE {
        let codes: Vec<String> = row.codes.iter().map(|code| format!("`{code}`")).collect();
        line(&mut text, &codes.join(", "), &row.meaning);
    }
    text.push('\n');
    for (action, code) in NOT_USABLE {
        let _ = writeln!(
            text,
            "For `{action}` alone `{code}` counts as `InvalidDestination`."
        );
    }
    text.push('\n');
    for (reason, hint) in OF_STS {
        let hint = hint.replace("{action}", "the call");
        let _ = writeln!(text, "Where STS leads to `{reason}` by this table: {hint}.");
    }
    let _ = write!(text, "\n## By status\n\n| status {columns}");
    for (name, status) in STATUSES {
        let call = match name.contains("read") {
            true => Call::read("s3:GetBucketTagging"),
            false => Call::write("s3:PutBucketTagging"),
        };
        line(&mut text, name, &by_status(call, status));
    }
    let _ = write!(
        text,
        "\nWithout an answer: a call that certainly was not sent is `{}` with the code `{}`; one whose answer was lost is `{}` with the code \
         `{}`, or `{}` where it only reads. Both are of the object, for the reason `{CALL_FAILED}`.\n",
        <&str>::from(Class::Transient),
        UNREACHABLE,
        <&str>::from(Class::UnknownOutcome),
        ANSWER_LOST,
        <&str>::from(Class::Transient),
    );
    text
}

#[cfg(test)]
mod tests {
    use cloud_operator::aws::{Effect, reasons};
    use operator_core::decide::reason::{Row, Shown};

    use super::*;

    #[test]
    fn every_status_is_told_by_one_that_means_the_same() {
        let same =
            |a: &Meaning, b: &Meaning| (a.class, a.scope, a.reason) == (b.class, b.scope, b.reason);
        for status in 300..600 {
            let told: Vec<u16> = match status {
                405 | 501 => vec![405],
                409 | 412 => vec![409],
                429 | 503 => vec![429],
                400 | 401 | 403 | 404 => vec![status],
                _ => STATUSES
                    .iter()
                    .map(|(_, it)| *it)
                    .filter(|it| [301, 418, 500].contains(it) && it / 100 == status / 100)
                    .collect(),
            };
            for effect in [Effect::Read, Effect::Write] {
                let call = match effect {
                    Effect::Read => Call::read("s3:GetBucketTagging"),
                    Effect::Write => Call::write("s3:PutBucketTagging"),
                };
                let meaning = by_status(call, status);
                assert!(
                    told.iter()
                        .any(|told| same(&meaning, &by_status(call, *told))),
                    "{status}"
                );
            }
        }
    }

    #[test]
    fn every_reason_is_told_to_be_given_by_its_class() {
        let told = |meaning: &Meaning| {
            let shown = match meaning.class {
                Class::Terminal => Shown::Refused,
                _ => Shown::Failing,
            };
            let of_it = |it: &Row| it.name == meaning.reason.as_str() && it.shown.contains(&shown);
            [
                reasons::PROVIDER,
                reasons::ANY_CALL,
                reasons::RESOURCE,
                reasons::S3,
            ]
            .concat()
            .iter()
            .any(of_it)
        };
        for row in BY_CODE {
            let Meaning { class, reason, .. } = row.meaning;
            assert!(told(&row.meaning), "{reason}, {class}");
        }
        for (name, status) in STATUSES {
            for call in [
                Call::read("s3:GetBucketTagging"),
                Call::write("s3:PutBucketTagging"),
            ] {
                assert!(told(&by_status(call, status)), "{name}");
            }
        }
    }
}
