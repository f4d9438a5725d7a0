#pragma once

#include "wordfreq/counter.hpp"

#include <iosfwd>

namespace wordfreq {

// Writes one line a word: the count, right-aligned, and the word.
void print(std::ostream &out, const std::vector<Word> &words);

} // namespace wordfreq
