use serde_json::json;

use super::Trial;

pub fn trials() -> Vec<Trial> {
    let role = "arn:aws:iam::111122223333:role/other";
    let key_ref = json!({ "name": "keys", "key": "id" });
    vec![
        Trial::new(
            "must be the name of an object: lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit",
            json!("a-1.b"),
            json!("a_b"),
        ),
        Trial::new(
            "must be the name of a namespace: lower-case letters, digits and '-', beginning and ending with a letter or digit",
            json!("team-a"),
            json!("team.a"),
        ),
        Trial::new(
            "must be a key of a Secret: letters, digits, '-', '_' and '.'",
            json!("a.B_c-1"),
            json!("a/b"),
        ),
        Trial::new(
            "must be a region: lower-case letters, digits and '-', as in eu-central-1",
            json!("rack-4"),
            json!("EU"),
        ),
        Trial::new(
            "must look like a region of AWS, as eu-central-1 does, unless endpoint is set",
            json!({ "region": "us-gov-west-1", "endpoint": null }),
            json!({ "region": "rack-4", "endpoint": null }),
        ),
        Trial::new(
            "must be http(s)://host[:port][/path], with neither user, query nor fragment",
            json!("http://[::1]:5000/base"),
            json!("https://user:word@store.example"),
        ),
        Trial::new(
            "must be the ARN of an IAM role, as in arn:aws:iam::123456789012:role/name",
            json!("arn:aws:iam::123456789012:role/path/name"),
            json!("arn:aws:iam::123456789012:user/somebody"),
        ),
        Trial::new(
            "may hold only letters, digits and _ + = , . @ : / -",
            json!("a_+=,.@:/-Z"),
            json!("a b"),
        ),
        Trial::new(
            "accessKeyIDRef and secretAccessKeyRef go together: give both or neither",
            json!({ "credentialsSecret": null, "accessKeyIDRef": key_ref, "secretAccessKeyRef": key_ref }),
            json!({ "credentialsSecret": null, "accessKeyIDRef": key_ref }),
        ),
        Trial::new(
            "credentialsSecret and accessKeyIDRef exclude each other: give one of them",
            json!({ "credentialsSecret": null, "accessKeyIDRef": key_ref, "secretAccessKeyRef": key_ref }),
            json!({ "accessKeyIDRef": key_ref, "secretAccessKeyRef": key_ref }),
        ),
        Trial::new(
            "roleARN is assumed with the operator's service account token, not with an access key: take the key away, or use assumeRoleARN",
            json!({ "credentialsSecret": null, "roleARN": "arn:aws:iam::111122223333:role/operator" }),
            json!({ "roleARN": "arn:aws:iam::111122223333:role/operator" }),
        ),
        Trial::new(
            "externalID has a use only together with assumeRoleARN",
            json!({ "assumeRoleARN": null, "externalID": null }),
            json!({ "assumeRoleARN": null }),
        ),
        Trial::new(
            "assumeRoleChain and assumeRoleARN exclude each other: give one of them",
            json!({ "assumeRoleChain": [] }),
            json!({ "assumeRoleChain": [{ "roleARN": role }] }),
        ),
        Trial::new(
            "AWS gives a role that is assumed by another role 3600 seconds at most; roleARN is a role, too",
            json!({ "assumeRoleARN": null, "externalID": null, "assumeRoleChain": [
                { "roleARN": role, "durationSeconds": 43200 }, { "roleARN": role, "durationSeconds": 3600 },
            ] }),
            json!({ "assumeRoleARN": null, "externalID": null, "assumeRoleChain": [
                { "roleARN": role }, { "roleARN": role, "durationSeconds": 3601 },
            ] }),
        ),
        Trial::new(
            "roles must be of the partition that the region is in, as aws-cn is that of cn-north-1",
            json!({ "region": "cn-north-1", "endpoint": null, "assumeRoleARN": null, "externalID": null,
                "assumeRoleChain": [{ "roleARN": "arn:aws-cn:iam::111122223333:role/other" }] }),
            json!({ "endpoint": null, "assumeRoleARN": null, "externalID": null,
                "assumeRoleChain": [{ "roleARN": "arn:aws-cn:iam::111122223333:role/other" }] }),
        ),
        Trial::new(
            "webIdentity has a use only together with roleARN",
            json!({ "webIdentity": null }),
            json!({ "webIdentity": { "sessionName": "operator" } }),
        ),
        Trial::new(
            "useFIPSEndpoint and useDualStackEndpoint choose among AWS's own endpoints: take endpoint away, or them",
            json!({ "useFIPSEndpoint": false }),
            json!({ "useDualStackEndpoint": true }),
        ),
        Trial::new(
            "must name only keys of tags",
            json!({ "tags": { "team": "a", "stage": "b" }, "transitiveTagKeys": ["stage"] }),
            json!({ "tags": { "team": "a" }, "transitiveTagKeys": ["stage"] }),
        ),
        Trial::new(
            "may hold only letters, digits and _ + = , . @ -",
            json!("a_+=,.@-Z"),
            json!("a:b"),
        ),
        Trial::new(
            "must be a JSON object: {\"Version\": ..., \"Statement\": ...}",
            json!("{ }\n"),
            json!("[ ]"),
        ),
        Trial::new(
            "must be the ARN of an IAM policy, as in arn:aws:iam::123456789012:policy/name",
            json!("arn:aws:iam::aws:policy/ReadOnlyAccess"),
            json!("arn:aws:iam::123456789012:role/name-of-a-role"),
        ),
        Trial::new(
            "must be an absolute path of letters, digits and . _ - between slashes",
            json!("/var/run/..data/token_1"),
            json!("token"),
        ),
        Trial::new(
            "must not have . or .. between slashes",
            json!("/a/...b"),
            json!("/a/../b"),
        ),
        Trial::new(
            "'*' means all namespaces: list nothing beside it",
            json!({ "allowedNamespaces": ["*"] }),
            json!({ "allowedNamespaces": ["*", "team-a"] }),
        ),
        Trial::new(
            "must be the name of a namespace, or '*' for all",
            json!("team-b"),
            json!("team-*"),
        ),
        Trial::new(
            "the key of a tag must have 1 to 128 characters",
            json!({ "a": "b" }),
            json!({ "": "b" }),
        ),
        Trial::new(
            "keys that begin with 'aws:' belong to AWS",
            json!({ "aws": "x" }),
            json!({ "aws:x": "x" }),
        ),
        Trial::new(
            "keys that begin with 'aws-infra-operator.runner.codes/' belong to the operator's ownership mark",
            json!({ "aws-infra-operator.runner.codes": "x" }),
            json!({ "aws-infra-operator.runner.codes/uid": "x" }),
        ),
        Trial::new(
            "keys and values of tags may hold only letters, digits, spaces and _ . : / = + - @",
            json!({ "größe 1": "_ . : / = + - @" }),
            json!({ "size": "1,5" }),
        ),
        Trial::new(
            "may hold only lower-case letters, digits, '.' and '-', and must begin and end with a letter or digit",
            json!("a.b-c.9"),
            json!("My_Bucket"),
        ),
        Trial::new(
            "must not hold two dots in a row",
            json!("a.b"),
            json!("a..b"),
        ),
        Trial::new(
            "must not look like an IP address",
            json!("1.2.3"),
            json!("192.168.5.4"),
        ),
        Trial::new(
            "must not begin with what AWS reserves: xn--, sthree-, amzn-s3-demo-",
            json!("xn-bucket"),
            json!("xn--bucket"),
        ),
        Trial::new(
            "must not end with what AWS reserves: -s3alias, --ol-s3, .mrap, --x-s3, --table-s3",
            json!("bucket-alias"),
            json!("bucket--ol-s3"),
        ),
        Trial::new(
            "kmsKeyID has a use only with algorithm aws:kms or aws:kms:dsse",
            json!({ "algorithm": "aws:kms:dsse", "kmsKeyID": "alias/key", "bucketKeyEnabled": false }),
            json!({ "algorithm": "AES256", "kmsKeyID": "alias/key" }),
        ),
        Trial::new(
            "bucketKeyEnabled has a use only with algorithm aws:kms",
            json!({ "algorithm": "aws:kms", "bucketKeyEnabled": true }),
            json!({ "algorithm": "aws:kms:dsse", "bucketKeyEnabled": true }),
        ),
        Trial::new(
            "must be the ID, the ARN or the alias (alias/name) of a KMS key",
            json!("arn:aws:kms:eu-west-1:111122223333:key/0a-1b"),
            json!("my key"),
        ),
        Trial::new(
            "a rule needs expiration, transitions, noncurrentVersionExpiration, noncurrentVersionTransitions or \
             abortIncompleteMultipartUpload",
            json!({ "transitions": null }),
            json!({
                "transitions": null, "expiration": null, "noncurrentVersionExpiration": null,
                "noncurrentVersionTransitions": null,
            }),
        ),
        Trial::new(
            "an unfinished upload has neither tags nor a size: use another rule for abortIncompleteMultipartUpload",
            json!({ "abortIncompleteMultipartUpload": null }),
            json!({ "abortIncompleteMultipartUpload": { "daysAfterInitiation": 7 } }),
        ),
        Trial::new(
            "give one of days, date and expiredObjectDeleteMarker",
            json!({ "days": null, "expiredObjectDeleteMarker": true }),
            json!({ "date": "2030-12-31" }),
        ),
        Trial::new(
            "give one of days and date",
            json!({ "days": null, "date": "2030-12-31" }),
            json!({ "days": null }),
        ),
        Trial::new(
            "must be a day as in 2030-12-31",
            json!("2031-01-01"),
            json!("31.12.2030"),
        ),
        Trial::new(
            "must be a JSON object: {\"Version\": \"2012-10-17\", \"Statement\": […]}",
            json!(" {\"Statement\": []}\n"),
            json!("[{}]"),
        ),
        Trial::new(
            "give one of indexDocument and redirectAllRequestsTo",
            json!({ "errorDocument": null }),
            json!({ "indexDocument": null }),
        ),
        Trial::new(
            "nothing stands beside redirectAllRequestsTo",
            json!({
                "indexDocument": null, "errorDocument": null, "routingRules": null,
                "redirectAllRequestsTo": { "hostName": "a" },
            }),
            json!({ "indexDocument": null, "redirectAllRequestsTo": { "hostName": "a" } }),
        ),
        Trial::new(
            "replaceKeyPrefixWith and replaceKeyWith exclude each other",
            json!({ "replaceKeyPrefixWith": null, "replaceKeyWith": "a" }),
            json!({ "replaceKeyWith": "a" }),
        ),
        Trial::new(
            "must be an ARN: arn:partition:service:region:account:resource",
            json!("arn:aws-cn:s3:::bucket"),
            json!("arn:aws:s3:bucket"),
        ),
        Trial::new(
            "give one of days and years",
            json!({ "days": null, "years": 1 }),
            json!({ "years": 1 }),
        ),
        Trial::new(
            "delete markers have no tags: AWS does not copy them for a rule with tags",
            json!({ "deleteMarkerReplication": true, "tags": null }),
            json!({ "deleteMarkerReplication": true }),
        ),
        Trial::new(
            "sseKmsEncryptedObjects and destination.replicaKmsKeyID go together: give both or neither",
            json!({ "sseKmsEncryptedObjects": false, "destination": { "replicaKmsKeyID": null } }),
            json!({ "sseKmsEncryptedObjects": false }),
        ),
        Trial::new(
            "ownerOverride needs accountID",
            json!({ "ownerOverride": false, "accountID": null }),
            json!({ "accountID": null }),
        ),
        Trial::new(
            "replicationTimeControl needs metrics",
            json!({ "replicationTimeControl": false, "metrics": false }),
            json!({ "metrics": false }),
        ),
        Trial::new(
            "may hold only letters, digits, '.', '_' and '-'",
            json!("A.b_c-1"),
            json!("a b"),
        ),
        Trial::new(
            "objectLock needs versioning.enabled: true",
            json!({ "objectLock": null }),
            json!({ "versioning": { "enabled": false }, "replication": null }),
        ),
        Trial::new(
            "replication needs versioning.enabled: true",
            json!({ "versioning": null, "objectLock": null, "replication": null }),
            json!({ "versioning": null, "objectLock": null }),
        ),
        Trial::new(
            "accelerate is not for a bucketName with dots",
            json!({ "accelerate": { "enabled": true } }),
            json!({ "bucketName": "a.bucket", "accelerate": { "enabled": true } }),
        ),
        Trial::new(
            "must be the path of a field below spec, as in versioning, tags.team or lifecycleRules[old].expiration",
            json!("lifecycleRules[a.b].expiration"),
            json!("Tags"),
        ),
        Trial::new(
            "must begin with a part of the bucket: abac, accelerate, acl, analytics, corsRules, encryption, intelligentTiering, inventory, lifecycleRules, logging, metrics, notification, objectLock, ownershipControls, policy, publicAccessBlock, replication, requestPayment, tags, versioning or website",
            json!({ "drift": { "ignore": ["tags.deletionPolicy", "policy", "metrics[a]"] } }),
            json!({ "drift": { "ignore": ["tags.team", "tagsteam"] } }),
        ),
        Trial::new(
            "the tags of the operator's ownership mark cannot be ignored",
            json!({ "drift": { "ignore": ["tags.aws-infra-operator.runner.codes"] } }),
            json!({ "drift": { "ignore": ["tags.aws-infra-operator.runner.codes/uid"] } }),
        ),
        Trial::new(
            "enabled is true: leave objectLock out for a bucket without",
            json!({ "enabled": true }),
            json!({ "enabled": false }),
        ),
        Trial::new(
            "must be GET, PUT, HEAD, POST or DELETE",
            json!("HEAD"),
            json!("PATCH"),
        ),
        Trial::new(
            "must be the twelve digits of an AWS account",
            json!("000000000000"),
            json!("11112222333x"),
        ),
        Trial::new(
            "must be an AWS partition: aws, aws-cn, aws-us-gov …",
            json!("aws-us-gov"),
            json!("azure"),
        ),
    ]
}
