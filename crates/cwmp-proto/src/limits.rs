/// What a peer can make [`decode`](crate::decode()) hold and do. Each bound that is passed refuses the message with a
/// [reason](crate::SoapError::reason) of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SoapLimits {
    /// Bytes of an HTTP body. A GetParameterValues of a whole TR-181 tree is some 120 bytes a parameter.
    pub body_bytes: usize,
    /// Elements within elements. CWMP needs seven.
    pub depth: usize,
    /// Elements of a message: three for a parameter.
    pub elements: usize,
    /// Attributes of an element, namespace declarations included.
    pub attributes: usize,
    /// Bytes of one start tag: its name and all its attributes.
    pub tag_bytes: usize,
    /// Bytes of the text of one element.
    pub text_bytes: usize,
    /// Elements of a SOAP header.
    pub header_fields: usize,
    /// Events of an Inform. The schemas say 64.
    pub events: usize,
    /// Parameters of a list: values, names or attributes.
    pub parameters: usize,
    /// Items of any other list: methods, transfers, operations, results, options, vouchers, faults of parameters.
    pub items: usize,
    /// Comments and processing instructions of a message.
    pub asides: usize,
}

impl Default for SoapLimits {
    fn default() -> Self {
        Self {
            body_bytes: 2 * 1_024 * 1_024,
            depth: 32,
            elements: 65_536,
            attributes: 32,
            tag_bytes: 8 * 1_024,
            text_bytes: 256 * 1_024,
            header_fields: 16,
            events: 64,
            parameters: 5_000,
            items: 512,
            asides: 64,
        }
    }
}
