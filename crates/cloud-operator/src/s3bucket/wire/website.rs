//! The form of how a bucket answers as a website.

use super::tables::{structures, words, wrappers};

words!(Protocol);
wrappers! {
    IndexDocument(checked) { suffix => set_suffix }
    ErrorDocument(checked) { key => set_key }
}
structures! {
    WebsiteConfiguration {
        index_document => set_index_document, error_document => set_error_document,
        redirect_all_requests_to => set_redirect_all_requests_to, routing_rules => set_routing_rules,
    }
    RedirectAllRequestsTo(checked) { host_name => set_host_name, protocol => set_protocol }
    RoutingRule { condition => set_condition, redirect => set_redirect }
    Condition {
        http_error_code_returned_equals => set_http_error_code_returned_equals,
        key_prefix_equals => set_key_prefix_equals,
    }
    Redirect {
        host_name => set_host_name, http_redirect_code => set_http_redirect_code, protocol => set_protocol,
        replace_key_prefix_with => set_replace_key_prefix_with, replace_key_with => set_replace_key_with,
    }
}
