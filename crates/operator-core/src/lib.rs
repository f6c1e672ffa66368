//! operator-core
