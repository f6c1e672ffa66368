//! What a status says of a provider. Pure.

use crd_types::aws::v1alpha1::AWSProviderStatus;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::aws::Caller;

/// Shows who AWS says we are; `renewed` where the credentials are others than before. Returns whether this is
/// news: only then the time moves.
pub(super) fn show(
    status: &mut AWSProviderStatus,
    caller: &Caller,
    renewed: bool,
    now: Timestamp,
) -> bool {
    let (account, partition) = (caller.account.to_string(), caller.partition.to_string());
    let arn = match &status.caller_identity {
        Some(before) if same_identity(before, caller.arn.as_ref()) => before.clone(),
        _ => caller.arn.to_string(),
    };
    let news = renewed
        || status.account_id.as_ref() != Some(&account)
        || status.partition.as_ref() != Some(&partition)
        || status.caller_identity.as_ref() != Some(&arn);
    if news {
        status.last_authentication_time = Some(Time(now));
    }
    status.account_id = Some(account);
    status.partition = Some(partition);
    status.caller_identity = Some(arn);
    news
}

/// Whether two ARNs are of one identity. The last part of `assumed-role/role/session` names a session, and an
/// ambient identity has a new one every hour.
fn same_identity(one: &str, other: &str) -> bool {
    let role = |arn: &str| {
        let (role, _) = arn.rsplit_once('/')?;
        role.contains(":assumed-role/").then(|| role.to_owned())
    };
    one == other || role(one).is_some_and(|it| role(other) == Some(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(arn: &str) -> Caller {
        Caller {
            account: "123456789012".parse().unwrap(),
            arn: arn.parse().unwrap(),
            partition: "aws".parse().unwrap(),
        }
    }

    const USER: &str = "arn:aws:iam::123456789012:user/operator";
    const EARLY: Timestamp = Timestamp::constant(1, 0);
    const LATE: Timestamp = Timestamp::constant(2, 0);

    #[test]
    fn the_time_moves_only_with_news() {
        let mut status = AWSProviderStatus::default();
        assert!(
            show(&mut status, &caller(USER), false, EARLY),
            "the first look"
        );
        let shown = status.clone();
        assert!(!show(&mut status, &caller(USER), false, LATE));
        assert_eq!(status, shown);

        assert!(
            show(&mut status, &caller(USER), true, LATE),
            "other credentials of the same user"
        );
        assert_eq!(status.last_authentication_time, Some(Time(LATE)));
        assert!(show(
            &mut status,
            &caller("arn:aws:iam::123456789012:user/other"),
            false,
            LATE
        ));
        assert_eq!(
            status.caller_identity.as_deref(),
            Some("arn:aws:iam::123456789012:user/other")
        );
    }

    #[test]
    fn another_session_of_the_same_role_is_no_news() {
        let session = |name: &str| {
            caller(&format!(
                "arn:aws:sts::123456789012:assumed-role/node/{name}"
            ))
        };
        let mut status = AWSProviderStatus::default();
        show(&mut status, &session("i-1"), false, EARLY);
        let shown = status.clone();
        assert!(!show(&mut status, &session("i-2"), false, LATE));
        assert_eq!(status, shown, "nothing to write");
        assert!(show(
            &mut status,
            &caller("arn:aws:sts::123456789012:assumed-role/other/i-2"),
            false,
            LATE
        ));
    }
}
