//! zstd, as the protocol's `Compressor.ZSTD` (RFC 8878): piece by piece, within bounds that the receiver sets.
//!
//! What compresses is free to send several frames, frames of nothing, and frames to be skipped, and servers do (an empty
//! or skippable one first, then the content): the content is what all of them hold together. Knows nothing of digests;
//! whoever decompresses proves the content by its own.

use std::io;
use zstd::stream::raw::{Decoder, Encoder, InBuffer, Operation, OutBuffer};

/// The fastest of zstd's usual levels. Objects shrink to less than half with it, and a network that is faster than
/// this level needs no compression.
const LEVEL: i32 = 1;
/// The most content that one call gives, in bytes: few bytes of input may stand for very many.
const PIECE: usize = 256 << 10;
/// How much longer than twice its content an encoding may be, in bytes. It is no longer than the content but for a few
/// bytes a frame; more is not meant to be decoded.
const SLACK: u64 = 1 << 20;

/// Why bytes are not an encoding that we take.
#[derive(Debug, thiserror::Error)]
pub enum CompressionError {
    /// They stand for more than that.
    #[error("the content is larger than {limit} bytes")]
    TooLarge {
        /// What was allowed.
        limit: u64,
    },
    /// There are too many of them for their content, as in frames of nothing without end.
    #[error("the encoding is longer than {0} bytes")]
    TooLong(u64),
    /// The last frame does not end.
    #[error("the encoding ends too early")]
    Truncated,
    /// They are no zstd, or need more memory than zstd allows by default.
    #[error("the encoding is wrong")]
    Malformed(#[source] io::Error),
}

/// Compresses one content of known size into one frame.
pub struct Compressor(Encoder<'static>);

impl Compressor {
    /// For a content of so many bytes. An error only for want of memory.
    pub fn new(size: u64) -> io::Result<Self> {
        let mut encoder = Encoder::new(LEVEL)?;
        encoder.set_pledged_src_size(Some(size))?;
        Ok(Self(encoder))
    }

    /// Takes the next bytes of the content, and gives what is ready of the encoding, often nothing. An error if the
    /// content becomes larger than it was said to be.
    pub fn push(&mut self, content: &[u8]) -> io::Result<Vec<u8>> {
        let mut encoded = Vec::new();
        let mut input = InBuffer::around(content);
        while input.pos() < content.len() {
            grow(
                &mut encoded,
                zstd::zstd_safe::compress_bound(content.len() - input.pos()),
            );
            let filled = encoded.len();
            self.0
                .run(&mut input, &mut OutBuffer::around_pos(&mut encoded, filled))?;
        }
        Ok(encoded)
    }

    /// The rest of the encoding. An error if the content was smaller than it was said to be.
    pub fn finish(mut self) -> io::Result<Vec<u8>> {
        let mut encoded = Vec::new();
        loop {
            grow(&mut encoded, PIECE);
            let filled = encoded.len();
            if self.0.finish(&mut OutBuffer::around_pos(&mut encoded, filled), true)? == 0 {
                return Ok(encoded);
            }
        }
    }
}

/// Makes room for so many bytes at the end.
fn grow(buffer: &mut Vec<u8>, more: usize) {
    buffer.reserve(more.min(PIECE));
}

/// Decompresses any number of frames into one content.
pub struct Decompressor {
    decoder: Decoder<'static>,
    limit: u64,
    taken: u64,
    given: u64,
    is_in_frame: bool,
    /// The last piece was full, so that there may be more without any input.
    has_more: bool,
}

impl Decompressor {
    /// For a content of at most `limit` bytes. An error only for want of memory.
    pub fn new(limit: u64) -> io::Result<Self> {
        Ok(Self {
            decoder: Decoder::new()?,
            limit,
            taken: 0,
            given: 0,
            is_in_frame: false,
            has_more: false,
        })
    }

    /// Takes from the front of `encoded`, and gives the next bytes of the content, at most 256 KiB. To be called until
    /// it gives none; then `encoded` is empty, and more of it can be brought.
    pub fn pull(&mut self, encoded: &mut &[u8]) -> Result<Vec<u8>, CompressionError> {
        let mut content = Vec::with_capacity(self.room());
        while content.len() < content.capacity() && (!encoded.is_empty() || self.has_more) {
            let before = content.len();
            let mut input = InBuffer::around(encoded);
            let hint = self
                .decoder
                .run(&mut input, &mut OutBuffer::around_pos(&mut content, before))
                .map_err(CompressionError::Malformed)?;
            let used = input.pos();
            *encoded = &encoded[used..];
            self.taken += used as u64;
            self.given += (content.len() - before) as u64;
            self.has_more = hint != 0 && content.len() == content.capacity();
            // Without input and output nothing has happened, and the hint is about a frame that may never begin.
            if used > 0 || content.len() > before {
                self.is_in_frame = hint != 0;
            }
            self.check_bounds()?;
        }
        Ok(content)
    }

    /// How much the next piece may have: one byte too many is enough to know.
    fn room(&self) -> usize {
        let left = usize::try_from(self.limit - self.given).unwrap_or(usize::MAX);
        left.saturating_add(1).min(PIECE)
    }

    fn check_bounds(&self) -> Result<(), CompressionError> {
        let longest = self.limit.saturating_mul(2).saturating_add(SLACK);
        if self.given > self.limit {
            return Err(CompressionError::TooLarge { limit: self.limit });
        }
        if self.taken > longest {
            return Err(CompressionError::TooLong(longest));
        }
        Ok(())
    }

    /// No more will come: [`CompressionError::Truncated`] if more would have to. No frame at all is no content.
    pub fn finish(self) -> Result<(), CompressionError> {
        if self.is_in_frame {
            return Err(CompressionError::Truncated);
        }
        Ok(())
    }
}

/// The encoding of the whole content.
pub fn compress(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut compressor = Compressor::new(content.len() as u64)?;
    let mut encoded = compressor.push(content)?;
    encoded.append(&mut compressor.finish()?);
    Ok(encoded)
}

/// The whole content, if it has at most `limit` bytes.
pub fn decompress(mut encoded: &[u8], limit: u64) -> Result<Vec<u8>, CompressionError> {
    let mut decompressor = Decompressor::new(limit).map_err(CompressionError::Malformed)?;
    let mut content = Vec::new();
    loop {
        let mut piece = decompressor.pull(&mut encoded)?;
        if piece.is_empty() {
            break;
        }
        content.append(&mut piece);
    }
    decompressor.finish()?;
    Ok(content)
}

#[cfg(test)]
mod tests;
