use crate::DateTime;
use crate::wire::{item, structure};

/// Asks for options that vouchers enabled (TR-069 Amendment 6 Annex A.4.1.4). Deprecated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GetOptions {
    /// Which; empty for all.
    pub option_name: String,
}

/// The options.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GetOptionsResponse {
    /// Each of them.
    pub options: Vec<OptionStruct>,
}

/// An option (`OptionStruct`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OptionStruct {
    /// At most 64 characters.
    pub option_name: String,
    /// The serial number of its voucher.
    pub voucher_sn: u32,
    /// 0 disabled and not set up, 1 enabled and not set up, 2 disabled and set up, 3 enabled and set up.
    pub state: u32,
    /// 0 disabled, 1 enabled until it expires, 2 enabled for good.
    pub mode: u32,
    /// From when.
    pub start_date: DateTime,
    /// Until when, if the mode is 1.
    pub expiration_date: Option<DateTime>,
    /// Whether it may move to another CPE.
    pub is_transferable: bool,
}

structure!(GetOptions { "OptionName" => option_name, });
structure!(GetOptionsResponse { "OptionList" => options, });
structure!(OptionStruct {
    "OptionName" => option_name,
    "VoucherSN" => voucher_sn,
    "State" => state,
    "Mode" => mode,
    "StartDate" => start_date,
    "ExpirationDate" => expiration_date,
    "IsTransferable" => is_transferable,
});
item!(OptionStruct = "OptionStruct", Items);
