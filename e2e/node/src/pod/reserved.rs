//! Variables that no container here can have: the shell and the other programs that make a container run with its
//! variables, and would be led by these.

const NAMES: [&str; 7] = [
    "BASHOPTS",
    "BASH_ENV",
    "ENV",
    "GCONV_PATH",
    "GLIBC_TUNABLES",
    "PATH",
    "SHELLOPTS",
];
const PREFIXES: [&str; 3] = ["BASH_FUNC_", "LD_", "LIBMOUNT_"];

/// Whether a spec may give a container this variable.
///
/// # Errors
/// Why not.
pub fn check(variable: &str) -> Result<(), String> {
    if NAMES.contains(&variable) || PREFIXES.iter().any(|it| variable.starts_with(it)) {
        return Err(format!(
            "the variable {variable} would lead the programs of this node that make the container, too; it supports others"
        ));
    }
    Ok(())
}
