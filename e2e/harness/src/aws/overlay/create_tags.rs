use bytes::Bytes;
use http::{Response, StatusCode};
use serde::{Deserialize, Serialize};

use super::Setting;
use crate::aws::refusal;
use crate::aws::s3::S3Call;

/// The tags in the request that makes a bucket are the bucket's; moto ignores them.
///
/// Amazon S3 API Reference, `CreateBucket`, `CreateBucketConfiguration`, `Tags`.
pub(super) fn tags(call: &S3Call) -> Result<Option<Setting>, Box<Response<Bytes>>> {
    if call.body.is_empty() {
        return Ok(None);
    }
    let malformed = || {
        let message = "The XML you provided was not well-formed or did not validate against our published schema";
        Box::new(refusal::s3(
            StatusCode::BAD_REQUEST,
            "MalformedXML",
            message,
        ))
    };
    let text = std::str::from_utf8(&call.body).map_err(|_| malformed())?;
    let configuration: Configuration = quick_xml::de::from_str(text).map_err(|_| malformed())?;
    let Some(tags) = configuration.tags.filter(|tags| !tags.tag.is_empty()) else {
        return Ok(None);
    };
    let body = quick_xml::se::to_string(&Tagging { set: tags }).map_err(|_| malformed())?;
    Ok(Some(Setting {
        part: "tagging",
        body,
    }))
}

#[derive(Deserialize)]
struct Configuration {
    #[serde(rename = "Tags")]
    tags: Option<TagSet>,
}

#[derive(Serialize)]
#[serde(rename = "Tagging")]
struct Tagging {
    #[serde(rename = "TagSet")]
    set: TagSet,
}

#[derive(Deserialize, Serialize)]
struct TagSet {
    #[serde(rename = "Tag", default)]
    tag: Vec<Tag>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: String,
    value: String,
}
