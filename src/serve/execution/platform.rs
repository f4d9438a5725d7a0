//! Platform properties: what this machine is, and what an action wants its worker to be.

use super::refusal::quoted;
use crate::pb::reapi;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Mutex;

/// How many unknown names are remembered as logged: clients may send any number of them.
const MOST_LOGGED: usize = 256;

/// What is announced.
#[derive(Debug, Default)]
pub(super) struct Platform {
    announced: BTreeMap<String, BTreeSet<String>>,
    logged: Mutex<HashSet<String>>,
}

impl Platform {
    /// A name may be announced with several values: the machine is all of that.
    pub(super) fn new(properties: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut announced: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (name, value) in properties {
            announced.entry(name).or_default().insert(value);
        }
        Self {
            announced,
            logged: Mutex::default(),
        }
    }

    /// Why this machine is none for the action; it would wait for ever. Names that are not announced are ignored: most
    /// of them (`container-image`, `Pool`) choose among workers that are not here.
    pub(super) fn refuses(&self, action: &reapi::Action, command: &reapi::Command) -> Option<String> {
        let wrong: Vec<String> = required(action, command)
            .iter()
            .filter_map(|property| {
                let Some(values) = self.announced.get(&property.name) else {
                    self.log_once(&property.name);
                    return None;
                };
                let has = values.iter().map(String::as_str).collect::<Vec<_>>().join("` or `");
                (!values.contains(&property.value))
                    .then(|| format!("{} {}, but `{has}`", quoted(&property.name), quoted(&property.value)))
            })
            .collect();
        // "No workers exist" is how another server says it, and what clients know it by.
        (!wrong.is_empty()).then(|| format!("No workers exist for the platform: no {}", wrong.join("; no ")))
    }

    fn log_once(&self, name: &str) {
        let mut logged = self.logged.lock().expect("no panic while locked");
        if logged.len() < MOST_LOGGED && !logged.contains(name) {
            tracing::info!(property = %quoted(name), "a platform property that is not announced is ignored");
            logged.insert(name.to_owned());
        }
    }
}

/// The Action's since version 2.2, the Command's before. The Action's count if it has any.
fn required<'a>(action: &'a reapi::Action, command: &'a reapi::Command) -> &'a [reapi::platform::Property] {
    #[expect(deprecated, reason = "clients of version 2.1 and older")]
    let platform = action.platform.as_ref().or(command.platform.as_ref());
    platform.map_or(&[], |platform| &platform.properties)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announced_names_must_match_and_others_are_ignored() {
        let own = |pairs: &[(&str, &str)]| {
            let own = pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            own.collect::<Vec<_>>()
        };
        let wanted = |pairs: &[(&str, &str)]| {
            let properties = own(pairs)
                .into_iter()
                .map(|(name, value)| reapi::platform::Property { name, value });
            (!pairs.is_empty()).then(|| reapi::Platform {
                properties: properties.collect(),
            })
        };
        let platform = Platform::new(own(&[("OSFamily", "Linux"), ("ISA", "x86-64"), ("ISA", "x86-64-v3")]));
        let check = |action: &[(&str, &str)], command: &[(&str, &str)], expected: Option<&str>| {
            let action = reapi::Action {
                platform: wanted(action),
                ..Default::default()
            };
            #[expect(deprecated, reason = "clients of version 2.1 and older")]
            let command = reapi::Command {
                platform: wanted(command),
                ..Default::default()
            };
            let expected = expected.map(|text| format!("No workers exist for the platform: {text}"));
            assert_eq!(platform.refuses(&action, &command), expected);
        };
        check(&[], &[], None);
        check(
            &[("OSFamily", "Linux"), ("ISA", "x86-64-v3"), ("ISA", "x86-64")],
            &[],
            None,
        );
        check(&[("container-image", "docker://x")], &[], None);
        check(&[], &[("OSFamily", "Linux")], None);
        check(
            &[("OSFamily", "Windows")],
            &[],
            Some("no `OSFamily` `Windows`, but `Linux`"),
        );
        check(
            &[],
            &[("OSFamily", "Windows")],
            Some("no `OSFamily` `Windows`, but `Linux`"),
        );
        check(&[("OSFamily", "Linux")], &[("OSFamily", "Windows")], None);
        check(&[("osfamily", "Windows")], &[], None);
        check(
            &[("ISA", "arm"), ("OSFamily", "")],
            &[],
            Some("no `ISA` `arm`, but `x86-64` or `x86-64-v3`; no `OSFamily` ``, but `Linux`"),
        );
    }

    #[test]
    fn an_unknown_name_is_logged_once_and_not_without_bound() {
        let platform = Platform::default();
        for round in 0..2 * MOST_LOGGED {
            platform.log_once(&format!("name {round}"));
            platform.log_once("name 0");
        }
        assert_eq!(platform.logged.lock().expect("no panic").len(), MOST_LOGGED);
    }
}
