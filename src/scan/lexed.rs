//! Facts of files by their content, so that a header is lexed once and not once per translation unit.

use super::ScanFailure;
use super::file_facts::{FileFacts, Questions, builtin_questions};
use super::lexer::{Consumer, lex};
use crate::digest::Digest;
use crate::toolchain::FileDigests;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// How many files' facts make a generation. Two generations are held: what was not used during a whole one is dropped.
const GENERATION: usize = 50_000;

type Key = (Digest, Consumer, Option<Arc<Questions>>);

#[derive(Default)]
struct Generations {
    young: HashMap<Key, Arc<FileFacts>>,
    old: HashMap<Key, Arc<FileFacts>>,
}

/// The lexed files of a daemon.
#[derive(Default)]
pub(super) struct Lexed(Mutex<Generations>);

impl Lexed {
    /// The digest and the facts of a file. `more` are macros that stand for tests, beside the built-in ones.
    pub(super) fn file(
        &self,
        path: &Path,
        consumer: Consumer,
        more: Option<&Arc<Questions>>,
        files: &dyn FileDigests,
    ) -> Result<(Digest, Arc<FileFacts>), ScanFailure> {
        let digest = files.digest(path)?;
        let key = (digest, consumer, more.cloned());
        if let Some(facts) = self.known(&key) {
            return Ok((digest, facts));
        }
        let bytes = files.bytes(path)?;
        if bytes.len() as u64 != digest.size() || Digest::of(&bytes) != digest {
            return Err(ScanFailure::Changed { path: path.to_owned() });
        }
        let mut questions = builtin_questions();
        for (name, used) in more.into_iter().flat_map(|more| more.iter()) {
            questions.entry(name.clone()).or_insert(*used);
        }
        let facts = Arc::new(lex(&bytes, consumer, &questions));
        self.remember(key, &facts);
        Ok((digest, facts))
    }

    fn known(&self, key: &Key) -> Option<Arc<FileFacts>> {
        let mut generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(facts) = generations.young.get(key) {
            return Some(Arc::clone(facts));
        }
        let facts = generations.old.remove(key)?;
        generations.young.insert(key.clone(), Arc::clone(&facts));
        Some(facts)
    }

    fn remember(&self, key: Key, facts: &Arc<FileFacts>) {
        let mut generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if generations.young.len() >= GENERATION {
            generations.old = std::mem::take(&mut generations.young);
        }
        generations.young.insert(key, Arc::clone(facts));
    }
}
