//! Which device: TR-069 §3.4.4 (`DeviceIdStruct`) and the endpoint identifiers of TR-369 §2.

mod endpoint;
mod key;
mod percent;

pub use endpoint::{EndpointId, EndpointSays};
pub use key::{DeviceKey, Oui, ProductClass, SerialNumber};

/// Why a text names no device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The OUI is not six hexadecimal digits.
    #[error("the OUI must be six hexadecimal digits")]
    Oui,
    /// The product class is out of bounds.
    #[error("the product class is not usable: {0}")]
    ProductClass(#[source] crate::TextError),
    /// The serial number is out of bounds.
    #[error("the serial number is not usable: {0}")]
    SerialNumber(#[source] crate::TextError),
    /// The text form has not three parts, or a part that is not percent-encoded as it must be.
    #[error("it must be OUI-ProductClass-SerialNumber, percent-encoded")]
    Form,
}
