#pragma once

#include <cctype>
#include <string>
#include <string_view>

namespace wordfreq {

// Calls `visit` with each run of letters and digits, in lower case.
template <typename Visit>
void split(std::string_view text, Visit visit)
{
    std::string word;
    for (char c : text) {
        if (std::isalnum(static_cast<unsigned char>(c))) {
            word.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
        } else if (!word.empty()) {
            visit(word);
            word.clear();
        }
    }
    if (!word.empty())
        visit(word);
}

} // namespace wordfreq
