use sangam_fleet::Percentiles;

/// `p50 / p90 / p99 / max` in milliseconds, a dash where nothing was measured.
pub(super) fn percentiles(spread: Option<&Percentiles>) -> String {
    spread.map_or("-".to_owned(), |spread| {
        let Percentiles { p50_ms, p90_ms, p99_ms, max_ms } = spread;
        format!("{p50_ms:.1} / {p90_ms:.1} / {p99_ms:.1} / {max_ms:.1}")
    })
}
