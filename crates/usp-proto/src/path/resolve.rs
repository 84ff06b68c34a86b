use super::{Item, Path, PathLimits, Step, Term};
use crate::agent::{DataModel, SupportedModel};
use crate::error_code::ErrorCode;

/// What a path found: concrete paths of objects, with instance numbers and a dot at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolved {
    /// The objects, in the order of the data model.
    pub objects: Vec<String>,
}

/// Why a path found nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ResolveError {
    /// The supported data model has no such object.
    #[error("there is no such object in the data model")]
    Unsupported,
    /// The object that an instance number or a reference names is not there.
    #[error("the object does not exist")]
    Missing,
    /// More objects than [`PathLimits::found_max`].
    #[error("too many objects are found")]
    TooMany,
}

impl ResolveError {
    /// The code that says it.
    #[must_use]
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::Unsupported => ErrorCode::InvalidPath,
            Self::Missing => ErrorCode::ObjectDoesNotExist,
            Self::TooMany => ErrorCode::ResourcesExceeded,
        }
    }
}

/// Finds the objects of a path; what of them it names is for the caller to look at.
///
/// # Errors
/// If the data model has no such object, a path that does not search names one that is not there, or too many are found.
pub fn resolve(model: &dyn DataModel, path: &Path, limits: &PathLimits) -> Result<Resolved, ResolveError> {
    let mut found = vec![Place::default()];
    for step in &path.steps {
        let mut next = Vec::new();
        let mut is_known = found.is_empty();
        for place in found {
            is_known |= place.advance(model, step, &mut next);
            if next.len() > limits.found_max {
                return Err(ResolveError::TooMany);
            }
        }
        if !is_known {
            return Err(ResolveError::Unsupported);
        }
        if next.is_empty() && !path.is_search() {
            return Err(ResolveError::Missing);
        }
        found = next;
    }
    Ok(Resolved { objects: found.into_iter().map(|place| place.path).collect() })
}

/// An object on the way, concrete and as the supported data model writes it.
#[derive(Clone, Debug, Default)]
struct Place {
    path: String,
    supported: String,
}

impl Place {
    /// Takes one step; false if the data model has no such thing here.
    fn advance(self, model: &dyn DataModel, step: &Step, next: &mut Vec<Self>) -> bool {
        let schema = model.supported();
        match step {
            Step::Name(name) => {
                let place = Self { path: self.path + name + ".", supported: self.supported + name + "." };
                let is_known = schema.has(&place.supported);
                next.extend(is_known.then_some(place));
                is_known
            }
            Step::Instance(number) => self.instances(model, next, |instance, _| instance == *number),
            Step::All => self.instances(model, next, |_, _| true),
            Step::Search(terms) => {
                self.instances(model, next, |_, place| terms.iter().all(|term| place.satisfies(model, term)))
            }
            Step::Follow { name, item } => {
                let is_known = schema.parameter(&self.supported, name).is_some();
                next.extend(follow(model, &self.path, name, *item));
                is_known
            }
        }
    }

    fn instances(self, model: &dyn DataModel, next: &mut Vec<Self>, accepts: impl Fn(u32, &Self) -> bool) -> bool {
        if !model.supported().is_table(&self.supported) {
            return false;
        }
        for instance in model.instances(&self.path) {
            let place =
                Self { path: format!("{}{instance}.", self.path), supported: format!("{}{{i}}.", self.supported) };
            if accepts(instance, &place) {
                next.push(place);
            }
        }
        true
    }

    fn satisfies(&self, model: &dyn DataModel, term: &Term) -> bool {
        let Some((last, before)) = term.path.split_last() else { return false };
        let mut objects = vec![self.path.clone()];
        for step in before {
            objects = match step.follow {
                None => objects.into_iter().map(|object| format!("{object}{}.", step.name)).collect(),
                Some(item) => {
                    let followed = objects.iter().flat_map(|object| follow(model, object, &step.name, item));
                    followed.map(|place| place.path).collect()
                }
            };
        }
        let mut values = objects.iter().filter_map(|object| model.value(&format!("{object}{}", last.name)));
        values.any(|value| term.holds(&value))
    }
}

/// The objects that a parameter refers to and that are there.
fn follow(model: &dyn DataModel, object: &str, name: &str, item: Item) -> Vec<Place> {
    let Some(value) = model.value(&format!("{object}{name}")) else { return Vec::new() };
    let references: Vec<&str> = value.split(',').map(str::trim).collect();
    let chosen: Vec<&str> = match item {
        Item::All => references,
        Item::Nth(number) => {
            let index = usize::try_from(number).unwrap_or(usize::MAX) - 1;
            references.get(index).copied().into_iter().collect()
        }
    };
    chosen.into_iter().filter_map(|reference| place_of(model, reference)).collect()
}

fn place_of(model: &dyn DataModel, reference: &str) -> Option<Place> {
    let path = format!("{}.", reference.trim_end_matches('.'));
    let supported = super::to_supported(&path);
    let exists = SupportedModel::has(model.supported(), &supported) && model.exists(&path);
    exists.then_some(Place { path, supported })
}
