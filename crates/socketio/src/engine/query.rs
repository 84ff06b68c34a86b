use http::Uri;
use sangam_engineio_proto::TransportKind;

/// What the query of a request says. Its words need no percent encoding, so none is undone; of a name that comes twice the
/// last counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query<'a> {
    pub(crate) transport: Option<TransportKind>,
    /// The session that the request is of; `None`: it begins one.
    pub(crate) sid: Option<&'a str>,
    /// Whether `EIO` is 4.
    pub(crate) is_v4: bool,
    /// Whether `b64` says that the client takes binary messages as text alone.
    pub(crate) is_text_only: bool,
}

impl<'a> Query<'a> {
    pub(crate) fn of(uri: &'a Uri) -> Self {
        let mut query = Self::default();
        for pair in uri.query().unwrap_or_default().split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match name {
                "transport" => query.transport = TransportKind::from_query(value),
                "sid" => query.sid = Some(value).filter(|sid| !sid.is_empty()),
                "EIO" => query.is_v4 = value == "4",
                "b64" => query.is_text_only = !value.is_empty(),
                _ => {}
            }
        }
        query
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_a_name_counts_and_an_empty_sid_is_none() {
        let uri = "/socket.io/?EIO=3&transport=x&EIO=4&t=abc&transport=polling&sid=&b64".parse().unwrap();
        let expected = Query { transport: Some(TransportKind::Polling), sid: None, is_v4: true, is_text_only: false };
        assert_eq!(Query::of(&uri), expected);
        assert_eq!(Query::of(&"/socket.io/".parse().unwrap()), Query::default());
        assert!(Query::of(&"/socket.io/?b64=1".parse().unwrap()).is_text_only);
    }
}
