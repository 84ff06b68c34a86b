use sangam_config::turnserver_conf::{Verdict, translate};

/// A turnserver.conf from anywhere. Every line that says something is accounted for, once, and reading it again says
/// the same.
pub fn turnserver_conf(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let translation = translate(&text);
    let saying = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).count();
    let of_lines =
        |remark: &&sangam_config::turnserver_conf::Remark| remark.line.is_some() && remark.verdict != Verdict::Honoured;
    let refused = translation.remarks.iter().filter(of_lines).count();
    let accounted = translation.honoured + translation.always + refused + translation.mistakes();
    assert_eq!(accounted, saying, "a line was dropped or counted twice");
    for remark in &translation.remarks {
        assert!(remark.line.is_none_or(|line| (1..=text.lines().count()).contains(&line)), "{remark:?}");
        assert!(remark.option.len() <= SHOWN_BYTES_MAX, "a line of any length is shown whole: {remark:?}");
    }
    let again = translate(&text);
    assert_eq!((again.remarks, again.honoured), (translation.remarks, translation.honoured));
}

/// 40 letters and an ellipsis.
const SHOWN_BYTES_MAX: usize = 43;
