use std::collections::BTreeSet;
use std::path::Path;

use super::*;

#[test]
fn every_file_of_the_pages_is_built_in() {
    let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web");
    let files = |folder: &str| {
        let names = std::fs::read_dir(web.join(folder)).unwrap().map(|file| file.unwrap().file_name());
        names.map(|name| name.into_string().unwrap()).collect::<Vec<_>>()
    };
    let on_disk: BTreeSet<String> = files("check")
        .into_iter()
        .map(|name| format!("/check/{name}"))
        .chain(files("home").into_iter().map(|name| format!("/{name}")))
        .map(|path| path.strip_suffix("index.html").map(str::to_owned).unwrap_or(path))
        .collect();
    let built_in: BTreeSet<String> = ASSETS.iter().map(|asset| asset.path.to_owned()).collect();
    assert_eq!(built_in, on_disk);
}

#[test]
fn content_types_fit_the_file_names() {
    for asset in ASSETS {
        let expected = match asset.path.rsplit_once('.').map(|(_, end)| end) {
            Some("js") => JS,
            Some("css") => CSS,
            Some("svg") => SVG,
            _ => HTML,
        };
        assert_eq!(asset.content_type, expected, "{}", asset.path);
    }
}

#[test]
fn a_client_that_holds_the_file_is_told_so() {
    let etag = etag(b"abc");
    assert_eq!(etag, "\"ba7816bf8f01cfea414140de5dae2223\"");
    for (value, expected) in [
        ("\"ba7816bf8f01cfea414140de5dae2223\"", true),
        ("W/\"ba7816bf8f01cfea414140de5dae2223\"", true),
        ("\"other\", \"ba7816bf8f01cfea414140de5dae2223\"", true),
        ("*", true),
        ("\"other\"", false),
        ("ba7816bf8f01cfea414140de5dae2223", false),
        ("", false),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(IF_NONE_MATCH, HeaderValue::try_from(value).unwrap());
        assert_eq!(holds(&headers, &etag), expected, "{value}");
    }
    assert!(!holds(&HeaderMap::new(), &etag));
}
