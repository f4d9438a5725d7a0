//! The history of steps on disk: length-delimited [`Record`]s in `<state>/records/`, appended by any number of
//! processes, the oldest file dropped when a new one is begun.
//!
//! A record is appended by a single `write` to a file opened with `O_APPEND`, so records of several processes never mix.
//! A crash can leave half a record at the end of a file; what follows it in that file is not readable, what other files
//! hold is.

use crate::host::fs::{PathContext, PathError};
use crate::pb::record::Record;
use prost::Message;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// How large a file of records may grow before the next one is begun.
const SEGMENT_BYTES: u64 = 16 << 20;

/// How many files of records are kept.
const SEGMENTS: u64 = 4;

/// Where records are appended. Shared by threads; other processes may append to the same directory.
#[derive(Debug)]
pub struct RecordLog {
    directory: PathBuf,
    segment_bytes: u64,
    current: Mutex<Arc<Segment>>,
}

#[derive(Debug)]
struct Segment {
    number: u64,
    file: File,
}

impl RecordLog {
    /// The log below a state directory, made if it is not there. Only the user may read it: it names files.
    pub fn open(state_dir: &Path) -> Result<Self, PathError> {
        Self::with_segments_of(state_dir, SEGMENT_BYTES)
    }

    fn with_segments_of(state_dir: &Path, segment_bytes: u64) -> Result<Self, PathError> {
        let directory = directory(state_dir);
        let segment = Segment::newest(&directory, 0, segment_bytes)?;
        Ok(Self {
            directory,
            segment_bytes,
            current: Mutex::new(Arc::new(segment)),
        })
    }

    /// Appends a record. On an error the record is lost and the history stays readable.
    pub fn append(&self, record: &Record) -> Result<(), PathError> {
        let bytes = record.encode_length_delimited_to_vec();
        let segment = self.current()?;
        let path = path_of(&self.directory, segment.number);
        let written = (&segment.file).write(&bytes).at("write", &path)?;
        if written < bytes.len() {
            // The disk is full. Nobody can read behind half a record, so the next one goes to another file.
            self.advance_beyond(segment.number)?;
            return Err(io::Error::from(io::ErrorKind::StorageFull)).at("write", &path);
        }
        Ok(())
    }

    /// The file to append to: another one when it is full or was removed.
    fn current(&self) -> Result<Arc<Segment>, PathError> {
        let segment = Arc::clone(&self.lock());
        let metadata = segment
            .file
            .metadata()
            .at("examine", &path_of(&self.directory, segment.number))?;
        if metadata.nlink() == 0 {
            return self.advance_beyond(0);
        }
        if metadata.len() >= self.segment_bytes {
            self.advance_beyond(segment.number)
        } else {
            Ok(segment)
        }
    }

    fn advance_beyond(&self, number: u64) -> Result<Arc<Segment>, PathError> {
        let next = Arc::new(Segment::newest(&self.directory, number + 1, self.segment_bytes)?);
        let dropped = numbers(&self.directory)?
            .into_iter()
            .filter(|number| number + SEGMENTS <= next.number);
        for path in dropped.map(|number| path_of(&self.directory, number)) {
            match std::fs::remove_file(&path) {
                // Another process was faster.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                result => result.at("remove", &path)?,
            }
        }
        *self.lock() = Arc::clone(&next);
        Ok(next)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Arc<Segment>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Segment {
    /// Opens the newest file that has room and a number of at least `least`, else begins the next one. Two processes
    /// that do so at once open the same file.
    fn newest(directory: &Path, least: u64, segment_bytes: u64) -> Result<Self, PathError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .at("create", directory)?;
        let mut number = numbers(directory)?.last().copied().unwrap_or(1).max(least);
        loop {
            let path = path_of(directory, number);
            let file = OpenOptions::new()
                .append(true)
                .create(true)
                .mode(0o600)
                .open(&path)
                .at("open", &path)?;
            if file.metadata().at("examine", &path)?.len() < segment_bytes {
                return Ok(Self { number, file });
            }
            number += 1;
        }
    }
}

/// Visits every record, the oldest file first. Gives back how many files end in something that is no record.
pub fn visit(state_dir: &Path, mut visitor: impl FnMut(Record)) -> Result<u64, PathError> {
    let directory = directory(state_dir);
    let mut damaged = 0;
    for number in numbers(&directory)? {
        let path = path_of(&directory, number);
        let bytes = match std::fs::read(&path) {
            // Dropped since the directory was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            bytes => bytes.at("read", &path)?,
        };
        if decode_all(&bytes, &mut visitor) < bytes.len() {
            damaged += 1;
        }
    }
    Ok(damaged)
}

/// Reads records as they are appended, from those appended after its making.
#[derive(Debug)]
pub struct Tail {
    directory: PathBuf,
    number: u64,
    offset: u64,
}

impl Tail {
    /// Begins behind the newest record.
    pub fn new(state_dir: &Path) -> Result<Self, PathError> {
        let directory = directory(state_dir);
        let number = numbers(&directory)?.last().copied().unwrap_or(1);
        let offset = std::fs::metadata(path_of(&directory, number)).map_or(0, |metadata| metadata.len());
        Ok(Self {
            directory,
            number,
            offset,
        })
    }

    /// Visits what was appended since the last call.
    pub fn poll(&mut self, mut visitor: impl FnMut(Record)) -> Result<(), PathError> {
        let first = self.number;
        for number in numbers(&self.directory)?.into_iter().filter(|number| *number >= first) {
            if number > self.number {
                (self.number, self.offset) = (number, 0);
            }
            let path = path_of(&self.directory, number);
            let mut bytes = Vec::new();
            let mut file = match File::open(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                file => file.at("read", &path)?,
            };
            file.seek(SeekFrom::Start(self.offset))
                .and_then(|_| file.read_to_end(&mut bytes))
                .at("read", &path)?;
            self.offset += decode_all(&bytes, &mut visitor) as u64;
        }
        Ok(())
    }
}

/// Decodes records up to the first that is not whole; gives back how many bytes they take.
fn decode_all(bytes: &[u8], visitor: &mut impl FnMut(Record)) -> usize {
    let mut rest = bytes;
    let mut taken = 0;
    while !rest.is_empty() {
        let Ok(record) = Record::decode_length_delimited(&mut rest) else {
            break;
        };
        visitor(record);
        taken = bytes.len() - rest.len();
    }
    taken
}

fn directory(state_dir: &Path) -> PathBuf {
    state_dir.join("records")
}

fn path_of(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("{number:08}.records"))
}

/// The numbers of the files that are there, ascending; none without the directory.
fn numbers(directory: &Path) -> Result<Vec<u64>, PathError> {
    let entries = match std::fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.at("list", directory)?,
    };
    let mut numbers = Vec::new();
    for entry in entries {
        let name = entry.at("list", directory)?.file_name();
        let stem = name.to_str().and_then(|name| name.strip_suffix(".records"));
        numbers.extend(stem.and_then(|stem| stem.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(n: usize) -> Record {
        Record {
            output: format!("{n}.o"),
            ..Record::default()
        }
    }

    fn outputs(state: &Path) -> Vec<String> {
        let mut outputs = Vec::new();
        visit(state, |record| outputs.push(record.output)).expect("readable");
        outputs
    }

    #[test]
    fn records_come_back_in_order() {
        let state = tempfile::tempdir().expect("temporary directory");
        assert_eq!(outputs(state.path()), Vec::<String>::new());
        for n in 0..3 {
            // A new log each time, as other processes would have.
            RecordLog::open(state.path())
                .expect("opened")
                .append(&record(n))
                .expect("appended");
        }
        assert_eq!(outputs(state.path()), ["0.o", "1.o", "2.o"]);
    }

    #[test]
    fn only_the_newest_files_are_kept() {
        let state = tempfile::tempdir().expect("temporary directory");
        let two = record(0).encode_length_delimited_to_vec().len() as u64 * 2;
        let log = RecordLog::with_segments_of(state.path(), two).expect("opened");
        for n in 0..9 {
            log.append(&record(n)).expect("appended");
        }
        // Nine records in files of two, of which four files stay: the oldest is gone.
        assert_eq!(outputs(state.path()), ["2.o", "3.o", "4.o", "5.o", "6.o", "7.o", "8.o"]);
    }

    #[test]
    fn half_a_record_hides_nothing_but_itself() {
        let state = tempfile::tempdir().expect("temporary directory");
        let log = RecordLog::open(state.path()).expect("opened");
        log.append(&record(1)).expect("appended");
        let path = path_of(&directory(state.path()), 1);
        let whole = std::fs::read(&path).expect("read");
        for cut in 1..whole.len() {
            std::fs::write(&path, [&whole[..], &whole[..cut]].concat()).expect("written");
            assert_eq!(outputs(state.path()), ["1.o"], "{cut}");
            assert_eq!(visit(state.path(), |_| {}).expect("readable"), 1);
        }
    }

    #[test]
    fn threads_with_logs_of_their_own_lose_nothing() {
        let state = tempfile::tempdir().expect("temporary directory");
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let log = RecordLog::with_segments_of(state.path(), 4096).expect("opened");
                scope.spawn(move || (0..100).for_each(|n| log.append(&record(thread * 100 + n)).expect("appended")));
            }
        });
        let mut found = outputs(state.path());
        found.sort_unstable();
        let mut expected: Vec<_> = (0..400).map(|n| format!("{n}.o")).collect();
        expected.sort_unstable();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_log_whose_directory_was_removed_begins_anew() {
        let state = tempfile::tempdir().expect("temporary directory");
        let log = RecordLog::open(state.path()).expect("opened");
        std::fs::remove_dir_all(directory(state.path())).expect("removed");
        log.append(&record(7)).expect("appended");
        assert_eq!(outputs(state.path()), ["7.o"]);
    }

    #[test]
    fn a_tail_sees_what_comes_after_it_across_files() {
        let state = tempfile::tempdir().expect("temporary directory");
        let one = record(0).encode_length_delimited_to_vec().len() as u64;
        let log = RecordLog::with_segments_of(state.path(), one).expect("opened");
        log.append(&record(0)).expect("appended");
        let mut tail = Tail::new(state.path()).expect("opened");
        let mut seen = Vec::new();
        for n in 1..4 {
            log.append(&record(n)).expect("appended");
            tail.poll(|record| seen.push(record.output)).expect("readable");
        }
        assert_eq!(seen, ["1.o", "2.o", "3.o"]);
    }
}
