use bytes::Bytes;
use http::Response;

use super::Setting;
use crate::aws::s3::S3Call;

/// A new bucket blocks all public access; moto leaves the setting empty.
///
/// Amazon S3 User Guide, "Default settings for new S3 buckets FAQ" (since April 2023). Once deleted
/// it is gone (`NoSuchPublicAccessBlockConfiguration`), as moto has it.
pub(super) fn block(_: &S3Call) -> Result<Option<Setting>, Box<Response<Bytes>>> {
    Ok(Some(Setting {
        part: "publicAccessBlock",
        body: "<PublicAccessBlockConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
               <BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls>\
               <BlockPublicPolicy>true</BlockPublicPolicy><RestrictPublicBuckets>true</RestrictPublicBuckets>\
               </PublicAccessBlockConfiguration>"
            .into(),
    }))
}
