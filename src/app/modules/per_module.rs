//! The settings that each module has: clap's arguments are made from the table.

use super::{MODULES, Module};
use crate::kernel::config::{Port, UpstreamUrl, port_or};
use clap::builder::ValueParser;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

/// `<NAME>_SERVICE_PORT`: where each service listens.
pub(crate) type ServicePorts = PerModule<Port>;

/// `<NAME>_SERVICE_URL`: where a gateway finds each service that it does not serve itself.
pub(crate) type UpstreamUrls = PerModule<UpstreamUrl>;

/// A setting, once for each module of the table.
#[derive(Debug, Clone)]
pub struct PerModule<T>(Vec<T>);

/// A setting that each module has.
pub trait ModuleSetting: Clone + Send + Sync + 'static {
    /// The end of the variable's name, such as `PORT`.
    const NAME: &'static str;

    fn default_of(module: &Module) -> String;
    fn help_of(module: &Module) -> String;
    fn parser_of(module: &Module) -> ValueParser;
}

impl ModuleSetting for Port {
    const NAME: &'static str = "PORT";

    fn default_of(module: &Module) -> String {
        module.default_port.to_string()
    }

    fn help_of(module: &Module) -> String {
        format!("Port of the {} service", module.name)
    }

    fn parser_of(module: &Module) -> ValueParser {
        port_or(module.default_port).into()
    }
}

impl ModuleSetting for UpstreamUrl {
    const NAME: &'static str = "URL";

    fn default_of(module: &Module) -> String {
        format!("http://127.0.0.1:{}", module.default_port)
    }

    fn help_of(module: &Module) -> String {
        let mounts = module.mounts.join(", ");
        format!("Where a gateway without the {} service forwards {mounts}", module.name)
    }

    fn parser_of(_: &Module) -> ValueParser {
        ValueParser::new(str::parse::<UpstreamUrl>)
    }
}

impl<T: ModuleSetting> PerModule<T> {
    pub fn of(&self, module: &Module) -> &T {
        let row = MODULES.iter().position(|row| row.name == module.name);
        let value = row.and_then(|row| self.0.get(row));
        value.expect("each module of the table has its setting")
    }
}

impl<T: ModuleSetting> Args for PerModule<T> {
    fn augment_args(command: Command) -> Command {
        MODULES.iter().fold(command, |command, module| {
            let variable = module.setting(T::NAME);
            let flag = variable.to_ascii_lowercase().replace('_', "-");
            let argument = Arg::new(variable.clone())
                .long(flag)
                .value_name(variable.clone())
                .env(variable)
                .default_value(T::default_of(module))
                .value_parser(T::parser_of(module))
                .help(T::help_of(module));
            command.arg(argument)
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        PerModule::<T>::augment_args(command)
    }
}

impl<T: ModuleSetting> FromArgMatches for PerModule<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<PerModule<T>, clap::Error> {
        let value = |module: &Module| matches.get_one::<T>(&module.setting(T::NAME)).cloned();
        let values = MODULES.iter().map(|module| value(module).expect("each has a default"));
        Ok(PerModule(values.collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = PerModule::from_arg_matches(matches)?;
        Ok(())
    }
}
