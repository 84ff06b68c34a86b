//! The schema and the reference page in `docs/` are what this version generates.

use std::path::Path;

use sangam_config::turnserver_conf::option_table;
use sangam_config::{Catalogue, reference_page};

fn check(file: &str, generated: &str, command: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(file);
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == generated, "docs/{file} is not what the source says; run `{command} > docs/{file}`");
}

#[test]
fn the_reference_page_is_up_to_date() {
    check("operate/configuration-reference.md", &reference_page(), "cargo run --quiet -- config schema --reference");
}

#[test]
fn the_schema_is_up_to_date() {
    let schema = format!("{:#}\n", Catalogue::get().schema());
    check("config.schema.json", &schema, "cargo run --quiet -- config schema");
}

#[test]
fn the_table_of_coturns_options_is_up_to_date() {
    let command = "cargo run --quiet -- config schema --turnserver-conf";
    check("operate/turnserver-conf-options.md", &option_table(), command);
}
