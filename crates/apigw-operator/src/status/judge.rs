//! What to say of an object, decided from its verdict and from how far it has come. Pure.

use std::time::Duration;

use operator_core::{
    decide::{
        clock::Moment,
        outcome::{Fault, Outcome, PassResult},
        reason::Reason,
    },
    engines::fanout,
};

use crate::{compile::LeftOut, kinds::refusal_message, plan::What, reasons};

/// An edit that every gateway takes within this time is told once: as done.
pub const PROMPT: Duration = Duration::from_millis(500);
/// How often the mere progress of one object is told.
pub const PROGRESS: Duration = Duration::from_secs(30);

/// What a pass finds.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// `Route` or `Backend`.
    pub noun: &'static str,
    /// What became of the wish.
    pub what: &'a What,
    /// When the wish was first seen.
    pub since: Moment,
    /// How far it has come.
    pub standing: fanout::Standing,
    /// How many gateways there were when that was last told of everything.
    pub told: usize,
    /// What its status says of this very edition.
    pub stored: Stored<'a>,
}

/// What a status says of the edition that the pass is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored<'a> {
    /// Nothing yet.
    Nothing,
    /// That it is in force.
    InForce {
        /// The message of `Ready=True`.
        message: &'a str,
    },
    /// That it is not.
    NotInForce {
        /// The reason of `Ready=False`.
        reason: &'a str,
        /// Its message.
        message: &'a str,
        /// When the gateways' progress was told last, if it was by this process.
        at: Option<Moment>,
    },
}

/// A condition of the kind's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Whether it holds.
    pub holds: bool,
    /// Why.
    pub reason: Reason,
    /// Why, in words.
    pub message: String,
}

/// What to say of an object.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// `Accepted`: whether it is fit to be sent.
    pub accepted: Said,
    /// `Programmed`: whether gateways have it; none where it stays as it is.
    pub programmed: Option<Said>,
    /// Whether the list of gateways in the status is to be written anew.
    pub lists_anew: bool,
    /// How the pass ends.
    pub result: PassResult,
}

/// Decides what to say.
pub fn judge(found: Found<'_>, now: Moment) -> Judgement {
    match found.what {
        What::Invalid(why) => unfit(reasons::INVALID, why.clone()),
        What::LeftOut(LeftOut::Refused { words }) => refused(words),
        What::LeftOut(left_out) => {
            let (reason, message) = why(left_out);
            unfit(reason, message)
        }
        What::Sent(_) => under_way(found, now),
    }
}

/// Why an object that is well by itself is not sent.
fn why(left_out: &LeftOut) -> (Reason, String) {
    match left_out {
        LeftOut::NameTaken { by } => (
            reasons::NAME_CONFLICT,
            format!(
                "gateways know bare names only, and the older {by} has this one: choose another name"
            ),
        ),
        LeftOut::ClaimTaken { by, claim } => (
            reasons::MATCH_CONFLICT,
            format!("the older {by} takes the same requests, {claim}: match others"),
        ),
        LeftOut::TooLarge { needs, left } => (
            reasons::CONFIGURATION_TOO_LARGE,
            format!(
                "it needs {needs} bytes, and older objects leave {left} of what a gateway can receive: \
                 make it smaller, or delete others"
            ),
        ),
        LeftOut::Refused { words } => (reasons::REFUSED_BY_GATEWAY, refusal_message(words)),
    }
}

fn unfit(reason: Reason, message: String) -> Judgement {
    let said = Said {
        holds: false,
        reason,
        message: message.clone(),
    };
    Judgement {
        accepted: said.clone(),
        programmed: Some(said),
        lists_anew: true,
        result: Err(Fault::terminal(reason, message)),
    }
}

fn refused(words: &str) -> Judgement {
    let message = refusal_message(words);
    Judgement {
        accepted: accepted(),
        programmed: Some(Said {
            holds: false,
            reason: reasons::REFUSED_BY_GATEWAY,
            message: message.clone(),
        }),
        lists_anew: true,
        result: Err(Fault::terminal(reasons::REFUSED_BY_GATEWAY, message)),
    }
}

fn accepted() -> Said {
    Said {
        holds: true,
        reason: reasons::ACCEPTED,
        message: "it is sent to every gateway".to_owned(),
    }
}

fn under_way(found: Found<'_>, now: Moment) -> Judgement {
    let standing = found.standing;
    let in_force = matches!(found.stored, Stored::InForce { .. });
    if standing.everywhere() || (in_force && standing.may_still_be()) {
        return in_force_now(found);
    }
    let unfinished = |programmed, lists_anew, result| Judgement {
        accepted: accepted(),
        programmed,
        lists_anew,
        result: Ok(result),
    };
    let fresh = now.since(found.since) < PROMPT;
    let untold = in_force || found.stored == Stored::Nothing;
    let prompt = fresh && untold && (standing.connected > 0 || standing.opening);
    if prompt {
        return unfinished(None, false, Outcome::Superseded);
    }
    let awaited = standing.opening && standing.connected == 0;
    let programming = matches!(
        found.stored,
        Stored::NotInForce { reason, .. } if reason == reasons::PROGRAMMING.as_str()
    );
    // Gateways would be missing in what is told: those of other replicas, and those that dial again.
    if standing.hearing || (awaited && programming) {
        return unfinished(None, false, Outcome::Undecided { poll: PROGRESS });
    }
    let (reason, news) = match (standing.connected, standing.applied) {
        (0, _) => (reasons::NO_GATEWAY, "no gateway is connected".to_owned()),
        (connected, applied) => (
            reasons::PROGRAMMING,
            format!("applied to {applied} of {}", gateways(connected)),
        ),
    };
    let (message, lists_anew, poll) = match found.stored {
        Stored::NotInForce {
            reason: stored,
            message,
            at: Some(at),
        } if stored == reason.as_str() && now.since(at) < PROGRESS => {
            (message.to_owned(), false, (at + PROGRESS).since(now))
        }
        _ => (news, true, PROGRESS),
    };
    let programmed = Said {
        holds: false,
        reason,
        message: message.clone(),
    };
    let programmed = lists_anew.then_some(programmed);
    unfinished(
        programmed,
        lists_anew,
        Outcome::Running {
            reason,
            task: message,
            poll,
        },
    )
}

fn in_force_now(found: Found<'_>) -> Judgement {
    let connected = found.standing.connected;
    let news = || {
        let count = gateways(connected);
        format!("{} successfully applied to {count}", found.noun)
    };
    let (message, lists_anew) = match found.stored {
        // How many there are is told of everything at once, now and then.
        Stored::InForce { message }
            if !found.standing.everywhere()
                || found.standing.opening
                || found.told != connected =>
        {
            (message.to_owned(), false)
        }
        Stored::InForce { message } => (news(), message != news()),
        Stored::Nothing | Stored::NotInForce { .. } => (news(), true),
    };
    let programmed = Said {
        holds: true,
        reason: reasons::PROGRAMMED,
        message: message.clone(),
    };
    Judgement {
        accepted: accepted(),
        programmed: Some(programmed),
        lists_anew,
        result: Ok(Outcome::Done {
            reason: reasons::RECONCILED,
            message,
        }),
    }
}

fn gateways(count: usize) -> String {
    match count {
        1 => "1 gateway".to_owned(),
        count => format!("{count} gateways"),
    }
}

#[cfg(test)]
mod tests;
