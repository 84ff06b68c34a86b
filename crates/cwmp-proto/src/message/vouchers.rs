use crate::Secret;
use crate::wire::structure;

/// Hands vouchers to the CPE, which enable options (TR-069 Amendment 6 Annex A.4.1.3 and C). Deprecated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetVouchers {
    /// Each a signed voucher in Base64.
    pub vouchers: Vec<Secret>,
}

/// The CPE has taken them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetVouchersResponse;

structure!(SetVouchers { "VoucherList" => vouchers, });
structure!(SetVouchersResponse {});
