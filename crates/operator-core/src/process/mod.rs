//! The process floor: everything between `main` and the engines.
