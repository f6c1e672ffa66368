//! Emptying a bucket that is to be deleted: a bounded piece in each pass, from the beginning each time, so that it
//! goes on wherever the last one ended.

use aws_sdk_s3::{
    operation::list_object_versions::ListObjectVersionsOutput, types::ObjectIdentifier,
};
use crd_types::aws::v1alpha1::Emptying;
use operator_core::{cluster::leading::Leading, decide::outcome::Fault};

use super::reasons;
use crate::aws::{After, Bucket, Tenant, Undeleted};

/// How many pages of a thousand versions one pass removes.
const PAGES: usize = 10;
/// How many uploads one pass gives up; each is a call.
const UPLOADS: usize = 100;
/// How many characters of an object's key are shown.
const LONGEST_KEY: usize = 128;

/// Removes what `bucket` holds, as much as one pass may, and counts it. Says how far it is; nothing when no
/// object is left.
///
/// # Errors
/// A fault of class `Blocked` when what is left cannot be removed by the operator.
pub(super) async fn empty(
    leading: &Leading,
    tenant: &Tenant,
    bucket: &Bucket,
    so_far: &mut Emptying,
) -> Result<Option<String>, Fault> {
    let (reads, writes) = (tenant.reads(bucket), tenant.writes(leading, bucket));
    let (mut after, mut more) = (After::default(), true);
    let (mut removed, mut kept) = (0, None);
    for _ in 0..PAGES {
        let page = reads.list_object_versions(after).await?;
        let versions = versions(&page);
        let all = versions.len();
        if all > 0 {
            let undeleted = writes.delete_objects(versions).await?;
            let gone = all.saturating_sub(undeleted.len());
            removed += gone;
            so_far.versions_deleted += i64::try_from(gone).unwrap_or(i64::MAX);
            kept = kept.or_else(|| undeleted.into_iter().next());
        }
        more = page.is_truncated.unwrap_or_default();
        if !more {
            break;
        }
        after = After {
            key: page.next_key_marker,
            version: page.next_version_id_marker,
        };
    }
    if let Some(kept) = kept.filter(|_| removed == 0) {
        return Err(stuck(&kept));
    }
    let uploads = reads.list_multipart_uploads().await?.uploads;
    let uploads = uploads.unwrap_or_default();
    more |= uploads.len() > UPLOADS;
    for upload in uploads.iter().take(UPLOADS) {
        if let (Some(key), Some(id)) = (upload.key(), upload.upload_id()) {
            match writes.abort_multipart_upload(key, id).await {
                Err(failed) if !failed.is(&["NoSuchUpload"]) => return Err(failed.into()),
                _ => so_far.uploads_aborted += 1,
            }
        }
    }
    // What was refused in a pass that removed others is looked at once more.
    more |= removed > 0;
    Ok(more.then(|| {
        format!(
            "{bucket} is being emptied before it is deleted: {} objects, versions and delete markers removed, {} \
             uploads given up so far",
            so_far.versions_deleted, so_far.uploads_aborted
        )
    }))
}

fn versions(page: &ListObjectVersionsOutput) -> Vec<ObjectIdentifier> {
    let versions = page.versions().iter().map(|it| (&it.key, &it.version_id));
    let markers = page
        .delete_markers()
        .iter()
        .map(|it| (&it.key, &it.version_id));
    let identifier = |(key, version): (&Option<String>, &Option<String>)| {
        let identifier = ObjectIdentifier::builder()
            .key(key.as_ref()?)
            .set_version_id(version.clone());
        identifier.build().ok()
    };
    versions.chain(markers).filter_map(identifier).collect()
}

/// Nothing more can be removed.
fn stuck(kept: &Undeleted) -> Fault {
    let Undeleted {
        key,
        code,
        label,
        message,
    } = kept;
    let key: String = key.chars().take(LONGEST_KEY).collect();
    let text = format!(
        "the bucket cannot be emptied; AWS keeps {key:?}: {code}: {message}; the operator lifts neither a retention \
         or legal hold of object lock nor MFA delete, and needs s3:DeleteObject and s3:DeleteObjectVersion: remove \
         the object yourself, or keep the bucket with deletionPolicy Retain or Orphan"
    );
    Fault::blocked(reasons::OBJECTS_KEPT, text).with_code(*label)
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::types::Error;

    use super::*;

    #[test]
    fn a_code_that_a_store_invents_is_told_and_is_no_label() {
        for (code, label) in [("AccessDenied", "AccessDenied"), ("Locked7f3a", "Other")] {
            let error = Error::builder().key("key").code(code).message("no").build();
            let fault = stuck(&error.into());
            assert!(fault.message.contains(&format!("{code}: no")), "{fault}");
            assert_eq!(fault.code, label);
        }
    }
}
