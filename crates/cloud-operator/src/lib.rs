//! cloud-operator
