//! `--role`: which of the gateway and the services a process serves.

use super::{MODULES, Module};
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

const ALL: &str = "all";
const GATEWAY: &str = "gateway";
const ROLE: &str = "role";

/// What a process serves: the gateway, services, or both.
#[derive(Debug, Clone, Default)]
pub struct Roles {
    has_gateway: bool,
    /// In the order of the table.
    modules: Vec<&'static Module>,
}

/// One name behind `--role`.
#[derive(Debug, Clone, Copy)]
enum Role {
    All,
    Gateway,
    Module(&'static Module),
}

impl Roles {
    fn of(names: impl Iterator<Item = Role>) -> Roles {
        let mut roles = Roles::default();
        let mut named = [false; MODULES.len()];
        for role in names {
            match role {
                Role::All => {
                    roles.has_gateway = true;
                    named = [true; MODULES.len()];
                }
                Role::Gateway => roles.has_gateway = true,
                Role::Module(module) => {
                    for (row, is_named) in MODULES.iter().zip(&mut named) {
                        *is_named |= row.name == module.name;
                    }
                }
            }
        }
        let served = MODULES.iter().zip(named).filter(|(_, is_named)| *is_named);
        roles.modules = served.map(|(module, _)| module).collect();
        roles
    }

    pub fn has_gateway(&self) -> bool {
        self.has_gateway
    }

    /// The services, in the order of the table.
    pub fn modules(&self) -> &[&'static Module] {
        &self.modules
    }

    pub fn serves(&self, module: &Module) -> bool {
        self.modules.iter().any(|served| served.name == module.name)
    }

    /// The services that the gateway reaches over the network, since others serve them.
    pub fn forwarded(&self) -> impl Iterator<Item = &'static Module> + '_ {
        MODULES.iter().filter(|module| self.has_gateway && !self.serves(module))
    }

    /// Whether the process needs the database: a gateway alone does not.
    pub fn have_database(&self) -> bool {
        !self.modules.is_empty()
    }
}

/// `all, gateway, product, …`: every name that `--role` takes.
fn names() -> String {
    let modules = MODULES.iter().map(|module| module.name);
    [ALL, GATEWAY].into_iter().chain(modules).collect::<Vec<_>>().join(", ")
}

fn parse(name: &str) -> Result<Role, String> {
    let name = name.trim();
    match name {
        ALL => Ok(Role::All),
        GATEWAY => Ok(Role::Gateway),
        _ => match MODULES.iter().find(|module| module.name == name) {
            Some(module) => Ok(Role::Module(module)),
            None => Err(format!("must be one of {}, or several with commas between", names())),
        },
    }
}

impl Args for Roles {
    fn augment_args(command: Command) -> Command {
        let help = format!(
            "What this process serves: one of {}, or several with commas between; all: the gateway \
             and every service",
            names()
        );
        command.arg(
            Arg::new(ROLE)
                .long(ROLE)
                .env("CHRONOS_ROLE")
                .value_name("ROLE")
                .action(ArgAction::Append)
                .value_delimiter(',')
                .value_parser(parse)
                .default_value(ALL)
                .help(help),
        )
    }

    fn augment_args_for_update(command: Command) -> Command {
        Roles::augment_args(command)
    }
}

impl FromArgMatches for Roles {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Roles, clap::Error> {
        let names = matches.get_many::<Role>(ROLE).into_iter().flatten().copied();
        Ok(Roles::of(names))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Roles::from_arg_matches(matches)?;
        Ok(())
    }
}
