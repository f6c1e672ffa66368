//! What is compiled, a gateway takes; what is whole, is compiled. The gateway is the strict one of the tests, with
//! rules of its own.

mod lines;
mod mutations;
mod verdicts;
mod whole;
