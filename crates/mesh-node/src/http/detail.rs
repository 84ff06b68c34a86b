//! What is wrong with a body, as clients of the original read it (<https://fastapi.tiangolo.com/tutorial/handling-errors/>).

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::answer::refused;

/// Of what was sent no more is said back.
const INPUT_BYTES_MAX: usize = 1_024;

/// What is wrong with one place of a body.
#[derive(Clone, Debug)]
pub(super) struct Detail(Value);

impl Detail {
    /// A member is not there.
    pub(super) fn missing(member: &str, whole: &RawValue) -> Self {
        Self::new("missing", &["body", member], "Field required", input(whole))
    }

    /// A member is no text.
    pub(super) fn not_text(member: &str, value: &RawValue) -> Self {
        Self::new("string_type", &["body", member], "Input should be a valid string", input(value))
    }

    fn new(r#type: &str, loc: &[&str], msg: &str, input: Value) -> Self {
        Self(json!({ "type": r#type, "loc": loc, "msg": msg, "input": input }))
    }
}

/// All that is wrong with a body: the answer 422.
#[derive(Clone, Debug)]
pub(super) struct Unprocessable(pub(super) Vec<Detail>);

impl IntoResponse for Unprocessable {
    fn into_response(self) -> Response {
        let details: Vec<Value> = self.0.into_iter().map(|detail| detail.0).collect();
        refused(StatusCode::UNPROCESSABLE_ENTITY, details)
    }
}

/// Whether the body is declared as an object or as a model: the original's words differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Dictionary,
    Model,
}

/// Reads a body that must be a JSON object.
pub(super) fn object<T: DeserializeOwned>(body: &[u8], shape: Shape) -> Result<(T, Box<RawValue>), Unprocessable> {
    let wrong = |detail: Detail| Unprocessable(vec![detail]);
    if body.is_empty() {
        return Err(wrong(Detail::new("missing", &["body"], "Field required", Value::Null)));
    }
    let whole: Box<RawValue> = serde_json::from_slice(body)
        .map_err(|_| wrong(Detail::new("json_invalid", &["body"], "JSON decode error", json!({}))))?;
    let (r#type, msg) = match shape {
        Shape::Dictionary => ("dict_type", "Input should be a valid dictionary"),
        Shape::Model => {
            ("model_attributes_type", "Input should be a valid dictionary or object to extract fields from")
        }
    };
    let members = Some(whole.get()).filter(|it| it.starts_with('{')).and_then(|it| serde_json::from_str(it).ok());
    match members {
        Some(members) => Ok((members, whole)),
        // What fits no struct of optional values is no object. Nor is one that names a member twice, for us.
        None => Err(wrong(Detail::new(r#type, &["body"], msg, input(&whole)))),
    }
}

fn input(value: &RawValue) -> Value {
    if value.get().len() > INPUT_BYTES_MAX {
        return Value::Null;
    }
    serde_json::from_str(value.get()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Members {
        #[serde(default)]
        url: Option<Box<RawValue>>,
    }

    async fn wrong(body: &[u8], shape: Shape) -> Value {
        let response = object::<Members>(body, shape).unwrap_err().into_response();
        assert_eq!(response.status(), 422);
        let bytes = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        serde_json::from_slice::<Value>(&bytes).unwrap()["detail"][0].clone()
    }

    #[tokio::test]
    async fn what_is_no_object_is_named_as_the_original_names_it() {
        assert_eq!(wrong(b"", Shape::Model).await["type"], "missing");
        assert_eq!(wrong(b"{", Shape::Model).await["type"], "json_invalid");
        assert_eq!(wrong(b"\xff", Shape::Model).await["type"], "json_invalid");
        let list = wrong(b"[1]", Shape::Dictionary).await;
        let expected =
            json!({"type":"dict_type","loc":["body"],"msg":"Input should be a valid dictionary","input":[1]});
        assert_eq!(list, expected);
        assert_eq!(wrong(b"5", Shape::Model).await["type"], "model_attributes_type");
        let twice = br#"{"url":1,"url":2}"#;
        assert_eq!(wrong(twice, Shape::Model).await["type"], "model_attributes_type");
        let long = format!("[{}1]", "1,".repeat(INPUT_BYTES_MAX));
        assert_eq!(wrong(long.as_bytes(), Shape::Model).await["input"], Value::Null);
    }

    #[test]
    fn an_object_is_read_whatever_else_it_holds() {
        let (members, _) = object::<Members>(br#" {"url":"x","more":[1]}"#, Shape::Model).unwrap();
        assert_eq!(members.url.unwrap().get(), "\"x\"");
        let (members, _) = object::<Members>(b"{}", Shape::Model).unwrap();
        assert!(members.url.is_none());
    }
}
