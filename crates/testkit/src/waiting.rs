use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Long enough for a busy machine with two cores; a test that passes never waits this long.
pub const WAIT_MAX: Duration = Duration::from_secs(30);

/// Asks again and again until the answer is there.
///
/// # Errors
/// After `limit` without an answer: names `what` was waited for. An error of the question itself ends the wait.
pub fn wait_until<T>(what: &str, limit: Duration, mut ask: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let began = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        if began.elapsed() > limit {
            bail!("waited {} s for {what}, in vain", limit.as_secs());
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_ends_with_the_answer_the_error_or_the_limit() {
        let mut left = 3;
        let counted = wait_until("three", WAIT_MAX, || {
            left -= 1;
            Ok((left == 0).then_some("there"))
        });
        assert_eq!(counted.unwrap(), "there");
        assert!(wait_until::<()>("an error", WAIT_MAX, || bail!("broken")).is_err());
        let late = wait_until::<()>("Godot", Duration::ZERO, || Ok(None)).unwrap_err();
        assert!(late.to_string().contains("Godot"), "{late}");
    }
}
