use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs what works on a peer's bytes in code that is not ours and asserts here and there. A peer must not end the process:
/// what panics costs that one link. The state touched is that link's alone, and it is thrown away.
pub(super) fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}
