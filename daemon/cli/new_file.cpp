#include "new_file.hpp"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

namespace steward::cli {
namespace {

fault in_the_way(const std::string& file) {
    return fault(errc::exists, file, "is there already and stays as it is; name another file");
}

}  // namespace

result<void> is_free(const std::string& file) {
    std::error_code ec;
    if (std::filesystem::exists(std::filesystem::symlink_status(file, ec))) return in_the_way(file);
    return {};
}

result<void> write_new(const std::string& file, std::string_view text, unsigned mode) {
    const int out = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (out < 0 && errno == EEXIST) return in_the_way(file);
    if (out < 0) return fault(errc::io, file, std::error_code(errno, std::generic_category()));
    std::size_t done = 0;
    while (done < text.size()) {
        const ssize_t n = ::write(out, text.data() + done, text.size() - done);
        if (n <= 0) break;
        done += static_cast<std::size_t>(n);
    }
    const bool is_whole = ::close(out) == 0 && done == text.size();
    if (!is_whole) return fault(errc::io, file, "could not be written whole");
    return {};
}

}  // namespace steward::cli
