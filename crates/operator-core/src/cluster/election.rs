#![allow(missing_docs)]
use super::leading::Leading;
#[derive(Clone)]
pub struct Leadership;
impl Leadership { pub async fn gained(&mut self) -> Leading { std::future::pending().await } pub async fn lost(&mut self) {} }
