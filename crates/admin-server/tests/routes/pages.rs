use http::Method;

use crate::server::{From, Server};

#[tokio::test]
async fn pages_are_for_everybody_and_may_load_nothing_from_elsewhere() {
    let server = Server::new();
    for (path, content_type, begins) in [
        ("/", "text/html; charset=utf-8", "<!doctype html>"),
        ("/home.css", "text/css; charset=utf-8", ":root"),
        ("/check/", "text/html; charset=utf-8", "<!doctype html>"),
    ] {
        let answer = server.get(path, &From::Public).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("content-type"), content_type);
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'self'; ") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(answer.body.to_lowercase().starts_with(begins), "{path}");
    }
}

#[tokio::test]
async fn every_file_that_a_page_names_is_served() {
    let server = Server::new();
    for page in ["/", "/check/"] {
        let body = server.get(page, &From::Public).await.body;
        let named = body
            .split([' ', '>'])
            .filter_map(|word| word.strip_prefix("href=\"").or(word.strip_prefix("src=\""))?.strip_suffix('"'));
        let files: Vec<_> = named.filter(|path| path.contains('.')).collect();
        assert!(!files.is_empty(), "{page} names its style");
        for file in files {
            let path = if file.starts_with('/') { file.to_owned() } else { format!("{page}{file}") };
            assert_eq!(server.get(&path, &From::Public).await.status, 200, "{path}");
        }
    }
}

#[tokio::test]
async fn the_page_without_its_slash_is_found_too() {
    let answer = Server::new().get("/check", &From::Public).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (308, "check/"));
}

#[tokio::test]
async fn a_browser_that_holds_a_file_is_not_sent_it_again() {
    let server = Server::new();
    let first = server.get("/home.css", &From::Public).await;
    assert_eq!(first.header("cache-control"), "no-cache");
    let held = [("if-none-match", first.header("etag"))];
    let second = server.send(Method::GET, "/home.css", &From::Public, &held).await;
    assert_eq!((second.status.as_u16(), second.body.as_str()), (304, ""));
    assert_eq!(second.header("etag"), first.header("etag"));
}
