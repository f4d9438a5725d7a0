#include "wordfreq/report.hpp"

#include <iomanip>
#include <ostream>

namespace wordfreq {

void print(std::ostream &out, const std::vector<Word> &words)
{
    for (const Word &word : words)
        out << std::setw(8) << word.count << ' ' << word.text << '\n';
}

} // namespace wordfreq
