//! The form of guards against public access.

use super::tables::structures;

structures! {
    PublicAccessBlockConfiguration {
        block_public_acls => set_block_public_acls, ignore_public_acls => set_ignore_public_acls,
        block_public_policy => set_block_public_policy, restrict_public_buckets => set_restrict_public_buckets,
    }
}
