//! The built binary, as an operator meets it: exit codes, sentences, files, signals.

#[cfg(test)]
mod commands;
#[cfg(test)]
mod run;
#[cfg(test)]
mod serving;
#[cfg(test)]
mod start_errors;
#[cfg(test)]
mod turnserver_conf;
