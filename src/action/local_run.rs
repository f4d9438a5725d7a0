//! How to run a step here so that its result may stand for the action.

use super::recipe::Recipe;
use super::relocate::Relocated;
use super::words::Words;
use super::{ActionRequest, argv};
use crate::command::{Arg, Family, Language, Native, Role};
use crate::config::PathsMode;

/// What the wrapper runs when the step runs here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalRun {
    /// The arguments without `argv[0]`. `None`: the user's own, exactly as given, response files included.
    pub args: Option<Vec<String>>,
    /// Variables to set on top of the user's.
    pub set_env: Vec<(String, String)>,
    /// Whether `-MD -MF <file>` may be added: the user asks for no depfile, and it changes no output and no diagnostic.
    pub extra_depfile: bool,
    /// Whether the result is the action's, and may be stored under it, if the user's diagnostics have the presentation
    /// of the request or there are none. Otherwise it is the result of [`build_at_home`](super::build_at_home).
    pub storable: bool,
}

impl LocalRun {
    /// The user's own command, with colour forced where the presentation wants it: what runs here is captured, so that
    /// the compiler sees no terminal.
    pub(super) fn own(request: &ActionRequest<'_>, words: &Words, storable: bool) -> Self {
        let mut run = Self {
            args: None,
            set_env: Vec::new(),
            extra_depfile: takes_depfile(request, words),
            storable,
        };
        if argv::colour(request.presentation, words).is_some() {
            let own = request.command.args.iter().map(own_words);
            run.args = Some(argv::with_options(own, Vec::new(), request.presentation, words));
        }
        run.kept_short()
    }

    /// The run that belongs to a relocated action. `same_here`: no option lets paths get past the prefix maps.
    pub(super) fn of_relocated(recipe: &Recipe<'_>, relocated: &Relocated, same_here: bool) -> Self {
        let request = recipe.request;
        if request.paths == PathsMode::Exact {
            return Self::own(request, recipe.words, true);
        }
        let Some(added) = recipe.for_home().ok().filter(|_| same_here) else {
            return Self::own(request, recipe.words, false);
        };
        // Only prefix maps are other words than the user's: they already speak of the portable root.
        let words = request
            .command
            .args
            .iter()
            .zip(&relocated.words)
            .map(|(arg, words)| match arg.role {
                Role::PrefixMap(_) => words.clone(),
                _ => own_words(arg),
            });
        let run = Self {
            args: Some(argv::with_options(words, added, request.presentation, recipe.words)),
            // gcc finds the exec root in the cwd by this name of it.
            set_env: vec![("PWD".to_owned(), request.place.cwd().to_owned())],
            ..Self::own(request, recipe.words, true)
        };
        run.kept_short()
    }

    /// What only fits into response files runs as the user gave it, and stands for no action.
    pub(super) fn kept_short(self) -> Self {
        if self.args.as_ref().and_then(argv::too_long).is_none() {
            return self;
        }
        Self {
            args: None,
            set_env: Vec::new(),
            storable: false,
            ..self
        }
    }
}

/// The words of an argument that the user gave; none for what rewrap put beside them.
fn own_words(arg: &Arg) -> Vec<String> {
    match arg.role {
        Role::Native(Native::Resolved | Native::Known) => Vec::new(),
        _ => arg.words(),
    }
}

fn takes_depfile(request: &ActionRequest<'_>, words: &Words) -> bool {
    let command = request.command;
    let preprocesses = matches!(
        command.language,
        Language::C | Language::Cxx | Language::AssemblerWithCpp
    );
    let asks = command
        .args
        .iter()
        .any(|arg| matches!(arg.role, Role::Depfile | Role::DepFlag | Role::DepTarget));
    let recorded = command.family == Family::Clang
        && words
            .find(|word| word.starts_with("-frecord") || word.starts_with("-grecord"))
            .is_some();
    preprocesses && !asks && command.depfile.is_none() && !recorded
}
