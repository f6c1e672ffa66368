//! The calls to S3 that this operator makes, each by the IAM action that grants it.
//!
//! Reads are free. Writes are only to be had with a [`Leading`], which fences every one of them.

use std::error::Error;

use aws_sdk_s3::{
    Client,
    operation::{
        create_bucket::builders::CreateBucketFluentBuilder,
        delete_bucket::builders::DeleteBucketFluentBuilder,
        delete_bucket_analytics_configuration::builders::DeleteBucketAnalyticsConfigurationFluentBuilder,
        delete_bucket_cors::builders::DeleteBucketCorsFluentBuilder,
        delete_bucket_encryption::builders::DeleteBucketEncryptionFluentBuilder,
        delete_bucket_intelligent_tiering_configuration::builders::DeleteBucketIntelligentTieringConfigurationFluentBuilder,
        delete_bucket_inventory_configuration::builders::DeleteBucketInventoryConfigurationFluentBuilder,
        delete_bucket_lifecycle::builders::DeleteBucketLifecycleFluentBuilder,
        delete_bucket_metrics_configuration::builders::DeleteBucketMetricsConfigurationFluentBuilder,
        delete_bucket_policy::builders::DeleteBucketPolicyFluentBuilder,
        delete_bucket_replication::builders::DeleteBucketReplicationFluentBuilder,
        delete_bucket_website::builders::DeleteBucketWebsiteFluentBuilder,
        get_bucket_abac::GetBucketAbacOutput,
        get_bucket_accelerate_configuration::GetBucketAccelerateConfigurationOutput,
        get_bucket_acl::GetBucketAclOutput, get_bucket_cors::GetBucketCorsOutput,
        get_bucket_encryption::GetBucketEncryptionOutput,
        get_bucket_lifecycle_configuration::GetBucketLifecycleConfigurationOutput,
        get_bucket_logging::GetBucketLoggingOutput,
        get_bucket_notification_configuration::GetBucketNotificationConfigurationOutput,
        get_bucket_ownership_controls::GetBucketOwnershipControlsOutput,
        get_bucket_policy::GetBucketPolicyOutput,
        get_bucket_replication::GetBucketReplicationOutput,
        get_bucket_request_payment::GetBucketRequestPaymentOutput,
        get_bucket_tagging::GetBucketTaggingOutput,
        get_bucket_versioning::GetBucketVersioningOutput,
        get_bucket_website::GetBucketWebsiteOutput,
        get_object_lock_configuration::GetObjectLockConfigurationOutput,
        get_public_access_block::GetPublicAccessBlockOutput, head_bucket::HeadBucketOutput,
        put_bucket_abac::builders::PutBucketAbacFluentBuilder,
        put_bucket_accelerate_configuration::builders::PutBucketAccelerateConfigurationFluentBuilder,
        put_bucket_acl::builders::PutBucketAclFluentBuilder,
        put_bucket_analytics_configuration::builders::PutBucketAnalyticsConfigurationFluentBuilder,
        put_bucket_cors::builders::PutBucketCorsFluentBuilder,
        put_bucket_encryption::builders::PutBucketEncryptionFluentBuilder,
        put_bucket_intelligent_tiering_configuration::builders::PutBucketIntelligentTieringConfigurationFluentBuilder,
        put_bucket_inventory_configuration::builders::PutBucketInventoryConfigurationFluentBuilder,
        put_bucket_lifecycle_configuration::builders::PutBucketLifecycleConfigurationFluentBuilder,
        put_bucket_logging::builders::PutBucketLoggingFluentBuilder,
        put_bucket_metrics_configuration::builders::PutBucketMetricsConfigurationFluentBuilder,
        put_bucket_notification_configuration::builders::PutBucketNotificationConfigurationFluentBuilder,
        put_bucket_ownership_controls::builders::PutBucketOwnershipControlsFluentBuilder,
        put_bucket_policy::builders::PutBucketPolicyFluentBuilder,
        put_bucket_replication::builders::PutBucketReplicationFluentBuilder,
        put_bucket_request_payment::builders::PutBucketRequestPaymentFluentBuilder,
        put_bucket_tagging::builders::PutBucketTaggingFluentBuilder,
        put_bucket_versioning::builders::PutBucketVersioningFluentBuilder,
        put_bucket_website::builders::PutBucketWebsiteFluentBuilder,
        put_object_lock_configuration::builders::PutObjectLockConfigurationFluentBuilder,
        put_public_access_block::builders::PutPublicAccessBlockFluentBuilder,
    },
    types::{
        AnalyticsConfiguration, IntelligentTieringConfiguration, InventoryConfiguration,
        MetricsConfiguration,
    },
};
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use operator_core::cluster::leading::Leading;

use super::{bucket::Bucket, failure::Failed, fault::Call, fence::fenced, tenant::Tenant};

/// How many buckets AWS lists in one answer, at most (Amazon S3 API Reference, ListBuckets, `max-buckets`).
const BUCKETS_AT_ONCE: i32 = 10_000;

/// Calls that change nothing, on one bucket.
#[derive(Clone, Debug)]
pub struct Reads<'a> {
    pub(super) client: Client,
    pub(super) bucket: &'a Bucket,
    tenant: &'a Tenant,
}

/// Calls that change something, on one bucket.
#[derive(Clone, Debug)]
pub struct Writes<'a> {
    pub(super) client: Client,
    pub(super) bucket: &'a Bucket,
    tenant: &'a Tenant,
    leading: &'a Leading,
}

impl Tenant {
    /// Reads of `bucket`.
    pub fn reads<'a>(&'a self, bucket: &'a Bucket) -> Reads<'a> {
        Reads {
            client: self.s3(&bucket.region),
            bucket,
            tenant: self,
        }
    }

    /// Writes to `bucket`.
    pub fn writes<'a>(&'a self, leading: &'a Leading, bucket: &'a Bucket) -> Writes<'a> {
        Writes {
            client: self.s3(&bucket.region),
            bucket,
            tenant: self,
            leading,
        }
    }
}

impl Tenant {
    /// Sends a read when its turn has come.
    pub(super) async fn ask<T, E>(
        &self,
        call: Call,
        sending: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, Failed>
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        self.ready(call).await?;
        let sending = async { sending.await.map_err(|error| Failed::new(call, error)) };
        self.meter().timed(call, sending).await
    }
}

impl Reads<'_> {
    /// Sends a read when its turn has come.
    pub(super) async fn ask<T, E>(
        &self,
        call: Call,
        sending: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, Failed>
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        self.tenant.ask(call, sending).await
    }
}

impl Writes<'_> {
    /// Sends a write when its turn has come, as long as this replica leads.
    pub(super) async fn tell<T, E>(
        &self,
        call: Call,
        sending: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, Failed>
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        self.ready(call).await?;
        self.send(call, sending).await
    }

    /// Waits until `call` may be made. Who waits in vain is told so by the fence of the call itself.
    async fn ready(&self, call: Call) -> Result<(), Failed> {
        let ready = self.leading.fence(self.tenant.ready(call)).await;
        ready.unwrap_or(Ok(()))
    }

    async fn send<T, E>(
        &self,
        call: Call,
        sending: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, Failed>
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let sending = fenced(self.leading, call, sending);
        self.tenant.meter().timed(call, sending).await
    }
}

/// Every call names the account that we think owns the bucket, so that a bucket of this name that somebody
/// else has created meanwhile is never taken for ours (Amazon S3 User Guide, "Verifying bucket ownership").
macro_rules! reads {
    ($($(#[$doc:meta])* $method:ident = $action:literal -> $output:ty;)*) => {
        impl Reads<'_> {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// AWS's answer, or why there was none.
                pub async fn $method(&self) -> Result<$output, Failed> {
                    let call = self.client.$method().bucket(self.bucket.name.as_ref()).expected_bucket_owner(self.bucket.account.as_ref());
                    self.ask(Call::read($action), call.send()).await
                }
            )*
        }
    };
}

macro_rules! writes {
    ($($(#[$doc:meta])* $method:ident = $action:literal, $builder:ty;)*) => {
        impl Writes<'_> {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// AWS's answer, or why there was none; also when this replica no longer leads.
                pub async fn $method(&self, fill: impl FnOnce($builder) -> $builder) -> Result<(), Failed> {
                    let call = self.client.$method().bucket(self.bucket.name.as_ref()).expected_bucket_owner(self.bucket.account.as_ref());
                    self.tell(Call::write($action), fill(call).send()).await.map(drop)
                }
            )*
        }
    };
}

/// What a bucket has several of, all pages.
macro_rules! lists {
    ($($(#[$doc:meta])* $method:ident = $action:literal -> $field:ident: $item:ty;)*) => {
        impl Reads<'_> {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// AWS's answer, or why there was none.
                pub async fn $method(&self) -> Result<Vec<$item>, Failed> {
                    let (mut all, mut next) = (Vec::new(), None);
                    loop {
                        let call = self.client.$method().bucket(self.bucket.name.as_ref()).expected_bucket_owner(self.bucket.account.as_ref());
                        let page = self.ask(Call::read($action), call.set_continuation_token(next).send()).await?;
                        all.extend(page.$field.unwrap_or_default());
                        next = page.next_continuation_token;
                        if next.is_none() {
                            return Ok(all);
                        }
                    }
                }
            )*
        }
    };
}

reads! {
    /// Whether the bucket is there and within reach.
    head_bucket = "s3:ListBucket" -> HeadBucketOutput;
    /// Its tags.
    get_bucket_tagging = "s3:GetBucketTagging" -> GetBucketTaggingOutput;
    /// Its versioning.
    get_bucket_versioning = "s3:GetBucketVersioning" -> GetBucketVersioningOutput;
    /// Its default encryption.
    get_bucket_encryption = "s3:GetEncryptionConfiguration" -> GetBucketEncryptionOutput;
    /// Its public access block.
    get_public_access_block = "s3:GetBucketPublicAccessBlock" -> GetPublicAccessBlockOutput;
    /// Its object ownership.
    get_bucket_ownership_controls = "s3:GetBucketOwnershipControls" -> GetBucketOwnershipControlsOutput;
    /// Who may use it by its ACL.
    get_bucket_acl = "s3:GetBucketAcl" -> GetBucketAclOutput;
    /// Its policy.
    get_bucket_policy = "s3:GetBucketPolicy" -> GetBucketPolicyOutput;
    /// What happens to its objects as they age.
    get_bucket_lifecycle_configuration = "s3:GetLifecycleConfiguration" -> GetBucketLifecycleConfigurationOutput;
    /// What pages of other origins may do.
    get_bucket_cors = "s3:GetBucketCORS" -> GetBucketCorsOutput;
    /// Where its use is written down.
    get_bucket_logging = "s3:GetBucketLogging" -> GetBucketLoggingOutput;
    /// How it answers as a website.
    get_bucket_website = "s3:GetBucketWebsite" -> GetBucketWebsiteOutput;
    /// Who is told of events.
    get_bucket_notification_configuration = "s3:GetBucketNotification" -> GetBucketNotificationConfigurationOutput;
    /// Who pays for requests.
    get_bucket_request_payment = "s3:GetBucketRequestPayment" -> GetBucketRequestPaymentOutput;
    /// Whether Transfer Acceleration is on.
    get_bucket_accelerate_configuration = "s3:GetAccelerateConfiguration" -> GetBucketAccelerateConfigurationOutput;
    /// Its object lock.
    get_object_lock_configuration = "s3:GetBucketObjectLockConfiguration" -> GetObjectLockConfigurationOutput;
    /// Where its objects are copied to.
    get_bucket_replication = "s3:GetReplicationConfiguration" -> GetBucketReplicationOutput;
    /// Whether its tags decide who may use it.
    get_bucket_abac = "s3:GetBucketAbac" -> GetBucketAbacOutput;
}

lists! {
    /// Its configurations of Intelligent-Tiering.
    list_bucket_intelligent_tiering_configurations = "s3:GetIntelligentTieringConfiguration" -> intelligent_tiering_configuration_list: IntelligentTieringConfiguration;
    /// Its configurations of metrics.
    list_bucket_metrics_configurations = "s3:GetMetricsConfiguration" -> metrics_configuration_list: MetricsConfiguration;
    /// Its inventories.
    list_bucket_inventory_configurations = "s3:GetInventoryConfiguration" -> inventory_configuration_list: InventoryConfiguration;
    /// Its analyses.
    list_bucket_analytics_configurations = "s3:GetAnalyticsConfiguration" -> analytics_configuration_list: AnalyticsConfiguration;
}

writes! {
    /// Deletes the bucket, which must be empty.
    delete_bucket = "s3:DeleteBucket", DeleteBucketFluentBuilder;
    /// Replaces all tags.
    put_bucket_tagging = "s3:PutBucketTagging", PutBucketTaggingFluentBuilder;
    /// Sets versioning.
    put_bucket_versioning = "s3:PutBucketVersioning", PutBucketVersioningFluentBuilder;
    /// Replaces the default encryption.
    put_bucket_encryption = "s3:PutEncryptionConfiguration", PutBucketEncryptionFluentBuilder;
    /// Goes back to AWS's own default encryption.
    delete_bucket_encryption = "s3:PutEncryptionConfiguration", DeleteBucketEncryptionFluentBuilder;
    /// Replaces the public access block.
    put_public_access_block = "s3:PutBucketPublicAccessBlock", PutPublicAccessBlockFluentBuilder;
    /// Replaces the object ownership.
    put_bucket_ownership_controls = "s3:PutBucketOwnershipControls", PutBucketOwnershipControlsFluentBuilder;
    /// Replaces the ACL.
    put_bucket_acl = "s3:PutBucketAcl", PutBucketAclFluentBuilder;
    /// Replaces the policy.
    put_bucket_policy = "s3:PutBucketPolicy", PutBucketPolicyFluentBuilder;
    /// Removes the policy.
    delete_bucket_policy = "s3:DeleteBucketPolicy", DeleteBucketPolicyFluentBuilder;
    /// Replaces all lifecycle rules.
    put_bucket_lifecycle_configuration = "s3:PutLifecycleConfiguration", PutBucketLifecycleConfigurationFluentBuilder;
    /// Removes all lifecycle rules.
    delete_bucket_lifecycle = "s3:PutLifecycleConfiguration", DeleteBucketLifecycleFluentBuilder;
    /// Replaces all CORS rules.
    put_bucket_cors = "s3:PutBucketCORS", PutBucketCorsFluentBuilder;
    /// Removes all CORS rules.
    delete_bucket_cors = "s3:PutBucketCORS", DeleteBucketCorsFluentBuilder;
    /// Sets where its use is written down.
    put_bucket_logging = "s3:PutBucketLogging", PutBucketLoggingFluentBuilder;
    /// Replaces the website.
    put_bucket_website = "s3:PutBucketWebsite", PutBucketWebsiteFluentBuilder;
    /// Removes the website.
    delete_bucket_website = "s3:DeleteBucketWebsite", DeleteBucketWebsiteFluentBuilder;
    /// Replaces who is told of events.
    put_bucket_notification_configuration = "s3:PutBucketNotification", PutBucketNotificationConfigurationFluentBuilder;
    /// Sets who pays for requests.
    put_bucket_request_payment = "s3:PutBucketRequestPayment", PutBucketRequestPaymentFluentBuilder;
    /// Turns Transfer Acceleration on or off.
    put_bucket_accelerate_configuration = "s3:PutAccelerateConfiguration", PutBucketAccelerateConfigurationFluentBuilder;
    /// Turns object lock on, and sets its default.
    put_object_lock_configuration = "s3:PutBucketObjectLockConfiguration", PutObjectLockConfigurationFluentBuilder;
    /// Replaces where objects are copied to.
    put_bucket_replication = "s3:PutReplicationConfiguration", PutBucketReplicationFluentBuilder;
    /// Copies nothing any more.
    delete_bucket_replication = "s3:PutReplicationConfiguration", DeleteBucketReplicationFluentBuilder;
    /// Sets one configuration of Intelligent-Tiering.
    put_bucket_intelligent_tiering_configuration = "s3:PutIntelligentTieringConfiguration", PutBucketIntelligentTieringConfigurationFluentBuilder;
    /// Removes one configuration of Intelligent-Tiering.
    delete_bucket_intelligent_tiering_configuration = "s3:PutIntelligentTieringConfiguration", DeleteBucketIntelligentTieringConfigurationFluentBuilder;
    /// Sets one configuration of metrics.
    put_bucket_metrics_configuration = "s3:PutMetricsConfiguration", PutBucketMetricsConfigurationFluentBuilder;
    /// Removes one configuration of metrics.
    delete_bucket_metrics_configuration = "s3:PutMetricsConfiguration", DeleteBucketMetricsConfigurationFluentBuilder;
    /// Sets one inventory.
    put_bucket_inventory_configuration = "s3:PutInventoryConfiguration", PutBucketInventoryConfigurationFluentBuilder;
    /// Removes one inventory.
    delete_bucket_inventory_configuration = "s3:PutInventoryConfiguration", DeleteBucketInventoryConfigurationFluentBuilder;
    /// Sets one analysis.
    put_bucket_analytics_configuration = "s3:PutAnalyticsConfiguration", PutBucketAnalyticsConfigurationFluentBuilder;
    /// Removes one analysis.
    delete_bucket_analytics_configuration = "s3:PutAnalyticsConfiguration", DeleteBucketAnalyticsConfigurationFluentBuilder;
    /// Lets its tags decide who may use it, or not.
    put_bucket_abac = "s3:PutBucketAbac", PutBucketAbacFluentBuilder;
}

/// The call that creates a bucket.
const CREATE: Call = Call::write("s3:CreateBucket");

impl Writes<'_> {
    /// Waits until the bucket can be created.
    ///
    /// # Errors
    /// That there are no credentials, for the provider's fault.
    pub async fn before_creation(&self) -> Result<(), Failed> {
        self.ready(CREATE).await
    }

    /// Creates the bucket at once: its turn is waited for [before](Self::before_creation).
    ///
    /// # Errors
    /// As the other writes.
    pub async fn create_bucket(
        &self,
        fill: impl FnOnce(CreateBucketFluentBuilder) -> CreateBucketFluentBuilder,
    ) -> Result<(), Failed> {
        let call = fill(
            self.client
                .create_bucket()
                .bucket(self.bucket.name.as_ref()),
        );
        self.send(CREATE, call.send()).await.map(drop)
    }
}

impl Tenant {
    /// Asks S3 for as little as there is to ask without a bucket.
    ///
    /// # Errors
    /// AWS's answer, or why there was none.
    pub async fn try_out(&self) -> Result<(), Failed> {
        let call = self.s3(&self.region).list_buckets().max_buckets(1);
        let action = Call::read("s3:ListAllMyBuckets");
        self.ask(action, call.send()).await.map(drop)
    }

    /// The names of all buckets of the account, each with its region if AWS tells it.
    ///
    /// # Errors
    /// AWS's answer, or why there was none.
    pub async fn own_buckets(&self) -> Result<Vec<(String, Option<String>)>, Failed> {
        let client = self.s3(&self.region);
        let action = Call::read("s3:ListAllMyBuckets");
        let (mut all, mut next) = (Vec::new(), None);
        loop {
            let call = client.list_buckets().max_buckets(BUCKETS_AT_ONCE);
            let page = self
                .ask(action, call.set_continuation_token(next).send())
                .await?;
            let found = page.buckets.unwrap_or_default().into_iter();
            all.extend(found.filter_map(|bucket| Some((bucket.name?, bucket.bucket_region))));
            next = page.continuation_token;
            if next.is_none() {
                return Ok(all);
            }
        }
    }
}

impl Reads<'_> {
    /// The region of the bucket if it belongs to the credentials' own account; none if it does not.
    ///
    /// # Errors
    /// AWS's answer, or why there was none.
    pub async fn region_among_own(&self) -> Result<Option<String>, Failed> {
        let name = self.bucket.name.as_ref();
        let action = Call::read("s3:ListAllMyBuckets");
        let mut next = None;
        loop {
            let call = self.client.list_buckets().prefix(name);
            let page = self
                .ask(action, call.set_continuation_token(next).send())
                .await?;
            let mut buckets = page.buckets.unwrap_or_default().into_iter();
            if let Some(found) = buckets.find(|bucket| bucket.name() == Some(name)) {
                return Ok(Some(found.bucket_region.unwrap_or_default()));
            }
            next = page.continuation_token;
            if next.is_none() {
                return Ok(None);
            }
        }
    }
}
