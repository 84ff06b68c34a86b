//! `sangam config check / print / schema`.

use sangam_config::turnserver_conf::option_table;
use sangam_config::{Catalogue, Loaded, Problem, Problems, reference_page};
use sangam_net::CertificateStore;
use serde_json::{Value, json};

use crate::Verdict;
use crate::bind_check::check_binds;
use crate::cli::{ConfigArgs, ConfigCommand, ConfigCommandArgs};
use crate::host_addresses::Machine;
use crate::listener_plan;
use crate::options::front::{certificate_paths, front_rules};
use crate::output;

pub(crate) fn run(args: &ConfigCommandArgs) -> anyhow::Result<Verdict> {
    match &args.command {
        ConfigCommand::Check { sources, json } => check(sources, *json),
        ConfigCommand::Print { sources, json } => print(sources, *json),
        ConfigCommand::Schema { turnserver_conf: true, .. } => {
            output::print(&option_table())?;
            Ok(Verdict::Fine)
        }
        ConfigCommand::Schema { reference: false, .. } => {
            output::print(&format!("{:#}\n", Catalogue::get().schema()))?;
            Ok(Verdict::Fine)
        }
        ConfigCommand::Schema { reference: true, .. } => {
            output::print(&reference_page())?;
            Ok(Verdict::Fine)
        }
    }
}

/// What a check found.
#[derive(Default)]
struct Findings {
    problems: Vec<String>,
    notices: Vec<String>,
}

impl Findings {
    fn add_problems(&mut self, problems: &Problems) {
        self.notices.extend(problems.notices().map(ToString::to_string));
        self.problems.extend(problems.iter().map(ToString::to_string));
    }
}

fn check(sources: &ConfigArgs, json: bool) -> anyhow::Result<Verdict> {
    let mut findings = Findings::default();
    match sources.load() {
        Ok(loaded) => look_at(&loaded, &mut findings),
        // A file that cannot be read was not checked.
        Err(problems) if matches!(problems.first(), Problem::UnreadableFile { .. }) => return Err(problems.into()),
        Err(problems) => findings.add_problems(&problems),
    }
    let Findings { problems, notices } = findings;
    let fine = problems.is_empty();
    if json {
        output::print(&format!("{}\n", json!({ "ok": fine, "problems": problems, "notices": notices })))?;
    } else {
        let notices = notices.iter().map(|notice| format!("notice: {notice}\n"));
        let problems = problems.iter().map(|problem| format!("problem: {problem}\n"));
        let verdict = if fine { "The configuration can be used.\n" } else { "The configuration cannot be used.\n" };
        output::print(&notices.chain(problems).chain([verdict.to_owned()]).collect::<String>())?;
    }
    Ok(if fine { Verdict::Fine } else { Verdict::No })
}

/// Everything that `serve` checks before it opens a listener.
fn look_at(loaded: &Loaded, findings: &mut Findings) {
    findings.notices.extend(loaded.notices.iter().map(ToString::to_string));
    match check_binds(loaded, &Machine::read().addresses) {
        Ok(notices) => findings.notices.extend(notices.iter().map(ToString::to_string)),
        Err(problems) => findings.add_problems(&problems),
    }
    let certificate = certificate_paths(&loaded.config.tls).map(CertificateStore::load);
    findings
        .problems
        .extend(certificate.and_then(Result::err).map(|error| format!("{:#}", anyhow::Error::from(error))));
    findings.problems.extend(listener_plan::plan(&loaded.config).err().map(|error| error.to_string()));
    findings.problems.extend(front_rules(&loaded.config).err().map(|error| format!("{error:#}")));
}

fn print(sources: &ConfigArgs, json: bool) -> anyhow::Result<Verdict> {
    let loaded = sources.load()?;
    let values = serde_json::to_value(&loaded.config)?;
    let catalogue = Catalogue::get();
    if json {
        let of_key = |key: &sangam_config::Key| {
            let value = key.value_in(&values);
            (key.name.clone(), json!({ "value": value, "origin": loaded.origin(&key.name).to_string() }))
        };
        output::print(&format!("{:#}\n", Value::Object(catalogue.keys().iter().map(of_key).collect())))?;
        return Ok(Verdict::Fine);
    }
    let mut text = String::new();
    for section in catalogue.sections() {
        text.push_str(&format!("[{}]\n", section.name));
        for key in catalogue.keys().iter().filter(|key| key.section == section.name) {
            let line = match key.value_in(&values) {
                Value::Null => format!("# {} is not set\n", key.key),
                value => format!("{} = {}  # {}\n", key.key, as_toml(value), loaded.origin(&key.name)),
            };
            text.push_str(&line);
        }
        text.push('\n');
    }
    output::print(&text)?;
    Ok(Verdict::Fine)
}

/// JSON scalars and arrays of them are TOML; a table inside an array is written inline.
fn as_toml(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members: Vec<String> =
                members.iter().map(|(name, value)| format!("{name} = {}", as_toml(value))).collect();
            format!("{{ {} }}", members.join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(as_toml).collect::<Vec<_>>().join(", ")),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}
