//! The environment of an action: an explicit list, sorted by name.

use super::path_map::PathMap;
use super::place::{Location, inside};
use super::reason::PlacedLocally;
use super::{ActionRequest, Place, Presentation};
use crate::command::{EnvironmentUse, Family, environment_use};
use crate::pb::reapi::command::EnvironmentVariable;

/// Where an action finds programs that its tool starts by bare name.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The name of the working directory that is the same on every worker. gcc records `PWD` if it names the cwd.
pub(super) const ANY_CWD: &str = "/proc/self/cwd";

/// The environment of a relocated action, and whether some path in it was rewritten.
pub(super) fn relocated(request: &ActionRequest<'_>) -> Result<(Vec<EnvironmentVariable>, bool), PlacedLocally> {
    let mut rewritten = false;
    let mut variables = fixed(request.presentation, Some(ANY_CWD));
    for (name, value) in request.environment {
        let value = match environment_use(name) {
            Some(EnvironmentUse::Forward) => value.clone(),
            Some(EnvironmentUse::Paths) => {
                let relocated = directories(request.place, value)?;
                // Other names of these directories may be recorded (see `canonical_system_dir`).
                if name != "CPATH" && request.command.family == Family::Gcc && names_inside(request.place, value) {
                    return Err(PlacedLocally::Environment(name.clone()));
                }
                rewritten |= relocated != *value;
                relocated
            }
            _ => return Err(PlacedLocally::Environment(name.clone())),
        };
        variables.push(variable(name, &value));
    }
    Ok((sorted(variables), rewritten))
}

/// The environment of an action that is placed locally: the user's values, and `PWD` the user's directory.
pub(super) fn at_home(request: &ActionRequest<'_>) -> Vec<EnvironmentVariable> {
    let mut variables = fixed(request.presentation, Some(request.place.cwd()));
    variables.extend(request.environment.iter().map(|(name, value)| variable(name, value)));
    sorted(variables)
}

/// What every action sets.
pub(super) fn fixed(presentation: &Presentation, pwd: Option<&str>) -> Vec<EnvironmentVariable> {
    let pwd = pwd.map(|pwd| variable("PWD", pwd));
    let mut variables = vec![variable("LC_ALL", presentation.locale.name()), variable("PATH", PATH)];
    variables.extend(pwd);
    variables
}

/// A list of directories, relocated element by element. An empty element means the working directory and stays empty.
pub(super) fn directories(place: &Place, value: &str) -> Result<String, PlacedLocally> {
    let relocate = |dir: &str| {
        if PathMap::could_be_ours(dir) {
            return Err(PlacedLocally::ReservedName(dir.to_owned()));
        }
        match place.locate(dir) {
            Location::Inside { .. } => Ok(inside(place.exec_root(), dir)
                .map_or_else(|| dir.to_owned(), |rest| format!("{}{rest}", place.relocated_root()))),
            Location::Outside => Ok(dir.to_owned()),
            Location::ClimbsOut => Err(PlacedLocally::PathLeavesRoot(dir.to_owned())),
            Location::OtherSpelling => Err(PlacedLocally::OtherSpelling(dir.to_owned())),
            Location::Above => Err(PlacedLocally::AboveRoot(dir.to_owned())),
        }
    };
    let relocated: Result<Vec<String>, _> = value.split(':').map(relocate).collect();
    Ok(relocated?.join(":"))
}

fn names_inside(place: &Place, value: &str) -> bool {
    value
        .split(':')
        .any(|dir| !dir.is_empty() && matches!(place.locate(dir), Location::Inside { .. }))
}

pub(super) fn variable(name: &str, value: &str) -> EnvironmentVariable {
    EnvironmentVariable {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}

/// The protocol wants them sorted by name. One name stands once: the last value given for it.
pub(super) fn sorted(mut variables: Vec<EnvironmentVariable>) -> Vec<EnvironmentVariable> {
    variables.reverse();
    variables.sort_by(|a, b| a.name.cmp(&b.name));
    variables.dedup_by(|a, b| a.name == b.name);
    variables
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn directory_lists_are_relocated_element_by_element() {
        let place = Place::new(Path::new("/h/p"), Path::new("/h/p/b")).expect("place");
        for (value, expected) in [
            ("", ""),
            ("/h/p/inc:", "../../_rw/inc:"),
            ("inc::/usr/include:/h/p", "inc::/usr/include:../../_rw"),
        ] {
            assert_eq!(directories(&place, value), Ok(expected.to_owned()));
        }
        for value in ["/h", "../..", "a:/h/./p/x"] {
            assert!(directories(&place, value).is_err(), "{value}");
        }
    }
}
