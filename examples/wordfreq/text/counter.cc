#include "wordfreq/counter.hpp"
#include "wordfreq/split.hpp"

#include <algorithm>
#include <new>

namespace wordfreq {

Counter::Counter() : table_(table_new())
{
    if (!table_)
        throw std::bad_alloc();
}

void Counter::add(std::string_view text)
{
    split(text, [this](const std::string &word) {
        if (table_add(table_.get(), word.data(), word.size()) == 0)
            throw std::bad_alloc();
    });
}

std::vector<Word> Counter::top(std::size_t limit) const
{
    std::vector<Word> words;
    table_each(
        table_.get(),
        [](const table_entry *entry, void *state) {
            static_cast<std::vector<Word> *>(state)->push_back({std::string(entry->key, entry->length), entry->count});
        },
        &words);
    std::sort(words.begin(), words.end(), [](const Word &a, const Word &b) {
        return a.count != b.count ? a.count > b.count : a.text < b.text;
    });
    if (words.size() > limit)
        words.resize(limit);
    return words;
}

std::size_t Counter::distinct() const { return table_size(table_.get()); }

} // namespace wordfreq
