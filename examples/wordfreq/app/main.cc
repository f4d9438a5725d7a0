#include "wordfreq/counter.hpp"
#include "wordfreq/report.hpp"

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>

int main(int argc, char **argv)
{
    wordfreq::Counter counter;
    for (int at = 1; at < argc; ++at) {
        std::ifstream in(argv[at], std::ios::binary);
        if (!in) {
            std::cerr << "wordfreq: cannot read " << argv[at] << '\n';
            return EXIT_FAILURE;
        }
        counter.add(std::string(std::istreambuf_iterator<char>(in), {}));
    }
    wordfreq::print(std::cout, counter.top(10));
    std::cout << counter.distinct() << " words\n";
}
