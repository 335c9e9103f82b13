// Feeds every file below the given folders, whole and cut at many places, to one fuzz target: the corpus as a test.
// With
// --seconds N it goes on with random changes of those files, as a coverage-guided fuzzer would begin: the same ones
// each time, others with STEWARD_FUZZ_SEED=NUMBER.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr std::size_t longest = 64U << 10U;

std::size_t feed(const std::string& bytes) {
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    return 1;
}

std::size_t feed_with_cuts(const std::string& bytes) {
    std::size_t runs = feed(bytes);
    const std::size_t step = bytes.size() / 64 + 1;
    for (std::size_t cut = 0; cut < bytes.size(); cut += step) {
        std::string flipped = bytes;
        flipped[cut] = static_cast<char>(flipped[cut] ^ 0x41);
        runs += feed(bytes.substr(0, cut)) + feed(bytes.substr(cut)) + feed(flipped);
    }
    return runs;
}

/// Changes one text a few times: bytes that mean something to parsers, pieces moved, doubled or taken from another.
class mutator {
  public:
    mutator(const std::vector<std::string>& corpus, std::uint64_t seed) : corpus_(corpus), engine_(seed) {}

    std::string next() {
        std::string text = corpus_[below(corpus_.size())];
        for (std::size_t changes = 1 + below(6); changes > 0; --changes) change(text);
        if (text.size() > longest) text.resize(longest);
        return text;
    }

  private:
    std::size_t below(std::size_t n) { return n == 0 ? 0 : static_cast<std::size_t>(engine_() % n); }

    void change(std::string& text) {
        constexpr char telling[] = {'\0', '\n', '\t', ' ', '"', '\'', '\\',   ',',    ';',   ':', '=',
                                    '{',  '}',  '[',  ']', '(', ')',  '%',    '+',    '-',   '.', '/',
                                    '0',  '9',  'e',  'u', '@', '!',  '\x7f', '\xc3', '\xff'};
        const std::size_t at = below(text.size() + 1);
        const std::size_t length = below(text.size() - at + 1);
        switch (below(6)) {
            case 0: text.insert(at, 1, telling[below(sizeof telling)]); return;
            case 1:
                if (at < text.size()) text[at] = telling[below(sizeof telling)];
                return;
            case 2: text.erase(at, 1 + length / 4); return;
            case 3: text.insert(at, text.substr(at, length / 2)); return;
            case 4:
                if (at < text.size()) text[at] = static_cast<char>(engine_());
                return;
            default: {
                const std::string& other = corpus_[below(corpus_.size())];
                const std::size_t from = below(other.size() + 1);
                text.insert(at, other.substr(from, below(other.size() - from + 1)));
            }
        }
    }

    const std::vector<std::string>& corpus_;
    std::mt19937_64 engine_;
};

}  // namespace

int main(int argc, char** argv) {
    std::vector<std::string> corpus{""};
    int seconds = 0;
    for (int i = 1; i < argc; ++i) {
        if (std::strcmp(argv[i], "--seconds") == 0 && i + 1 < argc) {
            seconds = std::atoi(argv[++i]);
            continue;
        }
        for (const auto& file : std::filesystem::recursive_directory_iterator(argv[i])) {
            if (!file.is_regular_file()) continue;
            std::ifstream in(file.path(), std::ios::binary);
            corpus.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
        }
    }
    std::size_t runs = 0;
    for (const std::string& text : corpus) runs += feed_with_cuts(text);
    std::printf("%zu inputs from the corpus\n", runs);
    if (runs <= 64) return 1;  // an empty corpus would prove nothing
    const char* given = std::getenv("STEWARD_FUZZ_SEED");
    mutator changed(corpus, given ? std::strtoull(given, nullptr, 10) : 1);
    // Processor time, so that a busy machine tries no less.
    const std::clock_t end = std::clock() + seconds * CLOCKS_PER_SEC;
    std::size_t more = 0;
    while (std::clock() < end)
        for (int i = 0; i < 64; ++i) more += feed(changed.next());
    std::printf("%zu inputs made of it\n", more);
    return 0;
}
