//! What a failed call to AWS means for a pass.

use std::borrow::Cow;

use operator_core::decide::{
    outcome::{
        Class::{Blocked, Terminal, Throttled, Transient, UnknownOutcome},
        Fault,
        Scope::Provider,
    },
    reason::Reason,
};

use super::{
    codes::{self, Meaning, OF_STS},
    failure::{Failed, Failure, Refusal},
    label::label,
    reasons::{ACCESS_DENIED, AUTHENTICATION_FAILED, CALL_FAILED, WRONG_REGION},
};
use crate::iam;

/// Code where an answer was lost.
pub const ANSWER_LOST: &str = "AnswerLost";
/// Code where AWS could not be reached.
pub const UNREACHABLE: &str = "Unreachable";

/// What a call may do outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    Read,
    /// A change.
    Write,
}

/// One kind of call, by the name under which IAM grants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// `service:Action`.
    pub action: &'static str,
    /// What it may do.
    pub effect: Effect,
}

impl Call {
    /// A call that changes nothing.
    pub const fn read(action: &'static str) -> Self {
        Self {
            action,
            effect: Effect::Read,
        }
    }

    /// A call that may change something.
    pub const fn write(action: &'static str) -> Self {
        Self {
            action,
            effect: Effect::Write,
        }
    }

    /// The service that is called.
    pub(super) fn service(self) -> &'static str {
        self.action
            .split_once(':')
            .map_or("", |(service, _)| service)
    }

    /// What is asked of it, as IAM calls it.
    pub(super) fn operation(self) -> &'static str {
        self.action.split_once(':').map_or("", |(_, action)| action)
    }

    /// Calls to STS look after the provider itself, so what they meet is the provider's.
    fn is_of_the_provider(self) -> bool {
        self.service() == "sts"
    }
}

impl From<Failed> for Fault {
    fn from(Failed { call, failure }: Failed) -> Self {
        let mut fault = match failure {
            Failure::Ours(fault) => return fault,
            Failure::Refused(refusal) => refused(call, &refusal),
            Failure::NotSent(text) => {
                let text = format!("{} was not sent: {text}", call.action);
                Self::transient(CALL_FAILED, text).with_code(UNREACHABLE)
            }
            Failure::Lost(text) => {
                let text = format!("the answer to {} was lost: {text}", call.action);
                Self::new(UnknownOutcome, CALL_FAILED, text).with_code(ANSWER_LOST)
            }
        };
        if call.effect == Effect::Read && fault.class == UnknownOutcome {
            fault.class = Transient;
        }
        if call.is_of_the_provider() {
            of_the_provider(fault)
        } else {
            fault
        }
    }
}

fn refused(call: Call, refusal: &Refusal) -> Fault {
    let meaning = codes::meaning(call, refusal.status, refusal.code.as_deref());
    let (code, label) = match &refusal.code {
        Some(code) => (code.clone(), Cow::Borrowed(label(code))),
        None => {
            let code = format!("HTTP{}", refusal.status);
            (code.clone(), Cow::Owned(code))
        }
    };
    let said = match refusal.message.as_str() {
        "" => String::new(),
        message => format!(": {message}"),
    };
    let elsewhere = match &refusal.bucket_region {
        Some(region) if meaning.reason == WRONG_REGION => format!(" (the bucket is in {region})"),
        _ => String::new(),
    };
    let hint = hint(call, &meaning).replace("{action}", &allowable(call, meaning.reason));
    let text = format!(
        "{} was refused: {code}{said}{elsewhere}; {hint}",
        call.action
    );
    let mut fault = Fault::new(meaning.class, meaning.reason, text)
        .with_scope(meaning.scope)
        .with_code(label);
    fault.after = refusal.retry_after;
    fault
}

fn hint(call: Call, meaning: &Meaning) -> &'static str {
    let of_sts = OF_STS.iter().find(|(reason, _)| *reason == meaning.reason);
    match of_sts {
        Some((_, hint)) if call.is_of_the_provider() => hint,
        _ => meaning.hint,
    }
}

/// The action of the call; where it was denied, with those that may have been meant.
fn allowable(call: Call, reason: Reason) -> Cow<'static, str> {
    let others: Vec<&str> = iam::beside(call.action).collect();
    if others.is_empty() || reason != ACCESS_DENIED {
        return call.action.into();
    }
    let others = others.join(", ");
    format!("{}, and what it may take besides ({others}),", call.action).into()
}

/// The provider's own calls: what AWS refuses them, it refuses the provider.
fn of_the_provider(fault: Fault) -> Fault {
    match fault.class {
        Throttled => fault,
        Terminal => Fault {
            class: Blocked,
            ..fault
        }
        .with_scope(Provider)
        .with_reason(AUTHENTICATION_FAILED),
        _ => fault
            .with_scope(Provider)
            .with_reason(AUTHENTICATION_FAILED),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use operator_core::decide::outcome::Scope;

    use super::*;

    const READ: Call = Call::read("s3:GetBucketTagging");
    const WRITE: Call = Call::write("s3:PutBucketTagging");
    const STS: Call = Call::read("sts:AssumeRole");

    fn fault(call: Call, failure: Failure) -> Fault {
        Failed { call, failure }.into()
    }

    fn refused(call: Call, status: u16, code: &str, message: &str) -> Fault {
        let code = Some(code)
            .filter(|code| !code.is_empty())
            .map(str::to_owned);
        let message = message.to_owned();
        fault(
            call,
            Failure::Refused(Refusal {
                status,
                code,
                message,
                ..Refusal::default()
            }),
        )
    }

    #[test]
    fn a_code_that_a_store_invents_is_told_and_is_no_label() {
        let fault = refused(WRITE, 400, "Invalid7f3a", "No");
        assert!(fault.message.contains("Invalid7f3a: No"), "{fault}");
        assert_eq!(fault.code, "Other");
    }

    #[test]
    fn a_refusal_names_call_code_words_and_way_out() {
        let fault = refused(WRITE, 403, "AccessDenied", "Access Denied");
        assert_eq!(
            fault.message,
            "s3:PutBucketTagging was refused: AccessDenied: Access Denied; allow s3:PutBucketTagging to the \
             provider's identity (IAM policy, permissions boundary, session policy, bucket policy, service control \
             policy; for a public acl or policy Block Public Access of bucket and account, too)"
        );
        assert_eq!(
            (fault.class, fault.code.as_ref()),
            (Blocked, "AccessDenied")
        );
        assert_eq!(refused(READ, 502, "", "").code, "HTTP502");
    }

    #[test]
    fn a_denial_names_all_that_may_have_been_denied() {
        let create = Call::write("s3:CreateBucket");
        let denied = refused(create, 403, "AccessDenied", "").message;
        for action in ["s3:CreateBucket", "s3:TagResource"] {
            assert!(denied.contains(action), "{denied}");
        }
        let unknown = refused(create, 405, "MethodNotAllowed", "").message;
        assert!(!unknown.contains("s3:TagResource"), "{unknown}");
    }

    #[test]
    fn only_a_write_leaves_doubt_whether_it_happened() {
        let lost = || Failure::Lost("connection reset".into());
        assert_eq!(fault(WRITE, lost()).class, UnknownOutcome);
        assert_eq!(fault(READ, lost()).class, Transient);
        assert_eq!(
            fault(WRITE, Failure::NotSent("refused".into())).class,
            Transient
        );
        for (status, code) in [(500, "InternalError"), (500, ""), (502, ""), (504, "")] {
            assert_eq!(
                refused(WRITE, status, code, "").class,
                UnknownOutcome,
                "{status} {code}"
            );
            assert_eq!(
                refused(READ, status, code, "").class,
                Transient,
                "{status} {code}"
            );
        }
        assert_eq!(
            refused(WRITE, 503, "SlowDown", "").class,
            Throttled,
            "refused at the door"
        );
    }

    #[test]
    fn what_sts_refuses_is_the_providers() {
        for (status, code, class) in [
            (403, "AccessDenied", Blocked),
            (403, "ExpiredTokenException", Blocked),
            (400, "ValidationError", Blocked),
            (400, "IDPCommunicationError", Transient),
            (500, "InternalFailure", Transient),
        ] {
            let fault = refused(STS, status, code, "");
            assert_eq!((fault.class, fault.scope), (class, Provider), "{code}");
            assert!(
                class == Transient || fault.reason == AUTHENTICATION_FAILED,
                "{code}"
            );
        }
        assert_eq!(refused(STS, 400, "Throttling", "").scope, Scope::Service);
        assert_eq!(refused(READ, 403, "AccessDenied", "").scope, Scope::Object);
    }

    #[test]
    fn nothing_is_said_of_a_bucket_where_sts_refuses() {
        let codes = [
            "AccessDenied",
            "InvalidRegion",
            "UnsupportedOperation",
            "ConflictException",
            "ServiceQuotaExceeded",
            "ValidationError",
        ];
        let by_code = codes.map(|code| refused(STS, 400, code, ""));
        let by_status = [301, 403, 404, 405, 409, 418, 501].map(|it| refused(STS, it, "", ""));
        for Fault { message, .. } in by_code.into_iter().chain(by_status) {
            for other in ["bucket", "acl", "from the spec"] {
                assert!(!message.contains(other), "{message}");
            }
        }
        let denied = refused(STS, 403, "AccessDenied", "").message;
        assert!(denied.contains("trust policy"), "{denied}");
    }

    #[test]
    fn the_pause_that_aws_asks_for_is_kept() {
        let after = Some(Duration::from_secs(7));
        let refusal = Refusal {
            status: 503,
            retry_after: after,
            ..Refusal::default()
        };
        assert_eq!(fault(READ, Failure::Refused(refusal)).after, after);
    }

    #[test]
    fn a_bucket_elsewhere_is_named_with_its_region() {
        let refusal = Refusal {
            status: 301,
            bucket_region: Some("eu-west-1".into()),
            ..Refusal::default()
        };
        let fault = fault(READ, Failure::Refused(refusal));
        assert!(
            fault.message.contains("(the bucket is in eu-west-1)"),
            "{fault}"
        );
    }

    #[test]
    fn what_is_ours_stays_as_it_is() {
        let ours = Fault::transient(CALL_FAILED, "text");
        assert_eq!(fault(WRITE, Failure::Ours(ours.clone())), ours);
    }
}
