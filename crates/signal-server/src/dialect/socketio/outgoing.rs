use bytes::Bytes;
use sangam_socketio_proto::Arguments;
use sangam_types::Text;

use super::echo::Print;
use crate::dialect::object::quoted;

/// An event for a client, encoded. Cheap enough to clone for each of the sockets that are told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Its name and its one argument.
    pub arguments: Arguments,
    /// By which it is known again if the client sends it back; `None` if that would do nothing.
    pub print: Option<Print>,
}

impl Outgoing {
    /// `object` is JSON, and its placeholders name `attachments`.
    pub(super) fn new(name: &str, object: &str, attachments: &[Bytes]) -> Self {
        let json = Text::from(format!("[{},{object}]", quoted(name)));
        let arguments = Arguments::with_attachments(json, attachments.to_vec()).or_else(|_| {
            // Not reached: all JSON here was parsed when it came in, and lost no placeholder since.
            Arguments::new(Text::from(format!("[{},{{}}]", quoted(name))))
        });
        let arguments = arguments.expect("a name and an empty object are JSON");
        let print = Print::of(name, object, attachments);
        Self { arguments, print }
    }
}
