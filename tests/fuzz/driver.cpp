// Feeds every file below the given folders, whole and cut at many places, to one fuzz target: the corpus as a test.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
    std::size_t runs = 0;
    const auto feed = [&](const std::string& bytes) {
        LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
        ++runs;
    };
    feed("");
    for (int i = 1; i < argc; ++i) {
        for (const auto& file : std::filesystem::recursive_directory_iterator(argv[i])) {
            if (!file.is_regular_file()) continue;
            std::ifstream in(file.path(), std::ios::binary);
            const std::string bytes{std::istreambuf_iterator<char>(in), {}};
            feed(bytes);
            const std::size_t step = bytes.size() / 64 + 1;
            for (std::size_t cut = 0; cut < bytes.size(); cut += step) {
                feed(bytes.substr(0, cut));
                feed(bytes.substr(cut));
                std::string flipped = bytes;
                flipped[cut] = static_cast<char>(flipped[cut] ^ 0x41);
                feed(flipped);
            }
        }
    }
    std::printf("%zu inputs\n", runs);
    return runs > 64 ? 0 : 1;  // an empty corpus would prove nothing
}
