//! The form of CORS rules.

use super::tables::{structures, wrappers};

wrappers! {
    CorsConfiguration(checked) { cors_rules => set_cors_rules }
}
structures! {
    CorsRule(checked) {
        allowed_origins => set_allowed_origins, allowed_methods => set_allowed_methods,
        allowed_headers => set_allowed_headers, expose_headers => set_expose_headers,
        max_age_seconds => set_max_age_seconds,
    }
}
