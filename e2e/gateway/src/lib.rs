//! An AVAPIGW gateway for tests.
