use serde_json::Value;

/// Bytes of JSON that may still be kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    used: usize,
    max: usize,
}

impl Budget {
    pub(super) fn new(max: usize) -> Self {
        Self { used: 0, max }
    }

    pub(super) fn used(&self) -> usize {
        self.used
    }

    /// Takes `new` in place of `old`, if that fits.
    pub(super) fn exchange(&mut self, old: usize, new: usize) -> bool {
        let used = self.used.saturating_sub(old).saturating_add(new);
        let fits = used <= self.max || new <= old;
        if fits {
            self.used = used;
        }
        fits
    }

    pub(super) fn release(&mut self, bytes: usize) {
        self.used = self.used.saturating_sub(bytes);
    }
}

/// About what a value has as JSON: escapes and a float's digits are not counted exactly.
pub(super) fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 5,
        Value::Number(_) => 8,
        Value::String(text) => text.len() + 3,
        Value::Array(items) => items.iter().map(size).sum::<usize>() + 2,
        Value::Object(members) => members.iter().map(|(name, value)| name.len() + 4 + size(value)).sum::<usize>() + 2,
    }
}
