//! Rung two of the scanner: the compiler is asked, and what its answer leaves out is added.

use super::file_facts::{self, FileFacts, Mention, Questions, Remark, Use};
use super::lexed::Lexed;
use super::lexer::Consumer;
use super::question::{Depth, is_depth_of_account};
use super::resolve::{Hits, Lists, Resolver};
use super::{Found, Scan, ScanFailure, ScannedFile, question};
use crate::command::{CompileCommand, Family, Form, Language, Role, Stage};
use crate::depfile::Depfile;
use crate::digest::Digest;
use crate::toolchain::search_list::SearchList;
use crate::toolchain::{Ask, Environment, FileDigests, Question, Toolchain};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Macros that stand for macros that stand for a test: nobody goes deeper.
const ALIAS_ROUNDS: usize = 8;

/// One compile, as the user started it.
#[derive(Clone, Copy)]
pub struct Step<'a> {
    /// What it means.
    pub command: &'a CompileCommand,
    /// Its compiler.
    pub toolchain: &'a Toolchain,
    /// `argv[0]` of the compiler.
    pub invoked_as: &'a OsStr,
    /// Where it runs; absolute.
    pub cwd: &'a Path,
    /// Its whole environment.
    pub env: &'a Environment,
}

/// Finds out what steps read. One per daemon: it remembers the text of headers.
pub struct Scanner {
    ask: Arc<dyn Ask>,
    files: Arc<dyn FileDigests>,
    lexed: Lexed,
}

/// A listed file with what its text says.
struct Member {
    path: PathBuf,
    digest: Digest,
    facts: Arc<FileFacts>,
}

impl Scanner {
    /// A scanner that knows no file yet.
    pub fn new(ask: Arc<dyn Ask>, files: Arc<dyn FileDigests>) -> Self {
        Self {
            ask,
            files,
            lexed: Lexed::default(),
        }
    }

    /// What the step reads. Starts the compiler once, unless nothing is preprocessed.
    pub fn scan(&self, step: &Step<'_>) -> Result<Scan, ScanFailure> {
        let (listed, stated, members) = self.closure(step)?;
        let lists = lists(step, &stated);
        let absent: Vec<PathBuf> = stated.absent.iter().map(|dir| step.cwd.join(dir)).collect();
        let mut resolver = Resolver::new(lists, &absent);
        if preprocesses(step.command.language) {
            precompiled(step, &members, &mut resolver);
            for member in &members {
                resolver.file(&member.path, &member.facts);
            }
            for member in members.iter().filter(|member| member.facts.is(Remark::Computed)) {
                resolver.computed(&member.path, &listed);
            }
        } else {
            for member in &members {
                resolver.assembler_mentions(&member.facts);
            }
        }
        let assembled = self.assembled(&mut resolver)?;
        let search_dirs = resolver.search_dirs().cloned().collect();
        let (hits, observed) = resolver.into_parts();

        let read = |member: &&Member| !hits.embedded.contains(&member.path);
        if let Some((file, what)) = members
            .iter()
            .filter(read)
            .chain(&assembled)
            .find_map(|member| Some((member.path.clone(), member.facts.unresolvable.clone()?)))
        {
            return Err(ScanFailure::Unresolvable { file, what });
        }
        let expands = preprocesses(step.command.language);
        let using = |remark| {
            let user = members
                .iter()
                .filter(read)
                .find(|member| expands && member.facts.is(remark));
            user.map(|member| member.path.clone())
        };
        Ok(Scan {
            search_dirs,
            observed,
            date_or_time: using(Remark::DateOrTime),
            timestamp: using(Remark::Timestamp),
            named_absolutely: absolute_names(&members),
            ..self.files(&members, assembled, &hits)?
        })
    }

    /// What the compiler lists, and the text of it. The preprocessor alone is asked first; where it fails, or may have
    /// taken another way than the compiler, the compiler.
    fn closure(&self, step: &Step<'_>) -> Result<(Vec<PathBuf>, SearchList, Vec<Member>), ScanFailure> {
        match self.asked(step, Depth::Preprocess) {
            Ok((listed, stated)) => {
                let members = self.members(step, &listed)?;
                let effects = members.iter().any(|member| member.facts.is(Remark::Effects));
                if !effects || !is_depth_of_account(step.command) {
                    return Ok((listed, stated, members));
                }
            }
            Err(ScanFailure::CompileError { .. }) if is_depth_of_account(step.command) => {}
            Err(failure) => return Err(failure),
        }
        let (listed, stated) = self.asked(step, Depth::Analyse)?;
        let members = self.members(step, &listed)?;
        Ok((listed, stated, members))
    }

    /// The files that the compiler lists, absolute as walked and each once, and its search list.
    fn asked(&self, step: &Step<'_>, depth: Depth) -> Result<(Vec<PathBuf>, SearchList), ScanFailure> {
        let source_file = || step.command.source.clone();
        let Some(args) = question::arguments(step.command, step.toolchain.version, depth) else {
            return Ok((vec![step.cwd.join(&step.command.source)], SearchList::default()));
        };
        let answer = self.ask.ask(&Question {
            program: &step.toolchain.driver,
            invoked_as: step.invoked_as,
            args: &args,
            cwd: step.cwd,
            env: &step.env.for_questions(),
        })?;
        if !answer.success {
            return Err(ScanFailure::CompileError {
                source_file: source_file(),
            });
        }
        let depfile = Depfile::parse(&answer.stdout).ok();
        // The source at least is listed.
        let list = depfile
            .map(|depfile| depfile.dependencies())
            .filter(|names| !names.is_empty());
        let list = list.zip(SearchList::parse(&answer.stderr));
        let (names, stated) = list.ok_or_else(|| ScanFailure::NoList {
            source_file: source_file(),
        })?;
        let mut met = BTreeSet::new();
        let listed = names.iter().map(|name| step.cwd.join(name));
        Ok((listed.filter(|path| met.insert(path.clone())).collect(), stated))
    }

    /// Lexes what is listed; again with every macro that turns out to stand for a test.
    fn members(&self, step: &Step<'_>, listed: &[PathBuf]) -> Result<Vec<Member>, ScanFailure> {
        let consumer = consumer(step.command.language);
        let mut aliases = Questions::new();
        let mut more: Option<Arc<Questions>> = None;
        for _ in 0..ALIAS_ROUNDS {
            let mut members = Vec::with_capacity(listed.len());
            for path in listed {
                let (digest, facts) = self.lexed.file(path, consumer, more.as_ref(), &*self.files)?;
                let path = path.clone();
                members.push(Member { path, digest, facts });
            }
            let known = aliases.len();
            for member in &members {
                aliases.extend(member.facts.aliases.iter().map(|(name, used)| (name.clone(), *used)));
            }
            if aliases.len() == known {
                return Ok(members);
            }
            more = Some(Arc::new(aliases.clone()));
        }
        Err(ScanFailure::Unresolvable {
            file: step.cwd.join(&step.command.source),
            what: "macros that stand for __has_include".to_owned(),
        })
    }

    /// Follows `.include` from file to file.
    fn assembled(&self, resolver: &mut Resolver) -> Result<Vec<Member>, ScanFailure> {
        let mut members: Vec<Member> = Vec::new();
        let mut done = BTreeSet::new();
        loop {
            let waiting = resolver.hits.assembled.iter().find(|path| !done.contains(*path));
            let Some(path) = waiting.cloned() else {
                return Ok(members);
            };
            let (digest, facts) = self.lexed.file(&path, Consumer::Assembler, None, &*self.files)?;
            resolver.assembler_mentions(&facts);
            done.insert(path.clone());
            members.push(Member { path, digest, facts });
        }
    }

    /// The files of the scan; the rest of it is left empty.
    fn files(&self, members: &[Member], assembled: Vec<Member>, hits: &Hits) -> Result<Scan, ScanFailure> {
        let imports = members.iter().any(|member| member.facts.is(Remark::Imports));
        let mut files: Vec<ScannedFile> = Vec::with_capacity(members.len());
        let mut by_real_path = BTreeMap::new();
        for member in members {
            by_real_path.insert(member.path.canonicalize().ok(), files.len());
            files.push(ScannedFile {
                path: member.path.clone(),
                digest: member.digest,
                found: Found::Listed,
                once: member.facts.is(Remark::Once) || imports,
            });
        }
        let listed: BTreeSet<&PathBuf> = members.iter().map(|member| &member.path).collect();
        let mut others: BTreeMap<PathBuf, ScannedFile> = BTreeMap::new();
        let mut passed_over = Vec::new();
        for path in hits.included.iter().filter(|path| !listed.contains(path)) {
            match by_real_path.get(&path.canonicalize().ok()) {
                Some(at) => {
                    let (path, found) = (path.clone(), Found::Spelled);
                    let same = &files[*at];
                    others.insert(path.clone(), ScannedFile { path, found, ..*same });
                }
                None => passed_over.push(path.clone()),
            }
        }
        let precompiled = hits.precompiled.iter().map(|path| (path, Found::Precompiled));
        let mentioned = hits.tested.union(&hits.embedded).map(|path| (path, Found::Mentioned));
        for (path, found) in precompiled.chain(mentioned).filter(|(path, _)| !listed.contains(path)) {
            if !others.contains_key(path) {
                let file = ScannedFile {
                    path: path.clone(),
                    digest: self.files.digest(path)?,
                    found,
                    once: false,
                };
                others.insert(path.clone(), file);
            }
        }
        for member in assembled.into_iter().filter(|member| !listed.contains(&member.path)) {
            let (path, digest) = (member.path, member.digest);
            let (found, once) = (Found::Assembled, false);
            others.insert(
                path.clone(),
                ScannedFile {
                    path,
                    digest,
                    found,
                    once,
                },
            );
        }
        files.extend(others.into_values());
        Ok(Scan {
            files,
            passed_over,
            search_dirs: Vec::new(),
            observed: crate::observation::Observation::default(),
            date_or_time: None,
            timestamp: None,
            named_absolutely: Vec::new(),
        })
    }
}

fn preprocesses(language: Language) -> bool {
    matches!(language, Language::C | Language::Cxx | Language::AssemblerWithCpp)
}

fn consumer(language: Language) -> Consumer {
    match language {
        Language::Assembler | Language::AssemblerWithCpp => Consumer::Assembler,
        Language::C | Language::Cxx | Language::CPreprocessed | Language::CxxPreprocessed => Consumer::Compiler,
    }
}

/// The effective lists: the compiler's for headers, the options' for what it does not print.
fn lists(step: &Step<'_>, stated: &SearchList) -> Lists {
    let walked = |dirs: &[PathBuf]| dirs.iter().map(|dir| step.cwd.join(dir)).collect::<Vec<_>>();
    let quote = walked(&stated.quote);
    let angled = walked(&stated.angled);
    let valued = |wanted: fn(&crate::command::Arg) -> bool| {
        let args = step.command.args.iter().filter(move |arg| wanted(arg));
        args.filter_map(|arg| arg.value.as_ref()).map(|dir| step.cwd.join(dir))
    };
    let embed = valued(|arg| arg.name.starts_with("--embed-dir")).collect();
    let searched = valued(|arg| matches!(arg.role, Role::SearchDir(_)));
    let mut assembler = vec![step.cwd.to_owned()];
    for dir in searched.chain(quote.iter().cloned()).chain(angled.iter().cloned()) {
        if !assembler.contains(&dir) {
            assembler.push(dir);
        }
    }
    Lists {
        quote,
        angled,
        embed,
        assembler,
    }
}

/// Precompiled headers that may be taken. gcc looks for `name.gch` when it includes the first header of the source or
/// one that an option names; clang for `name.pch` and `name.gch` only in the latter case. Which of several it takes
/// depends on options and macros, so all count.
fn precompiled(step: &Step<'_>, members: &[Member], resolver: &mut Resolver) {
    let suffixes: &[&str] = match step.command.family {
        Family::Gcc => &[".gch"],
        Family::Clang => &[".pch", ".gch"],
    };
    if step.command.family == Family::Gcc && step.command.stage == Stage::PrecompiledHeader {
        // Which gcc empties before it reads anything.
        resolver.leave_out(&step.cwd.join(&step.command.output));
    }
    for arg in step.command.with_role(Role::ForcedInclude) {
        let name = arg.value.as_deref().unwrap_or_default().as_bytes();
        // It is clang's driver that looks for one, which does not see what it passes on.
        let passed_on = matches!(arg.form, Form::Through | Form::ThroughJoined) || arg.name.starts_with("-Wp,");
        if step.command.family == Family::Gcc || !passed_on {
            resolver.precompiled(name, Some(step.cwd), suffixes);
        }
        let hit = resolver.first(name, Some(step.cwd));
        resolver.hits.included.extend(hit);
    }
    let Some(source) = members.first().filter(|_| step.command.family == Family::Gcc) else {
        return;
    };
    let beside = source.path.parent();
    let includes = |mention: &&Mention| mention.used == Use::Include;
    for mention in source.facts.mentions.iter().filter(includes) {
        let beside = beside.filter(|_| mention.form == file_facts::Form::Quote);
        resolver.precompiled(&mention.name, beside, suffixes);
    }
    if source.facts.is(Remark::Computed) {
        for member in members {
            resolver.precompiled(member.path.as_os_str().as_bytes(), None, suffixes);
        }
    }
}

/// Absolute names in the text, sorted, each once.
fn absolute_names(members: &[Member]) -> Vec<PathBuf> {
    let mentions = members.iter().flat_map(|member| &member.facts.mentions);
    let absolute = mentions.filter(|mention| mention.name.starts_with(b"/"));
    let names: BTreeSet<PathBuf> = absolute
        .map(|mention| PathBuf::from(OsStr::from_bytes(&mention.name)))
        .collect();
    names.into_iter().collect()
}
