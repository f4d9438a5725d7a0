#include "wordfreq/counter.hpp"
#include "wordfreq/report.hpp"

#include <cassert>
#include <iostream>
#include <sstream>

int main()
{
    wordfreq::Counter counter;
    for (int round = 0; round < 1000; ++round)
        counter.add("one Two two three THREE three w" + std::to_string(round));
    assert(counter.distinct() == 1003);
    std::ostringstream out;
    wordfreq::print(out, counter.top(3));
    assert(out.str() == "    3000 three\n    2000 two\n    1000 one\n");
    std::cout << "ok\n";
}
