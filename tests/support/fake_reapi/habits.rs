//! What a server is like, as data: its lasting habits and the faults it shows once.

use rewrap::pb::{reapi, rpc};
use std::time::Duration;

/// The methods that are counted and can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Rpc {
    GetCapabilities,
    FindMissingBlobs,
    BatchUpdateBlobs,
    BatchReadBlobs,
    Read,
    Write,
    GetActionResult,
    UpdateActionResult,
    Execute,
    WaitExecution,
    CancelOperation,
}

/// Something that happens to one call. Faults of a method are used up in order, one per call.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// The call fails.
    Status(tonic::Code, &'static str),
    /// The call fails with details.
    Detailed(rpc::Status),
    /// No answer, ever.
    Hang,
    /// A stream: so many messages, then it ends with this status.
    BreakAfter(usize, tonic::Code),
    /// A stream: so many messages, then it ends as if all were well.
    EndAfter(usize),
    /// Execute: the response has this status.
    Verdict(rpc::Status),
    /// Execute: the operation ends with this error.
    OperationError(rpc::Status),
    /// A batch: the first blob has this status, the others are served.
    FirstBlob(tonic::Code),
    /// A batch: the first blob is left out of the answer.
    LeaveOutFirst,
    /// A read: the bytes are not the blob's.
    WrongBytes,
    /// A read: one byte too many.
    TooManyBytes,
    /// Execute: a blob is lost before the action begins.
    LoseInputs,
    /// Execute: the outputs are lost before the response.
    LoseOutputs,
    /// Nothing: the call after this one is meant.
    Pass,
}

/// How missing inputs are reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Violations {
    /// All at once, as the protocol wants it.
    All,
    /// The first one only.
    One,
    /// FAILED_PRECONDITION without details.
    None,
}

/// What Write answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Committed {
    /// The size.
    Size,
    /// This number.
    Number(i64),
    /// How many bytes came, which is fewer than the size if they were compressed.
    Received,
}

/// What the server does about zstd. The default has never heard of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Zstd {
    /// It is in `supported_compressors`.
    pub(crate) announces_streams: bool,
    /// It is in `supported_batch_update_compressors`.
    pub(crate) announces_updates: bool,
    pub(crate) reads: ZstdReads,
    pub(crate) takes_writes: bool,
    pub(crate) batches: ZstdBatches,
}

impl Zstd {
    /// By the book.
    pub(crate) const WORKS: Self = Self {
        announces_streams: true,
        announces_updates: true,
        reads: ZstdReads::OneFrame,
        takes_writes: true,
        batches: ZstdBatches::Works,
    };
}

/// How a read of `compressed-blobs/zstd` is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ZstdReads {
    /// With INVALID_ARGUMENT.
    #[default]
    Refused,
    /// With one frame.
    OneFrame,
    /// With one frame of the whole blob, whatever the offset.
    FromTheBeginning,
    /// With a frame of nothing, then the content.
    EmptyFrameFirst,
    /// With a frame to be skipped, then the content.
    SkippableFrameFirst,
    /// With many frames.
    ManyFrames,
    /// With the blob itself.
    Plain,
    /// With more content than the blob has.
    TooMuch,
    /// With the right number of wrong bytes.
    WrongBytes,
}

/// What the compressor fields of a batch mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ZstdBatches {
    /// Nothing: the bytes of an upload are taken for the blob, and answers are never compressed.
    #[default]
    Ignored,
    /// What they say.
    Works,
    /// Answers are compressed, but do not say so.
    Unsaid,
    /// Answers say that they are compressed, but are not.
    Untrue,
    /// A batch with one that is not empty is UNIMPLEMENTED.
    Refused,
}

/// Which fields of a Command name its outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutputFields {
    /// `output_paths`; if there are none, the older ones.
    Either,
    /// `output_paths` only.
    Paths,
    /// The fields of API 2.0 only.
    Files,
}

/// A server's lasting ways. The default is a server by the book.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a habit of its own")]
pub(crate) struct Habits {
    pub(crate) digest_functions: Vec<reapi::digest_function::Value>,
    /// `max_batch_total_size_bytes` as announced.
    pub(crate) announced_batch: i64,
    /// What a batch may really have.
    pub(crate) real_batch: usize,
    pub(crate) low_api_version: (i32, i32),
    pub(crate) high_api_version: (i32, i32),
    pub(crate) executes: bool,
    pub(crate) takes_updates: bool,
    /// Inlines stdout, stderr and the outputs that are asked for.
    pub(crate) inlines: bool,
    /// `do_not_cache` is respected.
    pub(crate) respects_do_not_cache: bool,
    /// Execute looks into the action cache.
    pub(crate) serves_cached: bool,
    /// `skip_cache_lookup` is respected.
    pub(crate) respects_skip: bool,
    pub(crate) caches_failures: bool,
    /// GetActionResult checks that all blobs are there.
    pub(crate) checks_completeness: bool,
    pub(crate) violations: Violations,
    /// The status of an action that lacks a blob.
    pub(crate) missing_code: tonic::Code,
    /// The exit code of a tool that was killed.
    pub(crate) killed_exit: i32,
    /// FindMissing names a blob as often as it is asked.
    pub(crate) repeats_missing: bool,
    /// FindMissing names a blob that nobody asked about.
    pub(crate) names_others: bool,
    pub(crate) ignores_read_offset: bool,
    /// An offset that is the blob's size is INVALID_ARGUMENT, not an empty stream.
    pub(crate) refuses_offset_at_end: bool,
    pub(crate) committed: Committed,
    pub(crate) zstd: Zstd,
    /// What an upload of other bytes than named is called.
    pub(crate) wrong_digest: tonic::Code,
    /// What a batch that is too large is called.
    pub(crate) too_large: tonic::Code,
    pub(crate) output_fields: OutputFields,
    /// Execute refuses an Action whose input root has a symlink with an absolute target.
    pub(crate) refuses_absolute_symlinks: bool,
    /// Operations are forgotten as soon as their stream breaks.
    pub(crate) forgets_operations: bool,
    pub(crate) has_wait_execution: bool,
    /// CancelOperation is answered, and the action goes on.
    pub(crate) ignores_cancel: bool,
    /// A result that is put gets the name of who put it as its worker.
    pub(crate) signs_results: bool,
    /// Blobs are accepted and dropped.
    pub(crate) drops_uploads: bool,
    pub(crate) worker: &'static str,
    /// Waits for [`super::FakeReapi::let_one_run`] before each action.
    pub(crate) gated: bool,
    /// Before each answer of the action cache.
    pub(crate) delay: Duration,
    /// Changes each result of an execution.
    pub(crate) edit_result: Option<fn(&mut reapi::ActionResult)>,
    /// Messages on a stream of Execute say nothing of a stage.
    pub(crate) tells_stage: bool,
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            digest_functions: vec![reapi::digest_function::Value::Sha256],
            announced_batch: 4 << 20,
            real_batch: 4 << 20,
            low_api_version: (2, 0),
            high_api_version: (2, 12),
            executes: true,
            takes_updates: true,
            inlines: false,
            respects_do_not_cache: true,
            serves_cached: true,
            respects_skip: true,
            caches_failures: false,
            checks_completeness: false,
            violations: Violations::All,
            missing_code: tonic::Code::FailedPrecondition,
            killed_exit: -1,
            repeats_missing: false,
            names_others: false,
            ignores_read_offset: false,
            refuses_offset_at_end: false,
            committed: Committed::Size,
            zstd: Zstd::default(),
            wrong_digest: tonic::Code::InvalidArgument,
            too_large: tonic::Code::ResourceExhausted,
            output_fields: OutputFields::Either,
            refuses_absolute_symlinks: false,
            forgets_operations: false,
            has_wait_execution: true,
            ignores_cancel: false,
            signs_results: false,
            drops_uploads: false,
            worker: "worker-1",
            gated: false,
            delay: Duration::ZERO,
            edit_result: None,
            tells_stage: true,
        }
    }
}
