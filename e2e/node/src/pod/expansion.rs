//! `$(NAME)` in commands, arguments and values of variables.
//!
//! As in <https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/>.

/// Puts values in for `$(NAME)`; a name without a value stays as it is, and `$$` is a plain `$`.
pub fn expand<'a>(text: &str, value: impl Fn(&str) -> Option<&'a str>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let named = after.strip_prefix('(').and_then(|it| it.split_once(')'));
        rest = match (after.strip_prefix('$'), named) {
            (Some(rest), _) => {
                out.push('$');
                rest
            }
            (None, Some((name, rest))) => {
                match value(name) {
                    Some(value) => out.push_str(value),
                    None => out.push_str(&format!("$({name})")),
                }
                rest
            }
            (None, None) => {
                out.push('$');
                after
            }
        };
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_values_and_everything_else_stays() {
        let value = |name: &str| match name {
            "A" => Some("1"),
            "EMPTY" => Some(""),
            _ => None,
        };
        for (text, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("$(A)", "1"),
            ("x$(A)y$(EMPTY)z", "x1yz"),
            ("$(B)", "$(B)"),
            ("$$(A)", "$(A)"),
            ("$$$(A)", "$1"),
            ("$A $( $(A", "$A $( $(A"),
            ("a$", "a$"),
            ("$()", "$()"),
        ] {
            assert_eq!(expand(text, value), expected, "{text}");
        }
    }
}
