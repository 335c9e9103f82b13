#include "guard/pve_files.hpp"

#include "core/handover/handover.hpp"

#include <cerrno>
#include <cstdio>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

namespace steward::guard {

using handover::parked_directory;

namespace {

constexpr std::size_t largest_file = 1024 * 1024;  // pmxcfs takes no more (pve-facts E.1)
constexpr const char* temporary_mark = ".tmp.steward";

/// Ours below priv; all other directories are PVE's.
bool is_ours(const std::string& directory) {
    return directory.starts_with("priv/steward/") || directory == "priv/lock";
}

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
        const ssize_t taken = ::write(fd, content.data(), content.size());
        if (taken < 0 && errno == EINTR) continue;
        if (taken < 0) return failure(errno, what);
        content.remove_prefix(static_cast<std::size_t>(taken));
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

reply refusal(const failure& f) { return refusal(f.code, f.detail); }

pve_files::pve_files(descriptor root, const node_name& writer)
    : root_(std::move(root)), writer_(writer.empty() ? std::to_string(::getpid()) : writer.str()) {}

outcome<pve_files> pve_files::open(const std::filesystem::path& root, const node_name& writer) {
    descriptor fd(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd.get() < 0) return failure(errno == ENOENT ? ENOTCONN : errno, root.string());
    // While pmxcfs is down /etc/pve is an empty directory of the root disk: nothing may be written there.
    struct stat info {};
    if (::fstatat(fd.get(), "nodes", &info, AT_SYMLINK_NOFOLLOW) != 0)
        return failure(errno == ENOENT ? ENOTCONN : errno, (root / "nodes").string());
    return pve_files(std::move(fd), writer);
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
    const std::string name = "write-check." + writer_;
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
    const std::string temporary = name + temporary_mark + "." + writer_;
    auto place = walk(directory, is_ours(directory));
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
    auto target = walk(to_directory, is_ours(to_directory));
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

outcome<std::vector<std::string>> pve_files::list(const std::string& directory) {
    std::vector<std::string> names;
    auto place = walk(directory, false);
    if (auto* why = std::get_if<failure>(&place)) {
        if (why->code == errc::not_found) return names;
        return std::move(*why);
    }
    const int fd = ::fcntl(std::get<descriptor>(place).get(), F_DUPFD_CLOEXEC, 0);
    const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(fd), &::closedir);
    if (!entries) {
        const failure why(errno, directory);
        ::close(fd);
        return why;
    }
    // Half a list is none: the newest epoch may be in the other half.
    for (;;) {
        errno = 0;
        const dirent* entry = ::readdir(entries.get());
        if (entry == nullptr && errno == 0) return names;
        if (entry == nullptr) return failure(errno, directory);
        const std::string_view name = entry->d_name;
        if (!name.starts_with('.') && name.find(temporary_mark) == std::string_view::npos) names.emplace_back(name);
    }
}

outcome<bool> pve_files::make_directory(const std::string& directory, const std::string& name) {
    auto place = walk(directory, true);
    if (auto* why = std::get_if<failure>(&place)) return std::move(*why);
    if (::mkdirat(std::get<descriptor>(place).get(), name.c_str(), 0700) == 0) return true;
    if (errno == EEXIST) return false;
    return failure(errno, "make " + directory + "/" + name);
}

std::optional<failure> pve_files::remove_directory(const std::string& directory, const std::string& name) {
    auto place = walk(directory, false);
    if (auto* why = std::get_if<failure>(&place)) return std::move(*why);
    if (::unlinkat(std::get<descriptor>(place).get(), name.c_str(), AT_REMOVEDIR) == 0) return std::nullopt;
    return failure(errno, "remove " + directory + "/" + name);
}

std::optional<failure> pve_files::remove_file(const std::string& directory, const std::string& name) {
    auto place = walk(directory, false);
    if (auto* why = std::get_if<failure>(&place)) return std::move(*why);
    if (::unlinkat(std::get<descriptor>(place).get(), name.c_str(), 0) == 0 || errno == ENOENT) return std::nullopt;
    return failure(errno, "remove " + directory + "/" + name);
}

outcome<std::optional<std::int64_t>> pve_files::modified(const std::string& directory, const std::string& name) {
    auto place = walk(directory, false);
    if (auto* why = std::get_if<failure>(&place)) {
        if (why->code == errc::not_found) return std::optional<std::int64_t>();
        return std::move(*why);
    }
    struct stat info {};
    if (::fstatat(std::get<descriptor>(place).get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0)
        return std::optional<std::int64_t>(info.st_mtim.tv_sec);
    if (errno == ENOENT) return std::optional<std::int64_t>();
    return failure(errno, "look at " + directory + "/" + name);
}

std::optional<failure> pve_files::set_modified(const std::string& directory, const std::string& name,
                                               std::int64_t when) {
    auto place = walk(directory, false);
    if (auto* why = std::get_if<failure>(&place)) return std::move(*why);
    const timespec both[2] = {{when, 0}, {when, 0}};
    if (::utimensat(std::get<descriptor>(place).get(), name.c_str(), both, AT_SYMLINK_NOFOLLOW) == 0)
        return std::nullopt;
    return failure(errno, "renew " + directory + "/" + name);
}

}  // namespace steward::guard
