use crate::options::Options;
use crate::problem::Problem;

/// Refuses a name that no database, replica or collection can have.
pub(super) fn check(options: &Options, field: &'static str, name: &str) -> Result<(), Problem> {
    let max = options.rules.name_bytes_max;
    let refused = |why: String| Err(Problem::invalid("name", why).field(field));
    match name.len() {
        0 => refused(format!("{field} is empty")),
        len if len > max => refused(format!("{field} has {len} bytes, at most {max} are taken")),
        _ => Ok(()),
    }
}
