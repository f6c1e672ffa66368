use bytes::Bytes;
use http::Response;

use super::Setting;
use crate::aws::s3::S3Call;

/// A new bucket enforces its owner's ownership, unless the request says otherwise; moto leaves the
/// setting empty.
///
/// Amazon S3 User Guide, "Setting Object Ownership when you create a bucket" (Bucket owner enforced
/// is the default). Once deleted it is gone (`OwnershipControlsNotFoundError`), as moto has it.
pub(super) fn controls(call: &S3Call) -> Result<Option<Setting>, Box<Response<Bytes>>> {
    // moto reads the header itself.
    let chosen = call.headers.contains_key("x-amz-object-ownership");
    Ok((!chosen).then(|| Setting {
        part: "ownershipControls",
        body: "<OwnershipControls xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
               <Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule></OwnershipControls>"
            .into(),
    }))
}
