/// How much one record or message may make its reader hold. What goes beyond is refused before anything of it is allocated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UspLimits {
    /// Bytes of an encoded Record. Default 1 MiB: the supported data model of a large gateway is some hundred kilobytes.
    pub record_bytes_max: usize,
    /// Bytes of an encoded message, also one put together from segments. Default 4 MiB.
    pub message_bytes_max: usize,
    /// Fields of a record or message at all depths together. Default 100,000: ten thousand supported parameters are some
    /// fifty thousand fields; as decoded values of at most 200 bytes each the worst is 20 MB for the time of one call.
    pub elements_max: usize,
    /// How deep messages may lie in each other. Default 12: the deepest of TR-369 lies 8 deep.
    pub depth_max: usize,
    /// Bytes of a message id, a subscription id or a command key. Default 256.
    pub id_bytes_max: usize,
}

impl Default for UspLimits {
    fn default() -> Self {
        Self {
            record_bytes_max: 1 << 20,
            message_bytes_max: 4 << 20,
            elements_max: 100_000,
            depth_max: 12,
            id_bytes_max: 256,
        }
    }
}
