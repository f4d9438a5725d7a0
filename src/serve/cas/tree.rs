//! GetTree: all directories below one, page by page, each directory once however often it is referred to.
//!
//! A page's token is the digest of its last directory. The order of a tree is always the same (breadth first), so the
//! walk goes on behind that one; nothing has to be remembered between requests.

use super::super::instance::Instance;
use super::super::outgoing::{Answer, Outgoing, Stopped};
use super::super::storage::{self, MESSAGE, Storage, elsewhere, status};
use crate::digest::{Digest, Function};
use crate::pb::reapi::{self, Directory};
use crate::store::DiskStore;
use prost::Message as _;
use std::collections::{HashSet, VecDeque};
use tonic::Status;

/// Directories in one page, at most.
const PAGE: usize = 1000;
/// Bytes in one page, as long as one directory does not have more.
const PAGE_BYTES: u64 = MESSAGE as u64 / 2;
/// Bytes of a directory that is read at all. One of 100,000 entries has about ten million.
const LARGEST: u64 = 64 << 20;

/// Begins to answer. An error at once if the tree has no beginning.
pub(super) async fn get(
    storage: &Storage,
    request: reapi::GetTreeRequest,
) -> Result<Answer<reapi::GetTreeResponse>, Status> {
    Instance::parse(&request.instance_name)?;
    let function = storage::function(request.digest_function)?;
    let root = storage::digest(function, request.root_digest.as_ref())?;
    let page = match usize::try_from(request.page_size) {
        Ok(0) => PAGE,
        Ok(size) => size.min(PAGE),
        Err(_) => return Err(Status::invalid_argument("the page size is negative")),
    };
    let mut walk = Walk::new(storage, root);
    if !request.page_token.is_empty() {
        walk.behind = Some(parse_token(function, &request.page_token)?);
    }
    let turn = storage.walkers.clone().acquire_owned().await;
    let (walk, first) = step(walk, page).await?;
    let (outgoing, answer) = Outgoing::new(storage.limits().stall);
    tokio::spawn(async move {
        let result = send_pages(&outgoing, walk, first, page).await;
        outgoing.end(result);
        drop(turn);
    });
    Ok(answer)
}

async fn send_pages(
    outgoing: &Outgoing<reapi::GetTreeResponse>,
    mut walk: Walk,
    mut response: reapi::GetTreeResponse,
    page: usize,
) -> Result<(), Stopped> {
    loop {
        let is_last = response.next_page_token.is_empty();
        outgoing.send(response).await?;
        if is_last {
            return Ok(());
        }
        (walk, response) = step(walk, page).await?;
    }
}

async fn step(mut walk: Walk, page: usize) -> Result<(Walk, reapi::GetTreeResponse), Status> {
    elsewhere(move || walk.page(page).map(|response| (walk, response))).await
}

fn token(digest: Digest) -> String {
    digest.to_string()
}

fn parse_token(function: Function, token: &str) -> Result<Digest, Status> {
    let parse = || {
        let (hash, size) = token.split_once('/')?;
        function.digest_from_hex(hash, size.parse().ok()?).ok()
    };
    parse().ok_or_else(|| Status::invalid_argument("not a page token of this server"))
}

/// A walk through a tree.
struct Walk {
    store: DiskStore,
    root: Digest,
    queue: VecDeque<Digest>,
    seen: HashSet<Digest>,
    /// The last directory of the page before, until the walk has passed it.
    behind: Option<Digest>,
    limit: usize,
}

impl Walk {
    fn new(storage: &Storage, root: Digest) -> Self {
        Self {
            store: storage.store().clone(),
            root,
            queue: VecDeque::from([root]),
            seen: HashSet::from([root]),
            behind: None,
            limit: storage.limits().directories,
        }
    }

    /// The next page.
    fn page(&mut self, size: usize) -> Result<reapi::GetTreeResponse, Status> {
        let mut response = reapi::GetTreeResponse::default();
        let mut bytes = 0;
        while let Some(digest) = self.queue.pop_front() {
            let Some(directory) = self.read(digest)? else {
                continue;
            };
            self.enqueue(digest.function(), &directory)?;
            match self.behind {
                Some(last) if last == digest => self.behind = None,
                Some(_) => {}
                None => {
                    response.directories.push(directory);
                    bytes += digest.size();
                }
            }
            let next_bytes = self.queue.front().map_or(0, Digest::size);
            let is_full = response.directories.len() >= size || bytes + next_bytes > PAGE_BYTES;
            if is_full && !self.queue.is_empty() && !response.directories.is_empty() {
                response.next_page_token = token(digest);
                return Ok(response);
            }
        }
        if self.behind.is_some() {
            return Err(Status::invalid_argument("the page token is not of this tree"));
        }
        Ok(response)
    }

    /// `None` for what is not here below the root: the protocol has it left out.
    fn read(&self, digest: Digest) -> Result<Option<Directory>, Status> {
        if digest.size() > LARGEST {
            return Err(Status::resource_exhausted(format!("directory {digest} is too large")));
        }
        match self.store.read(digest).map_err(status)? {
            Some(content) => match Directory::decode(content) {
                Ok(directory) => Ok(Some(directory)),
                Err(error) => Err(Status::invalid_argument(format!("{digest} is no directory: {error}"))),
            },
            None if digest == self.root => Err(Status::not_found(format!("no blob {digest}"))),
            None => Ok(None),
        }
    }

    fn enqueue(&mut self, function: Function, directory: &Directory) -> Result<(), Status> {
        for child in &directory.directories {
            let digest = storage::digest(function, child.digest.as_ref())?;
            if !self.seen.insert(digest) {
                continue;
            }
            if self.seen.len() > self.limit {
                let what = format!("the tree has more than {} directories", self.limit);
                return Err(Status::resource_exhausted(what));
            }
            self.queue.push_back(digest);
        }
        Ok(())
    }
}
