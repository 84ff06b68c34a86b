//! How often code asks the heap for memory.

use std::alloc::System;

use stats_alloc::{Region, StatsAlloc};

/// The heap allocations of `packets` calls, those that only grew or shrank included, where `heap` is the global allocator
/// of the test. It counts for the whole process: the test harness has a thread of its own that may allocate meanwhile, but
/// not in each of five rounds, of which the lowest counts; a packet that allocates does so in each. So the test must be the
/// only one of its binary.
pub fn allocations(heap: &StatsAlloc<System>, packets: usize, mut packet: impl FnMut()) -> usize {
    let round = |_| {
        let region = Region::new(heap);
        (0..packets).for_each(|_| packet());
        let change = region.change();
        change.allocations + change.reallocations
    };
    (0..5).map(round).min().unwrap_or_default()
}
