#include "cluster/directory_store.hpp"

#include "base/log.hpp"
#include "runtime/atomic_file.hpp"
#include "runtime/offload.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace steward {
namespace asio = boost::asio;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t largest_record = 4096;
constexpr std::size_t longest_name = 128;
/// Tells records from what write_file_atomically leaves behind when it is killed ("….record.tmp.4711").
constexpr const char* record_suffix = ".record";

result<void> check_name(const std::string& name) {
    const bool is_good = !name.empty() && name.size() <= longest_name && name.front() != '.' &&
                         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-") == std::string::npos;
    if (!is_good) return fault(errc::invalid, "", "\"" + name + "\" is no name of a record or claim");
    return {};
}

/// Text: no control characters but line ends and tabs. What the text means is its owner's business.
bool is_text(const std::string& text) {
    return !text.empty() && std::none_of(text.begin(), text.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' && c != '\r';
    });
}

result<void> make_directory(const fs::path& path) {
    std::error_code ec;
    fs::create_directories(path, ec);
    if (ec) return fault(errc::io, "create " + path.string(), ec);
    return {};
}

void quarantine(const fs::path& path, const std::string& why) {
    std::error_code ec;
    fs::path aside = path;
    aside += ".bad";
    fs::rename(path, aside, ec);
    log::error("store.bad_record", {{"path", path.string()}, {"reason", ec ? why + "; " + ec.message() : why}});
}

/// One record; nothing when it went to quarantine. Only a failing disk is an error.
result<std::vector<stored_record>> load_one(const fs::path& path, const std::string& name) {
    std::vector<stored_record> found;
    std::error_code ec;
    const auto text = fs::is_regular_file(fs::symlink_status(path, ec))
                          ? read_file(path, largest_record)
                          : result<std::string>(fault(errc::invalid, path.string(), "is not a file"));
    if (text && is_text(*text)) {
        found.emplace_back(name, *text);
        return found;
    }
    if (!text && text.error().code != errc::invalid) return text.error();
    quarantine(path, text ? "is empty or binary" : text.error().detail);
    return found;
}

result<std::vector<stored_record>> load_all(const fs::path& directory) {
    if (const auto made = make_directory(directory); !made) return made.error();
    std::vector<stored_record> all;
    std::error_code ec;
    for (fs::directory_iterator at(directory, ec), end; !ec && at != end; at.increment(ec)) {
        const fs::path path = at->path();
        if (path.extension() != record_suffix || !check_name(path.stem().string())) continue;
        auto one = load_one(path, path.stem().string());
        if (!one) return one.error();
        std::move(one->begin(), one->end(), std::back_inserter(all));
    }
    if (ec) return fault(errc::io, "list " + directory.string(), ec);
    std::sort(all.begin(), all.end(), [](const stored_record& a, const stored_record& b) { return a.name < b.name; });
    return all;
}

result<void> save_one(const fs::path& directory, const std::string& name, const std::string& text) {
    if (const auto made = make_directory(directory); !made) return made;
    return write_file_atomically(directory / (name + record_suffix), text);
}

result<bool> claim_one(const fs::path& directory, const std::string& name) {
    if (const auto made = make_directory(directory); !made) return made.error();
    const fs::path path = directory / name;
    if (::mkdir(path.c_str(), 0700) != 0) {
        if (errno == EEXIST) return false;
        return fault(errc::io, "claim " + path.string(), std::error_code(errno, std::generic_category()));
    }
    const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        ::fsync(fd);
        ::close(fd);
    }
    return true;
}

}  // namespace

directory_store::directory_store(time_source& time, fs::path state_dir, std::string guard_socket)
    : records_(state_dir / "records"), claims_(state_dir / "claims"), guard_(time, std::move(guard_socket)) {}

directory_store::~directory_store() { worker_.join(); }

asio::awaitable<result<std::vector<stored_record>>> directory_store::load_records() {
    const auto work = [directory = records_] { return load_all(directory); };
    auto all = co_await offload(worker_, work);
    co_return all;
}

asio::awaitable<result<void>> directory_store::save_record(std::string name, std::string text) {
    if (const auto good = check_name(name); !good) co_return good;
    if (text.size() > largest_record || !is_text(text))
        co_return fault(errc::invalid, "record " + name, "is empty, binary or larger than 4096 bytes");
    const auto work = [directory = records_, name, text] { return save_one(directory, name, text); };
    auto saved = co_await offload(worker_, work);
    co_return saved;
}

asio::awaitable<result<bool>> directory_store::claim(std::string name) {
    if (const auto good = check_name(name); !good) co_return good.error();
    const auto work = [directory = claims_, name] { return claim_one(directory, name); };
    auto mine = co_await offload(worker_, work);
    co_return mine;
}

asio::awaitable<result<void>> directory_store::change(guard::verb verb, guard::request what) {
    what.what = verb;
    const auto answer = co_await guard_.ask(std::move(what));
    if (!answer) co_return answer.error();
    co_return result<void>();
}

asio::awaitable<result<void>> directory_store::check_parking() { return change(guard::verb::check, guard::request()); }

asio::awaitable<result<std::string>> directory_store::park(guard::request what) {
    what.what = guard::verb::park;
    const auto answer = co_await guard_.ask(std::move(what));
    if (!answer) co_return answer.error();
    co_return answer->path;
}

asio::awaitable<result<void>> directory_store::unpark(guard::request what) {
    return change(guard::verb::unpark, std::move(what));
}

asio::awaitable<result<std::vector<stored_record>>> directory_store::load_parked() {
    return load_through(guard_, "parked");
}

asio::awaitable<result<void>> directory_store::discard(guard::request what) {
    return change(guard::verb::discard, std::move(what));
}

asio::awaitable<result<void>> directory_store::unlock(guard::request what) {
    return change(guard::verb::unlock, std::move(what));
}

asio::awaitable<result<void>> directory_store::relocate(guard::request what) {
    return change(guard::verb::relocate, std::move(what));
}

}  // namespace steward
