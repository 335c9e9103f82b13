#include "observe/file_ledger.hpp"

#include "runtime/task_group.hpp"
#include "support/heard_log.hpp"
#include "support/run_awaitable.hpp"
#include "support/temporary_directory.hpp"

#include <catch2/catch.hpp>
#include <fstream>

using namespace steward;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

decision numbered(int i) {
    decision d;
    d.when = wall_time(1'800'000'000s) + std::chrono::seconds(i);
    d.about = "ct/" + std::to_string(100 + i);
    d.kind = "transition";
    d.verdict = "act";
    d.from = "watching";
    d.to = "suspect";
    return d;
}

/// A daemon's loop with a ledger in it.
class running_ledger {
  public:
    explicit running_ledger(const fs::path& dir) : book(time, dir), tasks(io.get_executor()) {
        tasks.spawn("ledger", book.run());
    }
    ~running_ledger() {
        tasks.cancel();
        run_awaitable(io, join());
    }
    boost::asio::awaitable<int> join() {
        co_await tasks.join();
        co_return 0;
    }
    std::vector<std::string> lines() {
        const auto page = run_awaitable(io, book.read(ledger_query("", 10'000)));
        REQUIRE(page);
        return page->lines;
    }

    boost::asio::io_context io;
    os_time time;
    file_ledger book;
    task_group tasks;
};

}  // namespace

TEST_CASE("what was decided can be read as soon as it is written, and is there after a restart") {
    const temporary_directory dir;
    {
        running_ledger l(dir.path() / "ledger");
        l.book.node = "n1";
        for (int i = 0; i < 10; ++i) l.book.add(numbered(i));
        l.io.poll();  // the writer begins; a reader waits for it
        CHECK(l.lines().size() == 11);
        CHECK(l.lines().back().find(R"("node":"n1")") != std::string::npos);
        l.book.add(numbered(10));  // the daemon ends before it was written
    }
    running_ledger next(dir.path() / "ledger");
    CHECK(next.lines().size() == 12);
    const auto check = run_awaitable(next.io, next.book.verify());
    REQUIRE(check);
    CHECK(check->broken.empty());
    CHECK(check->last == 12);
}

TEST_CASE("a ledger that cannot be written complains once, keeps the newest, and says what is missing") {
    const temporary_directory dir;
    std::ofstream(dir.path() / "ledger") << "a file is in the way";
    heard_log heard;
    std::size_t kept = 0;
    {
        running_ledger l(dir.path() / "ledger");
        l.book.add(numbered(0));
        while (l.book.problem().empty()) l.io.run_one();
        CHECK(heard.count("ledger_unwritable") == 1);
        for (int i = 1; i < 5000; ++i) l.book.add(numbered(i));
        l.io.poll();
        CHECK(heard.count("ledger_unwritable") == 1);
        fs::remove(dir.path() / "ledger");
    }
    running_ledger next(dir.path() / "ledger");
    const auto lines = next.lines();
    kept = lines.size();
    CHECK(kept == file_ledger::most_waiting + 2);  // the file's header, and what is said of the gap
    CHECK(lines[1].find("904 decisions before the next line are missing") != std::string::npos);
    CHECK(lines.back().find("ct/5099") != std::string::npos);
}

TEST_CASE("adding to a ledger does not wait for the disk") {
    const temporary_directory dir;
    running_ledger l(dir.path() / "ledger");
    const time_point begun = l.time.now();
    for (int i = 0; i < 2000; ++i) l.book.add(numbered(i));
    CHECK(l.time.now() - begun < 1s);
    CHECK_FALSE(fs::exists(dir.path() / ledger_files::name_of(1)));  // the loop has not run: nothing touched the disk
}
