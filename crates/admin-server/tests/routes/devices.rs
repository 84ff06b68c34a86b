use http::Method;
use sangam_control::{DeviceFilter, DeviceOrder};
use sangam_types::Wall;
use serde_json::{Value, json};

use crate::fake_devices::{AT, AT_WALL, ID, IN_PATH, device_json, task_json, test_json};
use crate::server::{Answer, From, Server, bearer, expired, token};

const BASE: &str = "/api/v1/devices";

async fn write(server: &Server, method: Method, path: &str, from: &From, body: &str) -> Answer {
    let length = body.len().to_string();
    server.send_body(method, path, from, &[("content-length", length.as_str())], body).await
}

fn told_of(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.json()["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn devices_come_as_a_page_with_links_to_themselves_and_to_the_next() {
    let server = Server::new();
    let path = format!("{BASE}?limit=1&state=enrolled&tag=a%26b");
    let answer = server.get(&path, &token("admin:read")).await;
    assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, "no-store"));
    let next = format!("{path}&after=12");
    let expected = json!({
        "data": [device_json()], "meta": { "count": 1, "has_more": true }, "links": { "self": path, "next": next },
    });
    assert_eq!(answer.json(), expected);
    let last = server.get(&next, &From::Loopback).await.json();
    assert_eq!((&last["links"]["next"], &last["meta"]["has_more"]), (&Value::Null, &json!(false)));
    let filter = |after| DeviceFilter {
        state: Some("enrolled".to_owned()),
        tag: Some("a&b".to_owned()),
        after,
        limit: 1,
        ..DeviceFilter::default()
    };
    assert_eq!(server.devices.told(), [None, Some(12)].map(|after| format!("devices {:?}", filter(after))));
}

#[tokio::test]
async fn an_id_with_percent_signs_is_encoded_once_more_in_an_address_and_the_link_has_it_so() {
    let server = Server::new();
    let listed = server.get(BASE, &From::Loopback).await.json();
    let link = listed["data"][0]["links"]["self"].as_str().unwrap().to_owned();
    assert_eq!(link, format!("{BASE}/00D09E-Box%2520X-A1"));
    assert_eq!(server.get(&link, &From::Loopback).await.json(), device_json());
    // What was encoded once only is another name.
    assert_eq!(
        told_of(&server.get(&format!("{BASE}/{ID}"), &From::Loopback).await),
        (404, "device_not_found".to_owned())
    );
    assert_eq!(server.devices.told()[1..], ["device 00D09E-Box%20X-A1", "device 00D09E-Box X-A1"]);
}

#[tokio::test]
async fn what_is_known_of_a_device_comes_in_pages() {
    let server = Server::new();
    let parameter = json!({ "path": "Device.A b", "value": "1", "type": "string", "writable": null, "changed_at": AT });
    let change = json!({ "path": "Device.A", "value": "1", "type": "int", "at": AT });
    let event = json!({ "number": 17, "at": AT, "kind": "1 BOOT", "command_key": "", "detail": null });
    let of = format!("{BASE}/{IN_PATH}");
    for (path, member, next) in [
        (
            format!("{of}/parameters?below=Device."),
            &parameter,
            Some(format!("{of}/parameters?below=Device.&after=Device.A%20b")),
        ),
        (format!("{of}/parameters?after=Device.A%20b"), &parameter, None),
        (
            format!("{of}/history?path=Device.A&limit=9"),
            &change,
            Some(format!("{of}/history?path=Device.A&limit=9&after=5.3.1")),
        ),
        (format!("{of}/history?after=5.3.1"), &change, None),
        (format!("{of}/events"), &event, Some(format!("{of}/events?after=17"))),
        (format!("{of}/events?after=17&limit=9"), &event, None),
        (format!("{of}/tasks?state=queued"), &task_json(), Some(format!("{of}/tasks?state=queued&after=7"))),
        ("/api/v1/tasks?after=7".to_owned(), &task_json(), None),
    ] {
        let answer = server.get(&path, &From::Loopback).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["data"]), (200, &json!([member])), "{path}");
        assert_eq!(answer.json()["links"], json!({ "self": path, "next": next }), "{path}");
    }
    assert_eq!(server.get("/api/v1/tasks/7", &From::Loopback).await.json(), task_json());
    let told = [
        format!("parameters {ID} Device. None 100"),
        format!(r#"parameters {ID}  Some("Device.A b") 100"#),
        format!(r#"history {ID} Some("Device.A") None 9"#),
        format!(r#"history {ID} None Some("5.3.1") 100"#),
        format!("events {ID} None 100"),
        format!("events {ID} Some(17) 9"),
        format!(r#"tasks Some("{ID}") Some("queued") None 100"#),
        "tasks None None Some(7) 100".to_owned(),
        "task 7".to_owned(),
    ];
    assert_eq!(server.devices.told(), told);
}

#[tokio::test]
async fn what_is_asked_wrongly_is_refused_with_a_code() {
    let server = Server::new();
    for (path, status, code) in [
        ("/devices?limit=0", 400, "query_invalid"),
        ("/devices?limit=1001", 400, "query_invalid"),
        ("/devices?states=x", 400, "query_invalid"),
        ("/devices?after=x", 400, "query_invalid"),
        ("/devices?state=odd", 400, "order_invalid"),
        ("/devices.csv?limit=1", 400, "query_invalid"),
        ("/devices.csv?state=odd", 400, "order_invalid"),
        ("/devices/%ff", 400, "path_invalid"),
        ("/devices/gone", 404, "device_not_found"),
        ("/devices/busy", 503, "store_unavailable"),
        ("/devices/gone/parameters", 404, "device_not_found"),
        ("/devices/gone/parameters?limit=-1", 400, "query_invalid"),
        ("/devices/gone/history", 404, "device_not_found"),
        ("/devices/cursor/history?after=x", 400, "query_invalid"),
        ("/devices/gone/history?limit=1001", 400, "query_invalid"),
        ("/devices/gone/events", 404, "device_not_found"),
        ("/devices/gone/events?state=x", 400, "query_invalid"),
        ("/devices/gone/events?after=x", 400, "query_invalid"),
        ("/devices/gone/tasks", 404, "device_not_found"),
        ("/devices/gone/nothing", 404, "not_found"),
        ("/devices/import", 405, "method_not_allowed"),
        ("/tasks?after=-1", 400, "query_invalid"),
        ("/tasks/x", 400, "path_invalid"),
        ("/tasks/9", 404, "task_not_found"),
    ] {
        let answer = server.get(&format!("/api/v1{path}"), &From::Loopback).await;
        assert_eq!(told_of(&answer), (status, code.to_owned()), "{path}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
}

#[tokio::test]
async fn an_order_that_cannot_be_is_refused_with_a_code() {
    let server = Server::new();
    let reboot = r#"{"kind":"reboot"}"#;
    for (method, path, body, status, code) in [
        (Method::POST, "/devices/gone/tasks", reboot, 404, "device_not_found"),
        (Method::POST, "/devices/wrong/tasks", reboot, 400, "order_invalid"),
        (Method::POST, "/devices/many/tasks", reboot, 429, "too_many_tasks"),
        (Method::POST, "/devices/key/tasks", reboot, 422, "idempotency_key_used"),
        (Method::POST, "/devices/busy/tasks", reboot, 503, "store_unavailable"),
        (Method::DELETE, "/tasks/8", "", 409, "task_not_queued"),
        (Method::DELETE, "/tasks/9", "", 404, "task_not_found"),
        (Method::PUT, "/devices/wrong/state", r#"{"state":"x"}"#, 400, "order_invalid"),
        (Method::DELETE, "/devices/gone", "", 404, "device_not_found"),
        (Method::PUT, "/devices/gone/tags/a", "", 404, "device_not_found"),
        (Method::POST, "/devices/gone/login/forget", "", 404, "device_not_found"),
    ] {
        let answer = write(&server, method, &format!("/api/v1{path}"), &token("admin:write"), body).await;
        assert_eq!(told_of(&answer), (status, code.to_owned()), "{path}");
    }
    server.devices.told();
    let of = format!("{BASE}/{IN_PATH}");
    for (method, path, body) in [
        (Method::POST, "/tasks", ""),
        (Method::POST, "/tasks", r#"{"kind":"reboot","kinds":1}"#),
        (Method::POST, "/tasks", r#"{"kind":"reboot","expires":"tomorrow"}"#),
        (Method::POST, "/tasks", r#"{"kind":"reboot","priority":256}"#),
        (Method::PUT, "/state", "{}"),
    ] {
        let answer = write(&server, method, &format!("{of}{path}"), &token("admin:write"), body).await;
        assert_eq!(told_of(&answer), (400, "body_invalid".to_owned()), "{path} {body}");
    }
    assert_eq!(server.devices.told(), Vec::<String>::new(), "nothing was ordered");
}

#[tokio::test]
async fn changing_something_needs_a_token_with_the_write_scope_from_everywhere() {
    let server = Server::new();
    let of = format!("{BASE}/{IN_PATH}");
    let order = format!(
        "order {ID} {:?}",
        DeviceOrder {
            kind: "reboot".to_owned(),
            payload: Value::Null,
            priority: 0,
            not_before: None,
            expires: None,
            ordered_by: "alice".to_owned(),
            idempotency_key: None,
            call: true,
            wait: None,
        }
    );
    let imported = r#"import DeviceImport(00D09E Box A1 [] has_login=false)"#.to_owned();
    let line = r#"{"oui":"00d09e","product_class":"Box","serial_number":"A1"}"#;
    for (method, path, body, status, told) in [
        (Method::PUT, format!("{of}/state"), r#"{"state":"enrolled"}"#, 200, format!("state {ID} enrolled")),
        (Method::PUT, format!("{of}/tags/a%2Fb"), "", 200, format!("tag {ID} a/b true")),
        (Method::DELETE, format!("{of}/tags/a%2Fb"), "", 200, format!("tag {ID} a/b false")),
        (Method::POST, format!("{of}/login/forget"), "", 200, format!("forget {ID}")),
        (Method::POST, format!("{of}/tasks"), r#"{"kind":"reboot"}"#, 201, order),
        (Method::DELETE, of.clone(), "", 204, format!("remove {ID}")),
        (Method::DELETE, "/api/v1/tasks/7".to_owned(), "", 200, "cancel 7".to_owned()),
        (Method::POST, format!("{BASE}/import"), line, 200, imported),
    ] {
        for (from, refusal) in [
            (From::Loopback, (401, "token_required")),
            (From::Allowed, (401, "token_required")),
            (token("admin:read"), (403, "scope_required")),
            (expired("admin:write"), (401, "token_expired")),
        ] {
            let answer = write(&server, method.clone(), &path, &from, body).await;
            assert_eq!(told_of(&answer), (refusal.0, refusal.1.to_owned()), "{method} {path} {from:?}");
            assert_eq!(server.devices.told(), Vec::<String>::new());
        }
        let done = write(&server, method.clone(), &path, &token("admin:write"), body).await;
        assert_eq!(done.status.as_u16(), status, "{method} {path} {}", done.body);
        assert_eq!(server.devices.told(), [told]);
    }
}

#[tokio::test]
async fn an_order_says_when_how_urgent_and_by_which_key_it_is_one() {
    let server = Server::new();
    let body = r#"{"kind":"set_values","payload":{"values":[]},"priority":9,"not_before":"2023-11-14T22:13:20Z",
        "expires":"2023-11-14T22:13:20.5Z"}"#;
    let length = body.len().to_string();
    let headers = [("content-length", length.as_str()), ("idempotency-key", "k1")];
    let path = format!("{BASE}/{IN_PATH}/tasks");
    let answer = server.send_body(Method::POST, &path, &token("admin:write"), &headers, body).await;
    assert_eq!((answer.status.as_u16(), answer.json()), (201, task_json()));
    let order = DeviceOrder {
        kind: "set_values".to_owned(),
        payload: json!({ "values": [] }),
        priority: 9,
        not_before: Some(AT_WALL),
        expires: Some(Wall::from_unix_millis(1_700_000_000_500)),
        ordered_by: "alice".to_owned(),
        idempotency_key: Some("k1".to_owned()),
        call: true,
        wait: None,
    };
    assert_eq!(server.devices.told(), [format!("order {ID} {order:?}")]);
}

#[tokio::test]
async fn a_token_opens_it_as_an_api_key_too_and_two_that_differ_open_nothing() {
    let server = Server::new();
    let key = |scope: &str| match token(scope) {
        From::Token(authorization) => authorization.strip_prefix("Bearer ").unwrap().to_owned(),
        from => panic!("{from:?}"),
    };
    let (read, write) = (key("admin:read"), key("admin:write"));
    for path in [BASE, "/api/v1/tasks", "/api/v1/system/health", "/api/v1/sync/databases", "/metrics"] {
        let answer = server.send(Method::GET, path, &From::Public, &[("x-api-key", &read)]).await;
        assert_eq!(answer.status, 200, "{path}");
        let refused = server.send(Method::GET, path, &token("admin:write"), &[("x-api-key", &read)]).await;
        assert_eq!(told_of(&refused), (400, "tokens_differ".to_owned()), "{path}");
        assert!(refused.header("www-authenticate").contains("invalid_request"));
    }
    server.devices.told();
    let path = format!("{BASE}/{IN_PATH}/login/forget");
    let refused = server.send(Method::POST, &path, &From::Loopback, &[("x-api-key", &read)]).await;
    assert_eq!(told_of(&refused), (403, "scope_required".to_owned()));
    let refused = server.send(Method::POST, &path, &token("admin:read"), &[("x-api-key", &write)]).await;
    assert_eq!(told_of(&refused), (400, "tokens_differ".to_owned()));
    assert_eq!(server.devices.told(), Vec::<String>::new());
    let done = server.send(Method::POST, &path, &From::Public, &[("x-api-key", &write)]).await;
    assert_eq!(done.status, 200);
    assert_eq!(server.devices.told(), [format!("forget {ID}")]);
}

#[tokio::test]
async fn all_devices_come_as_a_table_whose_cells_run_nothing_in_a_spreadsheet() {
    let server = Server::new();
    let answer = server.get(&format!("{BASE}.csv?tag=lab"), &From::Loopback).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "text/csv; charset=utf-8"));
    let row = format!("{ID},00D09E,Box X,A1,,enrolled,\"'=Maker\",\"M, 1\",,1.0,lab,300,{AT},{AT},");
    let lines: Vec<&str> = answer.body.split_terminator("\r\n").collect();
    assert!(lines[0].starts_with("id,oui,product_class,serial_number,"), "{}", lines[0]);
    assert_eq!(lines[1..], [row.as_str(), row.as_str()], "both pages");
    let filter = |after| DeviceFilter { tag: Some("lab".to_owned()), after, limit: 1_000, ..DeviceFilter::default() };
    assert_eq!(server.devices.told(), [None, Some(12)].map(|after| format!("devices {:?}", filter(after))));
}

#[tokio::test]
async fn each_line_of_an_import_is_done_or_refused_by_itself_and_no_password_is_told() {
    let server = Server::new();
    let body = "{\"oui\":\"00d09e\",\"product_class\":\"Box\",\"serial_number\":\"A1\",\"tags\":[\"t\"],\"username\":\"u\",\"password\":\"hush\"}\n\
        \n\
        {\"oui\":\"00D09E\",\"product_class\":\"Box\",\"serial_number\":\"A1\"}\r\n\
        {\"oui\":\"00D09E\",\"serial_number\":\"full\",\"password\":\"hush\"}\n\
        {\"oui\":\"00D09E\",\"serial_number\":\"full\"}\n\
        {\"password\":\"hush\n\
        {\"oui\":\"0\",\"serial_number\":\"wrong\"}";
    let answer = write(&server, Method::POST, &format!("{BASE}/import"), &token("admin:write"), body).await;
    let answered = answer.json();
    let results: Vec<(u64, &str, &str)> = answered["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["line"].as_u64().unwrap(), it["result"].as_str().unwrap(), it["code"].as_str().unwrap_or("")))
        .collect();
    let expected = [
        (1, "created", ""),
        (3, "refused", "line_repeated"),
        (4, "refused", "body_invalid"),
        (5, "refused", "devices_full"),
        (6, "refused", "body_invalid"),
        (7, "refused", "order_invalid"),
    ];
    assert_eq!(results, expected);
    assert_eq!(answered["data"][0]["id"], ID);
    assert_eq!(answered["meta"], json!({ "count": 6, "created": 1, "changed": 0, "unchanged": 0, "refused": 5 }));
    assert!(!answer.body.contains("hush"), "{}", answer.body);
    let told = server.devices.told();
    assert_eq!(told[0], r#"import DeviceImport(00D09E Box A1 ["t"] has_login=true)"#);
    assert_eq!(told.len(), 3, "{told:?}");
}

#[tokio::test]
async fn an_import_has_a_bound_of_its_own() {
    let server = Server::new();
    let path = format!("{BASE}/import");
    let more_than_others = format!("{}\n", " ".repeat(100_000));
    let answer = write(&server, Method::POST, &path, &token("admin:write"), &more_than_others).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["meta"]["count"]), (200, &json!(0)));
    let answer = write(&server, Method::POST, &path, &token("admin:write"), &" ".repeat((1 << 20) + 1)).await;
    assert_eq!(told_of(&answer), (413, "body_too_large".to_owned()));
    let answer = write(&server, Method::POST, &path, &token("admin:write"), &"{}\n".repeat(10_001)).await;
    assert_eq!(told_of(&answer), (400, "body_invalid".to_owned()));
    assert_eq!(server.devices.told(), Vec::<String>::new());
}

#[tokio::test]
async fn reading_needs_the_read_scope_from_beyond_this_machine() {
    let server = Server::new();
    let paths = ["", ".csv", "/gone", "/gone/parameters", "/gone/history", "/gone/events", "/gone/tasks", "/import"];
    for path in paths.map(|path| format!("{BASE}{path}")).into_iter().chain(["/api/v1/tasks/7".to_owned()]) {
        assert_eq!(server.get(&path, &From::Public).await.status, 401, "{path}");
        assert_eq!(server.get(&path, &token("metrics:read")).await.status, 403, "{path}");
        assert_eq!(server.get(&path, &bearer(b'x', "admin:read", 7_200)).await.status, 401, "{path}");
    }
    assert_eq!(server.devices.told(), Vec::<String>::new());
}

#[tokio::test]
async fn a_server_that_manages_no_devices_says_so_to_those_who_may_ask() {
    let server = Server::without_devices();
    for path in ["devices", "devices.csv", "devices/a", "devices/a/history", "devices/a/tasks", "tasks", "tasks/1"] {
        let path = format!("/api/v1/{path}");
        assert_eq!(told_of(&server.get(&path, &From::Loopback).await), (404, "no_devices".to_owned()), "{path}");
        assert_eq!(server.get(&path, &From::Public).await.status, 401, "{path}");
    }
    let answer = write(&server, Method::POST, &format!("{BASE}/import"), &token("admin:write"), "").await;
    assert_eq!(told_of(&answer), (404, "no_devices".to_owned()));
}

#[tokio::test]
async fn an_order_may_wait_for_its_end_and_leave_its_device_uncalled() {
    let server = Server::new();
    let path = format!("{BASE}/{IN_PATH}/tasks?wait=10s");
    let body = r#"{"kind":"reboot","call":false}"#;
    let answer = server.send_body(Method::POST, &path, &token("admin:write"), &[], body).await;
    assert_eq!(answer.status.as_u16(), 201);
    let told = server.devices.told().concat();
    assert!(told.contains("call: false, wait: Some(10s)"), "{told}");
    let path = format!("{BASE}/{IN_PATH}/tasks?wait=soon");
    let answer = server.send_body(Method::POST, &path, &token("admin:write"), &[], body).await;
    assert_eq!((answer.status.as_u16(), server.devices.told()), (400, vec![]));
}

#[tokio::test]
async fn a_test_is_ordered_with_its_kind_and_inputs_and_tests_come_in_pages() {
    let server = Server::new();
    let of = format!("{BASE}/{IN_PATH}/diagnostics");
    let body = r#"{"kind":"ping","inputs":{"host":"192.0.2.9"},"priority":2,"call":false}"#;
    let answer = write(&server, Method::POST, &of, &token("admin:write"), body).await;
    assert_eq!((answer.status.as_u16(), answer.json()), (201, test_json()));
    let told = server.devices.told();
    assert!(told[0].starts_with(&format!("order {ID} DeviceOrder {{ kind: \"diagnostics\", priority: 2")), "{told:?}");
    assert_eq!(told[1], "diagnostic 7");
    for (path, next) in [
        (format!("{of}?kind=ping&limit=1"), Some(format!("{of}?kind=ping&limit=1&after=7"))),
        ("/api/v1/diagnostics?after=7".to_owned(), None),
    ] {
        let answer = server.get(&path, &From::Loopback).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["data"]), (200, &json!([test_json()])), "{path}");
        assert_eq!(answer.json()["links"], json!({ "self": path, "next": next }), "{path}");
    }
    let told =
        [format!(r#"diagnostics Some("{ID}") Some("ping") None 1"#), "diagnostics None None Some(7) 100".to_owned()];
    assert_eq!(server.devices.told(), told);
    assert_eq!(server.get("/api/v1/diagnostics/7", &From::Loopback).await.json(), test_json());
    let missing = server.get("/api/v1/diagnostics/9", &From::Loopback).await;
    assert_eq!(told_of(&missing), (404, "diagnostic_not_found".to_owned()));
    let reader = write(&server, Method::POST, &of, &token("admin:read"), body).await;
    assert_eq!(reader.status.as_u16(), 403);
}
