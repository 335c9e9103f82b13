#include "guard/pve_files.hpp"

#include "guard/handover.hpp"

#include <cerrno>
#include <cstdio>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

namespace steward::guard {
namespace {

constexpr std::size_t largest_file = 1024 * 1024;  // pmxcfs takes no more (pve-facts E.1)
constexpr const char* temporary_suffix = ".tmp.steward";

errc meaning_of(int error) {
    switch (error) {
        case EACCES:
        case EPERM:
        case EROFS: return errc::no_quorum;
        case ENOENT: return errc::not_found;
        case EEXIST: return errc::exists;
        case ELOOP:
        case ENOTDIR: return errc::refused;
        case ENOTCONN:
        case ESTALE:
        case ENODEV: return errc::unavailable;
        default: return errc::io;
    }
}

std::string words_for(int error, const std::string& what) {
    const std::string system = std::error_code(error, std::generic_category()).message();
    switch (meaning_of(error)) {
        case errc::no_quorum: return fmt::format("{}: cluster not ready - no quorum? ({})", what, system);
        case errc::refused: return fmt::format("{}: not a plain file in a plain directory ({})", what, system);
        case errc::unavailable: return fmt::format("{}: is pve-cluster running? ({})", what, system);
        default: return fmt::format("{}: {}", what, system);
    }
}

/// A regular file, whole.
outcome<std::string> read_all(int fd, const std::string& what) {
    struct stat info {};
    if (::fstat(fd, &info) != 0) return failure(errno, what);
    if (!S_ISREG(info.st_mode)) return failure(ELOOP, what);
    std::string content;
    char buffer[8192];
    for (;;) {
        const ssize_t n = ::read(fd, buffer, sizeof buffer);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return failure(errno, what);
        if (n == 0) return content;
        content.append(buffer, static_cast<std::size_t>(n));
        if (content.size() > largest_file) return failure(EFBIG, what);
    }
}

std::optional<failure> write_all(int fd, std::string_view content, const std::string& what) {
    while (!content.empty()) {
        const ssize_t n = ::write(fd, content.data(), content.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return failure(errno, what);
        content.remove_prefix(static_cast<std::size_t>(n));
    }
    return std::nullopt;
}

/// On FUSE fsync of a directory may be refused; pmxcfs itself is synchronous.
std::optional<failure> synced(int fd, const std::string& what) {
    if (::fsync(fd) == 0 || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP) return std::nullopt;
    return failure(errno, what);
}

}  // namespace

descriptor::~descriptor() {
    if (fd_ >= 0) ::close(fd_);
}

descriptor& descriptor::operator=(descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
}

failure::failure(int error, std::string what) : code(meaning_of(error)), detail(words_for(error, what)) {
    may_have_happened = code == errc::io || code == errc::unavailable;
}

outcome<pve_files> pve_files::open(const std::filesystem::path& root) {
    descriptor fd(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd.get() < 0) return failure(errno == ENOENT ? ENOTCONN : errno, root.string());
    // While pmxcfs is down /etc/pve is an empty directory of the root disk: nothing may be written there.
    struct stat info {};
    if (::fstatat(fd.get(), "nodes", &info, AT_SYMLINK_NOFOLLOW) != 0)
        return failure(errno == ENOENT ? ENOTCONN : errno, (root / "nodes").string());
    return pve_files(std::move(fd));
}

outcome<descriptor> pve_files::walk(const std::string& directory, bool create) {
    descriptor here(::fcntl(root_.get(), F_DUPFD_CLOEXEC, 0));
    if (here.get() < 0) return failure(errno, directory);
    for (std::size_t at = 0; at < directory.size();) {
        const std::size_t end = std::min(directory.find('/', at), directory.size());
        const std::string name = directory.substr(at, end - at);
        at = end + 1;
        if (create && ::mkdirat(here.get(), name.c_str(), 0700) != 0 && errno != EEXIST)
            return failure(errno, directory);
        descriptor next(::openat(here.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (next.get() < 0) return failure(errno, directory);
        here = std::move(next);
    }
    return here;
}

std::optional<failure> pve_files::prove_writable() {
    auto parked = walk(parked_directory, true);
    if (auto* why = std::get_if<failure>(&parked)) return std::move(*why);
    const int directory = std::get<descriptor>(parked).get();
    // A directory of its own rather than a timestamp: setting a time to what it is already is never sent. One of these
    // names may be left from a guard that was killed here; taking it away is an ordered write as well.
    const std::string name = fmt::format("write-check.{}", ::getpid());
    if (::mkdirat(directory, name.c_str(), 0700) != 0 && errno != EEXIST) return failure(errno, parked_directory);
    if (::unlinkat(directory, name.c_str(), AT_REMOVEDIR) != 0) return failure(errno, parked_directory);
    return std::nullopt;
}

outcome<std::optional<std::string>> pve_files::read(const std::string& directory, const std::string& name) {
    const std::string what = "read " + directory + "/" + name;
    auto place = walk(directory, false);
    if (auto* why = std::get_if<failure>(&place)) {
        if (why->code == errc::not_found) return std::optional<std::string>();
        return std::move(*why);
    }
    const descriptor file(
        ::openat(std::get<descriptor>(place).get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (file.get() < 0 && errno == ENOENT) return std::optional<std::string>();
    if (file.get() < 0) return failure(errno, what);
    auto content = read_all(file.get(), what);
    if (auto* why = std::get_if<failure>(&content)) return std::move(*why);
    return std::optional<std::string>(std::move(std::get<std::string>(content)));
}

std::optional<failure> pve_files::write(const std::string& directory, const std::string& name,
                                        std::string_view content) {
    const std::string what = "write " + directory + "/" + name;
    const std::string temporary = name + temporary_suffix;
    auto place = walk(directory, directory == parked_directory);
    if (auto* why = std::get_if<failure>(&place)) return std::move(*why);
    const int in = std::get<descriptor>(place).get();
    // Left behind by a guard that was killed here.
    if (::unlinkat(in, temporary.c_str(), 0) != 0 && errno != ENOENT) return failure(errno, what);
    {
        const descriptor file(
            ::openat(in, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640));
        if (file.get() < 0) return failure(errno, what);
        if (auto why = write_all(file.get(), content, what)) return why;
        if (auto why = synced(file.get(), what)) return why;
    }
    if (::renameat(in, temporary.c_str(), in, name.c_str()) != 0) return failure(errno, what);
    return synced(in, what);
}

std::optional<failure> pve_files::move(const std::string& from_directory, const std::string& from,
                                       const std::string& to_directory, const std::string& to) {
    const std::string what = fmt::format("move {}/{} to {}/{}", from_directory, from, to_directory, to);
    auto source = walk(from_directory, false);
    if (auto* why = std::get_if<failure>(&source)) return std::move(*why);
    auto target = walk(to_directory, to_directory == parked_directory);
    if (auto* why = std::get_if<failure>(&target)) return std::move(*why);
    const int out_of = std::get<descriptor>(source).get();
    const int into = std::get<descriptor>(target).get();
    int done = ::renameat2(out_of, from.c_str(), into, to.c_str(), RENAME_NOREPLACE);
    if (done != 0 && (errno == EINVAL || errno == ENOSYS)) {
        // FUSE with libfuse 2, as pmxcfs has it, knows no flags. Only guards put files here, one request at a time, and
        // pmxcfs itself refuses a vmid that another node has.
        struct stat info {};
        if (::fstatat(into, to.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) return failure(EEXIST, what);
        if (errno != ENOENT) return failure(errno, what);
        done = ::renameat(out_of, from.c_str(), into, to.c_str());
    }
    if (done != 0) return failure(errno, what);
    if (auto why = synced(into, what)) return why;
    return synced(out_of, what);
}

outcome<bool> pve_files::has_directory(const std::string& directory) {
    auto place = walk(directory, false);
    if (auto* why = std::get_if<failure>(&place)) {
        if (why->code == errc::not_found) return false;
        return std::move(*why);
    }
    return true;
}

outcome<std::vector<std::string>> pve_files::node_names() {
    auto place = walk("nodes", false);
    if (auto* why = std::get_if<failure>(&place)) return std::move(*why);
    const int fd = ::fcntl(std::get<descriptor>(place).get(), F_DUPFD_CLOEXEC, 0);
    const std::unique_ptr<DIR, int (*)(DIR*)> list(::fdopendir(fd), &::closedir);
    if (!list) {
        const failure why(errno, "nodes");
        ::close(fd);
        return why;
    }
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(list.get()))
        if (parse_node_name(entry->d_name)) names.emplace_back(entry->d_name);
    return names;
}

}  // namespace steward::guard
