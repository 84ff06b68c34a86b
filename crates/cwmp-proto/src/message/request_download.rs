use crate::wire::{item, structure};

/// A CPE asks the ACS for a Download (TR-069 Amendment 6 Annex A.4.2.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestDownload {
    /// Such as `1 Firmware Upgrade Image`.
    pub file_type: String,
    /// What else there is to say of the file: at most 16.
    pub arguments: Vec<ArgStruct>,
}

/// A name and a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArgStruct {
    /// At most 64 characters.
    pub name: String,
    /// At most 256 characters.
    pub value: String,
}

/// The ACS has taken note of a [`RequestDownload`]; whether a Download follows is its decision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestDownloadResponse;

structure!(RequestDownload { "FileType" => file_type, "FileTypeArg" => arguments, });
structure!(RequestDownloadResponse {});
structure!(ArgStruct { "Name" => name, "Value" => value, });
item!(ArgStruct = "ArgStruct", Items);
