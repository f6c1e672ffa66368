//! Changes that take something away from users, and were made on purpose.

use anyhow::{Context, Result};
use serde::Deserialize;

/// A fault that is allowed until the next release.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    /// The fault, as the check prints it.
    fault: String,
    /// Why nobody is hurt by it, or why it must be.
    reason: String,
}

/// What the file of exceptions says.
#[derive(Debug, Default)]
pub struct Exceptions(Vec<Exception>);

impl Exceptions {
    /// Reads the file's text.
    ///
    /// # Errors
    /// When it is not a list of faults with their reasons.
    pub fn read(text: &str) -> Result<Self> {
        let all: Vec<Exception> =
            serde_saphyr::from_str(text).context("it must be a list of `fault` and `reason`")?;
        Ok(Self(all))
    }

    /// What is left to be said: faults without an exception, exceptions without a fault or without a reason.
    pub fn judge(&self, faults: Vec<String>) -> Vec<String> {
        let is_excepted = |fault: &String| self.0.iter().any(|it| it.fault.trim() == fault);
        let mut left: Vec<_> = faults
            .iter()
            .filter(|it| !is_excepted(it))
            .cloned()
            .collect();
        for Exception { fault, reason } in &self.0 {
            let fault = fault.trim();
            if reason.trim().is_empty() {
                left.push(format!("an exception without a reason: {fault}"));
            }
            if !faults.iter().any(|found| found == fault) {
                left.push(format!("an exception for what is not found: {fault}"));
            }
        }
        left
    }
}

/// The file's text after a release, which makes every exception a part of what users have: what it says of itself.
pub fn emptied(text: &str) -> String {
    let comment = text.lines().take_while(|line| line.starts_with('#'));
    comment
        .chain(["[]"])
        .map(|line| format!("{line}\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_excepted_with_a_reason_is_let_pass() -> Result<()> {
        let exceptions = Exceptions::read(
            "# Why.\n\
             - fault: 'a.yaml: v1 size: minimum was 1, is 2'\n  reason: nobody has 1\n\
             - fault: |-\n    b.yaml: v1 name: the rule `self != ''''` is new\n  reason: ''\n\
             - fault: long gone\n  reason: it was\n",
        )?;
        let faults = [
            "a.yaml: v1 size: minimum was 1, is 2",
            "a.yaml: v1 size: minimum was 1, is 3",
            "b.yaml: v1 name: the rule `self != ''''` is new",
        ];
        assert_eq!(
            exceptions.judge(faults.map(String::from).into()),
            [
                "a.yaml: v1 size: minimum was 1, is 3",
                "an exception without a reason: b.yaml: v1 name: the rule `self != ''''` is new",
                "an exception for what is not found: long gone",
            ]
        );
        assert!(Exceptions::read("- fault: without a reason\n").is_err());
        Ok(())
    }

    #[test]
    fn a_release_leaves_what_the_file_says_of_itself() -> Result<()> {
        let text = "# One.\n# Two.\n- fault: a\n  reason: b\n# within\n";
        assert_eq!(emptied(text), "# One.\n# Two.\n[]\n");
        let none = Exceptions::read(&emptied(text))?.judge(Vec::new());
        assert_eq!(none, [""; 0]);
        Ok(())
    }
}
