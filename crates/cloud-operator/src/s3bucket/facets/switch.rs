//! What AWS has on or off. Off, never on and unknown here are alike; removed from the spec it is off.

use crd_types::aws::v1alpha1::{S3BucketSpec, Switch};

use super::{Facet, Wish, if_known};
use crate::aws::{Failed, Reads, Writes};

/// One thing that a bucket has on or off.
pub(super) trait OnOff: Sized + Send + Sync + 'static {
    /// As of a [`Facet`].
    const NAME: &'static str;

    /// What the spec says of it.
    fn of(spec: &S3BucketSpec) -> Option<Switch>;
    /// Whether it is on; refused where it is unknown.
    fn is_on(reads: &Reads<'_>) -> impl Future<Output = Result<bool, Failed>> + Send;
    /// Turns it on or off.
    fn turn(writes: &Writes<'_>, on: bool) -> impl Future<Output = Result<(), Failed>> + Send;
}

/// What the answer says.
fn found(answer: Result<bool, Failed>) -> Result<Switch, Failed> {
    let enabled = if_known(answer)?.unwrap_or_default();
    Ok(Switch { enabled })
}

impl<T: OnOff> Facet for T {
    const NAME: &'static str = T::NAME;
    type Value = Switch;

    fn wanted(wish: &Wish<'_>) -> Option<Switch> {
        T::of(wish.spec)
    }

    fn at_rest(_found: &Switch) -> Switch {
        Switch { enabled: false }
    }

    async fn read(reads: &Reads<'_>) -> Result<Switch, Failed> {
        found(T::is_on(reads).await)
    }

    async fn write(writes: &Writes<'_>, value: &Switch) -> Result<(), Failed> {
        T::turn(writes, value.enabled).await
    }

    async fn set(reads: &Reads<'_>, writes: &Writes<'_>, value: &Switch) -> Result<(), Failed> {
        // Where it is unknown it would be turned on for ever, and never be seen to be on.
        if value.enabled {
            T::is_on(reads).await?;
        }
        T::turn(writes, value.enabled).await
    }

    async fn unset(writes: &Writes<'_>) -> Result<(), Failed> {
        T::turn(writes, false).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::{Call, Failure, Refusal};

    #[test]
    fn it_is_off_where_it_is_unknown() {
        let refused = |code: &str| {
            let refusal = Refusal {
                code: Some(code.to_owned()),
                ..Refusal::default()
            };
            found(Err(Failed {
                call: Call::read("read"),
                failure: Failure::Refused(refusal),
            }))
        };
        for code in ["MethodNotAllowed", "UnsupportedArgument", "NotImplemented"] {
            assert!(refused(code).is_ok_and(|found| !found.enabled), "{code}");
        }
        assert!(refused("AccessDenied").is_err());
        for on in [true, false] {
            assert!(found(Ok(on)).is_ok_and(|found| found.enabled == on));
        }
    }
}
