//! `Debug` of what may hold a secret: names are shown, values are not.

use std::collections::BTreeMap;
use std::fmt;

use super::{Operate, OutputArgs, ParamSetting, ResolvedPathResult, UpdatedInstanceResult, ValueChange};

/// The names of a map of values.
struct Names<'a>(&'a BTreeMap<String, String>);

impl fmt::Debug for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

impl fmt::Debug for ParamSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParamSetting").field("param", &self.param).field("required", &self.required).finish()
    }
}

impl fmt::Debug for ResolvedPathResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResolvedPathResult")
            .field("resolved_path", &self.resolved_path)
            .field("result_params", &Names(&self.result_params))
            .finish()
    }
}

impl fmt::Debug for UpdatedInstanceResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpdatedInstanceResult")
            .field("affected_path", &self.affected_path)
            .field("param_errs", &self.param_errs)
            .field("updated_params", &Names(&self.updated_params))
            .finish()
    }
}

impl fmt::Debug for Operate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operate")
            .field("command", &self.command)
            .field("command_key", &self.command_key)
            .field("send_resp", &self.send_resp)
            .field("input_args", &Names(&self.input_args))
            .finish()
    }
}

impl fmt::Debug for OutputArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutputArgs").field("output_args", &Names(&self.output_args)).finish()
    }
}

impl fmt::Debug for ValueChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ValueChange").field("param_path", &self.param_path).finish_non_exhaustive()
    }
}
