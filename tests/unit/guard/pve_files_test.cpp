#include "guard/pve_files.hpp"

#include "support/guarded_node.hpp"
#include "support/without_input.hpp"
#include "unit/guard/kernel_fault.hpp"

#include <catch2/catch.hpp>
#include <cerrno>
#include <functional>
#include <set>
#include <sys/resource.h>

using namespace steward;
using guard::failure;
using guard::pve_files;
namespace fs = std::filesystem;
using call = kernel_fault::call;

namespace {

constexpr const char* records = "priv/steward/records";
constexpr const char* home = "nodes/n1/lxc";
constexpr std::size_t largest = 1024 * 1024;

/// A cluster file system with a configuration and a record in it.
class site {
  public:
    site() {
        write_text(path(home) / "101.conf", "hostname: web\n");
        write_text(path(records) / "guest.101", "{}");
        fs::create_directories(path("priv/steward/parked"));
        fs::create_directories(path("priv/lock/steward-leader"));
    }
    [[nodiscard]] fs::path path(const std::string& name) const { return dir.path() / name; }
    [[nodiscard]] pve_files open() const {
        auto opened = pve_files::open(dir.path(), node_name("n1"));
        REQUIRE(std::holds_alternative<pve_files>(opened));
        return std::move(std::get<pve_files>(opened));
    }
    temporary_directory dir;
};

/// "done", or the kind of the failure, with "?" when it may have happened all the same.
std::string said(const std::optional<failure>& why) {
    if (!why) return "done";
    return std::string(name_of(why->code)) + (why->may_have_happened ? "?" : "");
}

template <class T>
std::optional<failure> failure_of(const guard::outcome<T>& out) {
    const auto* why = std::get_if<failure>(&out);
    return why == nullptr ? std::nullopt : std::optional<failure>(*why);
}

template <class T>
std::string said(const guard::outcome<T>& out) {
    return said(failure_of(out));
}

/// What was read; "(missing)" of what is not there, else the failure in words.
std::string content(const guard::outcome<std::optional<std::string>>& out) {
    if (const auto why = failure_of(out)) return why->detail;
    return std::get<std::optional<std::string>>(out).value_or("(missing)");
}

std::size_t open_files() {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator()));
}

/// While it lives, this process may open no more files.
class no_more_files {
  public:
    no_more_files() {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const guard::descriptor lowest(::dup(STDERR_FILENO));
        const rlimit none{static_cast<rlim_t>(lowest.get()), before_.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &none);
    }
    ~no_more_files() { ::setrlimit(RLIMIT_NOFILE, &before_); }
    no_more_files(const no_more_files&) = delete;
    no_more_files& operator=(const no_more_files&) = delete;

  private:
    rlimit before_{};
};

}  // namespace

TEST_CASE("cluster files: where no cluster file system is, nothing is touched") {
    const site s;
    CHECK(said(pve_files::open(s.path("missing"))) == "unavailable?");
    fs::create_directories(s.path("empty"));
    CHECK(said(pve_files::open(s.path("empty"))) == "unavailable?");
    write_text(s.path("file"), "no directory");
    CHECK(said(pve_files::open(s.path("file"))) == "refused");
    CHECK(said(pve_files::open(s.dir.path())) == "done");
    const kernel_fault fault(call::fstatat, EACCES);
    CHECK(said(pve_files::open(s.dir.path())) == "no_quorum");
}

TEST_CASE("cluster files: what the kernel says, and what a person is told of it") {
    struct row {
        int error;
        const char* code;
        const char* words;
    };
    const row rows[] = {
        {EACCES, "no_quorum", "x: cluster not ready - no quorum? (Permission denied)"},
        {EPERM, "no_quorum", "x: cluster not ready - no quorum? (Operation not permitted)"},
        {EROFS, "no_quorum", "x: cluster not ready - no quorum? (Read-only file system)"},
        {ENOENT, "not_found", "x: No such file or directory"},
        {EEXIST, "exists", "x: File exists"},
        {ELOOP, "refused", "x: not a plain file in a plain directory (Too many levels of symbolic links)"},
        {ENOTDIR, "refused", "x: not a plain file in a plain directory (Not a directory)"},
        {ENOTCONN, "unavailable?", "x: is pve-cluster running? (Transport endpoint is not connected)"},
        {ESTALE, "unavailable?", "x: is pve-cluster running? (Stale file handle)"},
        {ENODEV, "unavailable?", "x: is pve-cluster running? (No such device)"},
        {EBUSY, "io?", "x: Device or resource busy"},
        {EIO, "io?", "x: Input/output error"},
    };
    for (const row& r : rows) {
        const failure why(r.error, "x");
        CHECK(said(why) == r.code);
        CHECK(why.detail == r.words);
    }
}

TEST_CASE("cluster files: a file is read whole, up to what pmxcfs holds") {
    const site s;
    pve_files files = s.open();
    CHECK(content(files.read(home, "101.conf")) == "hostname: web\n");
    CHECK(content(files.read(home, "102.conf")) == "(missing)");
    CHECK(content(files.read("priv/steward/nothing", "x")) == "(missing)");
    CHECK_FALSE(fs::exists(s.path("priv/steward/nothing")));
    write_text(s.path(records) / "empty", "");
    CHECK(content(files.read(records, "empty")).empty());
    for (const std::size_t size : {std::size_t(8192), std::size_t(20000), largest}) {
        const std::string text = std::string(size - 1, 'x') + "y";
        write_text(s.path(records) / "long", text);
        CHECK(content(files.read(records, "long")) == text);
    }
    write_text(s.path(records) / "long", std::string(largest + 1, 'x'));
    CHECK(said(files.read(records, "long")) == "io?");
    fs::create_directories(s.path(records) / "directory");
    CHECK(said(files.read(records, "directory")) == "refused");
    fs::create_symlink(s.path(home) / "101.conf", s.path(records) / "link");
    CHECK(said(files.read(records, "link")) == "refused");
    CHECK(said(files.read("nodes/n1/lxc/101.conf", "x")) == "refused");
}

TEST_CASE("cluster files: what an earlier call has said means nothing to a later one") {
    const site s;
    pve_files files = s.open();
    for (const int before : {0, EINTR, ENOENT, EEXIST, EINVAL, ENOSYS, EIO}) {
        const auto first = [&] { errno = before; };
        INFO(before);
        first();
        CHECK(content(files.read(home, "101.conf")) == "hostname: web\n");
        first();
        CHECK(said(files.write(records, "guest.101", "{1}")) == "done");
        CHECK(read_text(s.path(records) / "guest.101") == "{1}");
        first();
        CHECK(said(files.prove_writable()) == "done");
        first();
        CHECK(said(files.move(home, "101.conf", "nodes/n1", "101.conf")) == "done");
        first();
        CHECK(said(files.move("nodes/n1", "101.conf", home, "101.conf")) == "done");
        first();
        CHECK(std::get<std::vector<std::string>>(files.list(records)) == std::vector<std::string>{"guest.101"});
    }
}

TEST_CASE("cluster files: a file is replaced whole, in directories of ours that are made for it, and in no others") {
    const site s;
    pve_files files = s.open();
    const std::string text(100000, 'x');
    CHECK(said(files.write("priv/steward/new/deep", "name", text)) == "done");
    CHECK(read_text(s.path("priv/steward/new/deep/name")) == text);
    CHECK(said(files.write("priv/lock", "name", "")) == "done");
    CHECK(fs::is_empty(s.path("priv/lock/name")));
    CHECK(said(files.write("nodes/n9/lxc", "101.conf", text)) == "not_found");
    CHECK_FALSE(fs::exists(s.path("nodes/n9")));
    write_text(s.path(home) / "101.conf.tmp.steward.n1", "left behind by a guard that was killed");
    CHECK(said(files.write(home, "101.conf", "hostname: db\n")) == "done");
    CHECK(read_text(s.path(home) / "101.conf") == "hostname: db\n");
    CHECK_FALSE(fs::exists(s.path(home) / "101.conf.tmp.steward.n1"));
}

TEST_CASE("cluster files: a move never replaces anything, whether the file system knows flags or not") {
    for (const int said_of_flags : {0, EINVAL, ENOSYS}) {
        DYNAMIC_SECTION("the kernel says " << said_of_flags << " to flags") {
            const site s;
            pve_files files = s.open();
            const kernel_fault fault(call::renameat2, said_of_flags, 0, said_of_flags == 0 ? 0 : kernel_fault::always);
            CHECK(said(files.move(home, "102.conf", records, "x")) == "not_found");
            CHECK(said(files.move(home, "101.conf", records, "guest.101")) == "exists");
            CHECK(read_text(s.path(records) / "guest.101") == "{}");
            CHECK(said(files.move("nodes/n9", "101.conf", records, "x")) == "not_found");
            CHECK(said(files.move(home, "101.conf", "nodes/n9/lxc", "101.conf")) == "not_found");
            CHECK(said(files.move(home, "101.conf", "priv/steward/new", "x")) == "done");
            CHECK(read_text(s.path("priv/steward/new/x")) == "hostname: web\n");
            CHECK_FALSE(fs::exists(s.path(home) / "101.conf"));
        }
    }
}

TEST_CASE("cluster files: where nobody can tell whether something is in the way, nothing is moved") {
    const site s;
    pve_files files = s.open();
    const kernel_fault no_flags(call::renameat2, EINVAL);
    const kernel_fault blind(call::fstatat, EIO);
    CHECK(said(files.move(home, "101.conf", records, "x")) == "io?");
    CHECK(fs::exists(s.path(home) / "101.conf"));
    CHECK_FALSE(fs::exists(s.path(records) / "x"));
}

TEST_CASE("cluster files: what is in a directory, but for what is half written or hidden") {
    const site s;
    pve_files files = s.open();
    for (const char* name : {".hidden", "guest.102.tmp.steward.n2", "guest.103"})
        write_text(s.path(records) / name, "");
    const auto listed = std::get<std::vector<std::string>>(files.list(records));
    CHECK(std::set<std::string>(listed.begin(), listed.end()) == std::set<std::string>{"guest.101", "guest.103"});
    CHECK(std::get<std::vector<std::string>>(files.list("priv/steward/nothing")).empty());
    CHECK(said(files.list("nodes/n1/lxc/101.conf")) == "refused");
    CHECK(std::get<bool>(files.has_directory(home)));
    CHECK_FALSE(std::get<bool>(files.has_directory("nodes/n9")));
    CHECK(said(files.has_directory("nodes/n1/lxc/101.conf")) == "refused");
}

TEST_CASE("cluster files: directories, files and times are made, taken away and looked at once") {
    const site s;
    pve_files files = s.open();
    CHECK(std::get<bool>(files.make_directory("priv/steward/claims", "7")));
    CHECK_FALSE(std::get<bool>(files.make_directory("priv/steward/claims", "7")));
    CHECK(said(files.remove_directory("priv/steward/claims", "7")) == "done");
    CHECK(said(files.remove_directory("priv/steward/claims", "7")) == "not_found");
    CHECK(said(files.remove_directory("priv/steward/nothing", "7")) == "not_found");
    CHECK(said(files.remove_file(records, "guest.101")) == "done");
    CHECK_FALSE(fs::exists(s.path(records) / "guest.101"));
    CHECK(said(files.remove_file(records, "guest.101")) == "done");
    CHECK(said(files.remove_file("priv/steward/nothing", "x")) == "not_found");
    const auto modified = [&](const char* directory, const char* name) {
        return std::get<std::optional<std::int64_t>>(files.modified(directory, name));
    };
    CHECK(said(files.set_modified("priv/lock", "steward-leader", 1'800'000'000)) == "done");
    CHECK(modified("priv/lock", "steward-leader") == 1'800'000'000);
    CHECK(said(files.set_modified("priv/lock", "other", 0)) == "not_found");
    CHECK(said(files.set_modified("priv/steward/nothing", "x", 0)) == "not_found");
    CHECK_FALSE(modified("priv/lock", "other"));
    CHECK_FALSE(modified("priv/steward/nothing", "x"));
    CHECK(said(files.modified("nodes/n1/lxc/101.conf", "x")) == "refused");
}

TEST_CASE("cluster files: a call that fails is said, and whether it may have happened") {
    const auto write = [](pve_files& f) { return said(f.write(records, "guest.101", "{1}")); };
    const auto move = [](pve_files& f) { return said(f.move(home, "101.conf", records, "x")); };
    const auto prove = [](pve_files& f) { return said(f.prove_writable()); };
    const auto read = [](pve_files& f) { return said(f.read(home, "101.conf")); };
    const auto list = [](pve_files& f) { return said(f.list(home)); };
    const auto make = [](pve_files& f) { return said(f.make_directory("priv/steward/claims", "7")); };
    struct row {
        const char* name;
        call fails;
        int error;
        int spared;
        std::function<std::string(pve_files&)> does;
        std::string said;
    };
    const row rows[] = {
        {"a look at what was opened", call::fstat, EIO, 0, read, "io?"},
        {"a read", call::read, EIO, 0, read, "io?"},
        {"no directory can be made", call::mkdirat, EACCES, 0, write, "no_quorum"},
        {"what was left behind cannot be taken away", call::unlinkat, EACCES, 0, write, "no_quorum"},
        {"a write", call::write, ENOSPC, 0, write, "io?"},
        {"a write, half-way", call::write, ENOSPC, 1, write, "io?"},
        {"what was written is not kept", call::fsync, EIO, 0, write, "io?"},
        {"a rename", call::renameat, EBUSY, 0, write, "io?"},
        {"the directory behind a rename", call::fsync, EIO, 1, write, "io?"},
        {"a move", call::renameat2, EBUSY, 0, move, "io?"},
        {"a move before the cluster is ready", call::renameat2, EACCES, 0, move, "no_quorum"},
        {"where it was moved to is not kept", call::fsync, EIO, 0, move, "io?"},
        {"where it was moved from is not kept", call::fsync, EIO, 1, move, "io?"},
        {"the directory for proofs", call::mkdirat, EACCES, 0, prove, "no_quorum"},
        {"a proof", call::mkdirat, EACCES, 3, prove, "no_quorum"},
        {"a proof cannot be taken away", call::unlinkat, EBUSY, 0, prove, "io?"},
        {"a list", call::fdopendir, EIO, 0, list, "io?"},
        {"a list, before its first name", call::readdir, ENOTCONN, 0, list, "unavailable?"},
        {"a list, half-way", call::readdir, EIO, 2, list, "io?"},
        {"the directory for claims", call::mkdirat, EROFS, 0, make, "no_quorum"},
        {"a claim", call::mkdirat, EBUSY, 3, make, "io?"},
        {"taking a directory away", call::unlinkat, EBUSY, 0,
         [](pve_files& f) { return said(f.remove_directory("priv/lock", "steward-leader")); }, "io?"},
        {"taking a file away", call::unlinkat, EACCES, 0,
         [](pve_files& f) { return said(f.remove_file(records, "guest.101")); }, "no_quorum"},
        {"a time", call::fstatat, EACCES, 0,
         [](pve_files& f) { return said(f.modified("priv/lock", "steward-leader")); }, "no_quorum"},
        {"setting a time", call::utimensat, EACCES, 0,
         [](pve_files& f) { return said(f.set_modified("priv/lock", "steward-leader", 0)); }, "no_quorum"},
        // Signals end nothing, and what a file system cannot sync was synchronous.
        {"a read that a signal ended", call::read, EINTR, 0, read, "done"},
        {"a write that a signal ended", call::write, EINTR, 0, write, "done"},
        {"no sync: not supported for this", call::fsync, EINVAL, 0, write, "done"},
        {"no sync: not there", call::fsync, ENOSYS, 0, write, "done"},
        {"no sync: not supported", call::fsync, EOPNOTSUPP, 0, write, "done"},
        {"a proof that was left behind", call::mkdirat, EEXIST, 4, prove, "done"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            const site s;
            pve_files files = s.open();
            std::string answer;
            {
                const kernel_fault fault(r.fails, r.error, r.spared, 1);
                answer = r.does(files);
            }
            CHECK(answer == r.said);
            if (r.said == "done") CHECK(read_text(s.path(home) / "101.conf") == "hostname: web\n");
        }
    }
}

TEST_CASE("cluster files: a proof that a guard left behind is taken away, and counts") {
    const site s;
    pve_files files = s.open();
    fs::create_directories(s.path("priv/steward/parked/write-check.n1"));
    CHECK(said(files.prove_writable()) == "done");
    CHECK(fs::is_empty(s.path("priv/steward/parked")));
}

TEST_CASE("cluster files: no file stays open behind any call, whether it fails or not") {
    const site s;
    pve_files files = s.open();
    const std::size_t before = open_files();
    const auto everything = [&] {
        (void)s.open();
        (void)files.read(home, "101.conf");
        (void)files.write(records, "guest.101", "{}");
        (void)files.list(records);
        (void)files.move(home, "101.conf", home, "102.conf");
        (void)files.move(home, "102.conf", home, "101.conf");
        (void)files.prove_writable();
        (void)files.modified("priv/lock", "steward-leader");
    };
    everything();
    CHECK(open_files() == before);
    {
        const kernel_fault fault(call::fdopendir, EIO);
        everything();
    }
    CHECK(open_files() == before);
}

TEST_CASE("cluster files: where no more files can be opened, that is what is said") {
    const site s;
    pve_files files = s.open();
    std::optional<failure> why;
    {
        const no_more_files full;
        why = files.write(records, "guest.101", "{1}");
    }
    REQUIRE(why);
    CHECK(why->detail == std::string(records) + ": Too many open files");
    CHECK(read_text(s.path(records) / "guest.101") == "{}");
}

TEST_CASE("cluster files: file number 0 is a file like any other") {
    const site s;
    pve_files files = s.open();
    std::vector<std::string> answers;
    bool is_closed = false;
    {
        const without_input closed;
        for (const char* directory : {"nodes", "nodes/n1", home}) {
            answers.push_back(said(files.write(directory, "x", directory)));
            answers.push_back(content(files.read(directory, "x")));
        }
        is_closed = ::fcntl(STDIN_FILENO, F_GETFD) < 0;
        answers.push_back(said(pve_files::open(s.dir.path())));
    }
    CHECK(answers == std::vector<std::string>{"done", "nodes", "done", "nodes/n1", "done", home, "done"});
    CHECK(is_closed);
}
