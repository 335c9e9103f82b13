#include "observe/ledger_writer.hpp"

#include "observe/ledger_line.hpp"
#include "runtime/atomic_file.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

namespace steward {
namespace fs = std::filesystem;
namespace {

/// Written, and made to last, at once: a burst of decisions costs one fdatasync.
constexpr std::size_t largest_batch = 256U << 10U;

fault failed(const std::string& what) { return {errc::io, what, std::error_code(errno, std::generic_category())}; }

/// How far a file's lines follow one another.
class good_part {
  public:
    std::size_t bytes = 0;
    std::size_t lines = 0;
    std::uint64_t sequence = 0;
    std::string head;
};

good_part good_part_of(std::string_view text) {
    good_part good;
    for (const std::string_view line : ledger_files::split(text).whole) {
        const auto parts = ledger_line::take_apart(line);
        if (good.lines == 0) good.head = ledger_line::text_of(line, "anchor");
        if (!parts || !ledger_line::follows(*parts, good.head)) break;
        good.bytes += line.size() + 1;
        ++good.lines;
        good.sequence = parts->sequence;
        good.head = std::string(parts->hash);
    }
    return good;
}

/// Nothing but what a crash in the middle of a write leaves: the beginning of one line, or space that was never filled.
bool is_torn(std::string_view rest) {
    return rest.find('\n') == std::string_view::npos || rest.find_first_not_of('\0') == std::string_view::npos;
}

}  // namespace

ledger_writer::~ledger_writer() { close(); }

void ledger_writer::close() {
    if (file_ >= 0) ::close(file_);
    file_ = -1;
}

result<void> ledger_writer::append(std::deque<std::string>& queue, wall_time now) {
    if (file_ < 0)
        if (auto opened = open(now); !opened) return opened;
    while (!queue.empty()) {
        if (size_ >= limits_.largest_file)
            if (auto begun = begin_file(number_ + 1, now, ""); !begun) return begun;
        std::string chunk;
        std::size_t count = 0;
        std::uint64_t sequence = sequence_;
        std::string head = head_;
        while (count < queue.size() && chunk.size() < largest_batch && size_ + chunk.size() < limits_.largest_file) {
            ledger_line::sealed line = ledger_line::seal(queue[count], ++sequence, head);
            chunk += line.text + '\n';
            head = std::move(line.hash);
            ++count;
        }
        if (auto written = write(chunk); !written) return written;
        sequence_ = sequence;
        head_ = std::move(head);
        queue.erase(queue.begin(), queue.begin() + static_cast<std::ptrdiff_t>(count));
    }
    return {};
}

result<void> ledger_writer::write(const std::string& text) {
    const std::string where = "write " + (directory_ / ledger_files::name_of(number_)).string();
    std::string_view left = text;
    while (!left.empty()) {
        const ssize_t n = ::write(file_, left.data(), left.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) break;
        left.remove_prefix(static_cast<std::size_t>(n));
    }
    if (left.empty() && ::fdatasync(file_) == 0) {
        size_ += text.size();
        return {};
    }
    const fault why = failed(where);
    // What is half there would be taken for a torn line; after a failed fdatasync nobody knows what is. Opened anew,
    // the file tells.
    if (::ftruncate(file_, static_cast<off_t>(size_)) != 0) size_ = 0;
    close();
    return why;
}

result<void> ledger_writer::open(wall_time now) {
    std::error_code ec;
    fs::create_directories(directory_, ec);
    if (ec) return fault(errc::io, "create " + directory_.string(), ec);
    fs::permissions(directory_, fs::perms::owner_all, ec);
    auto files = ledger_files::list(directory_);
    if (!files) return files.error();
    found_.clear();
    found_damage_ = false;
    head_ = ledger_line::first_anchor();
    sequence_ = 0;
    while (!files->empty()) {
        if (auto usable = go_on_from(files->back()); !usable) return usable;
        if (file_ >= 0) return {};
        if (found_damage_) break;
        // It was begun and got no line: a crash or a full disk, right after it was made.
        fs::remove(files->back().path, ec);
        files->pop_back();
    }
    return begin_file(files->empty() ? 1 : files->back().number + 1, now, found_);
}

/// Opens it behind its last good line. Not opened: it holds none, or what follows is no accident (found_damage).
result<void> ledger_writer::go_on_from(const ledger_files::file& last) {
    const auto text = read_file(last.path, ledger_files::largest);
    if (!text) return text.error();
    const good_part good = good_part_of(*text);
    const std::string_view rest = std::string_view(*text).substr(good.bytes);
    if (good.lines == 0 && is_torn(rest)) return {};
    if (good.lines != 0) {
        sequence_ = good.sequence;
        head_ = good.head;
    }
    if (!is_torn(rest)) {
        found_damage_ = true;
        found_ = fmt::format("{}:{} does not follow the line before it; a new file goes on from line {}",
                             last.path.filename().string(), good.lines + 1, good.lines);
        return {};
    }
    const int fd = ::open(last.path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd < 0) return failed("open " + last.path.string());
    if (!rest.empty() && ::ftruncate(fd, static_cast<off_t>(good.bytes)) != 0) {
        const fault why = failed("truncate " + last.path.string());
        ::close(fd);
        return why;
    }
    if (!rest.empty())
        found_ = fmt::format("{} bytes of a line that a crash has torn were removed from the end of {}", rest.size(),
                             last.path.filename().string());
    file_ = fd;
    number_ = last.number;
    size_ = good.bytes;
    return {};
}

result<void> ledger_writer::begin_file(std::uint64_t number, wall_time now, const std::string& why) {
    const fs::path path = directory_ / ledger_files::name_of(number);
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) return failed("create " + path.string());
    close();
    file_ = fd;
    number_ = number;
    size_ = 0;
    const ledger_line::sealed first =
        ledger_line::seal(ledger_line::header(number, head_, now, why), sequence_ + 1, head_);
    if (auto written = write(first.text + '\n'); !written) return written;
    ++sequence_;
    head_ = first.hash;
    const int directory = ::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0) {
        ::fsync(directory);
        ::close(directory);
    }
    drop_oldest();
    return {};
}

void ledger_writer::drop_oldest() {
    const auto files = ledger_files::list(directory_);
    if (!files || files->size() <= limits_.most_files) return;
    std::error_code ignored;
    for (std::size_t i = 0; i + limits_.most_files < files->size(); ++i) fs::remove((*files)[i].path, ignored);
}

}  // namespace steward
