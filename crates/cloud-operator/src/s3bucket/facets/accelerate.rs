//! Transfer Acceleration. Removed from the spec it is suspended if it was ever on.

use aws_sdk_s3::{
    operation::get_bucket_accelerate_configuration::GetBucketAccelerateConfigurationOutput,
    types::{AccelerateConfiguration, BucketAccelerateStatus},
};
use crd_types::aws::v1alpha1::Switch;

use super::{Facet, Wish, if_known};
use crate::aws::{Failed, Reads, Writes};

pub(super) struct BucketAccelerate;

/// What the answer says. Never on, suspended and unknown here are alike.
fn found(answer: Result<GetBucketAccelerateConfigurationOutput, Failed>) -> Result<Switch, Failed> {
    let status = if_known(answer)?.and_then(|found| found.status);
    Ok(Switch {
        enabled: status == Some(BucketAccelerateStatus::Enabled),
    })
}

impl Facet for BucketAccelerate {
    const NAME: &'static str = "accelerate";
    type Value = Switch;

    fn wanted(wish: &Wish<'_>) -> Option<Switch> {
        wish.spec.accelerate
    }

    fn at_rest(_found: &Switch) -> Switch {
        Switch { enabled: false }
    }

    async fn read(reads: &Reads<'_>) -> Result<Switch, Failed> {
        found(reads.get_bucket_accelerate_configuration().await)
    }

    async fn write(writes: &Writes<'_>, value: &Switch) -> Result<(), Failed> {
        let status = match value.enabled {
            true => BucketAccelerateStatus::Enabled,
            false => BucketAccelerateStatus::Suspended,
        };
        let wanted = AccelerateConfiguration::builder().status(status).build();
        writes
            .put_bucket_accelerate_configuration(|call| call.accelerate_configuration(wanted))
            .await
    }

    async fn set(reads: &Reads<'_>, writes: &Writes<'_>, value: &Switch) -> Result<(), Failed> {
        // Where it is unknown it would be turned on for ever, and never be seen to be on.
        if value.enabled {
            reads.get_bucket_accelerate_configuration().await?;
        }
        Self::write(writes, value).await
    }

    async fn unset(writes: &Writes<'_>) -> Result<(), Failed> {
        Self::write(writes, &Switch { enabled: false }).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::{Call, Failure, Refusal};

    #[test]
    fn it_is_off_where_it_is_unknown() {
        let refused = |code: &str| {
            let code = Some(code.to_owned());
            let refusal = Refusal {
                code,
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
        let on = GetBucketAccelerateConfigurationOutput::builder()
            .status(BucketAccelerateStatus::Enabled)
            .build();
        assert!(found(Ok(on)).is_ok_and(|found| found.enabled));
    }
}
