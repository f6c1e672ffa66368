//! AWS accounts and resources: group `aws-infra-operator.runner.codes`.

pub mod v1alpha1;
