#pragma once

#include "wordfreq/table.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace wordfreq {

struct Word {
    std::string text;
    std::uint64_t count;
};

// Counts the words of a text; what a word is, is told by split().
class Counter {
public:
    Counter();
    void add(std::string_view text);
    // Most frequent first, equal ones by name.
    std::vector<Word> top(std::size_t limit) const;
    std::size_t distinct() const;

private:
    struct Free {
        void operator()(table *t) const { table_free(t); }
    };
    std::unique_ptr<table, Free> table_;
};

} // namespace wordfreq
