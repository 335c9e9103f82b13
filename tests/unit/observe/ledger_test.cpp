#include "base/clean_text.hpp"
#include "observe/ledger_line.hpp"
#include "observe/ledger_writer.hpp"
#include "observe/sha256.hpp"
#include "support/temporary_directory.hpp"

#include <catch2/catch.hpp>
#include <csignal>
#include <fstream>
#include <functional>
#include <random>
#include <sstream>
#include <sys/resource.h>

using namespace steward;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

constexpr wall_time noon{1'800'000'000s};

decision some_decision(int i) {
    decision d;
    d.when = noon + std::chrono::seconds(i);
    d.about = i % 2 == 0 ? "ct/102" : "vm/103";
    d.kind = "hold";
    d.verdict = "hold";
    d.code = "no_backup";
    d.text = "there is none, for the " + std::to_string(i) + "th time";
    d.gates.emplace_back("plan", false, "no_backup");
    return d;
}

std::string read(const fs::path& path) {
    std::ostringstream all;
    all << std::ifstream(path, std::ios::binary).rdbuf();
    return all.str();
}

void write(const fs::path& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

/// A directory with a ledger of so many decisions.
class written_ledger {
  public:
    explicit written_ledger(int count = 5, ledger_limits l = ledger_limits()) : limits(l) { more(0, count); }
    void more(int from, int to) {
        ledger_writer writer(dir.path(), limits);
        std::deque<std::string> queue;
        for (int i = from; i < to; ++i) {
            queue.push_back(ledger_line::to_json(some_decision(i)));
            REQUIRE(writer.append(queue, noon));
            found = writer.found();
            is_damaged = writer.found_damage();
        }
    }
    [[nodiscard]] fs::path file(std::uint64_t n = 1) const { return dir.path() / ledger_files::name_of(n); }
    [[nodiscard]] ledger_check verify() const {
        const auto check = ledger_files::verify(dir.path());
        REQUIRE(check);
        return *check;
    }
    [[nodiscard]] ledger_page page(std::string about = "", std::size_t most = 100) const {
        const auto read = ledger_files::read(dir.path(), ledger_query(std::move(about), most));
        REQUIRE(read);
        return *read;
    }

    temporary_directory dir;
    ledger_limits limits;
    std::string found;
    bool is_damaged = false;
};

std::string replaced(std::string text, const std::string& what, const std::string& with) {
    const auto at = text.find(what);
    REQUIRE(at != std::string::npos);
    return text.replace(at, what.size(), with);
}

}  // namespace

TEST_CASE("SHA-256 is that of FIPS 180-4") {
    CHECK(sha256_hex({"abc"}) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(sha256_hex({"a", "", "bc"}) == sha256_hex({"abc"}));
}

TEST_CASE("a ledger that was only written by us is whole, across files and daemons") {
    ledger_limits small;
    small.largest_file = 1500;
    small.most_files = 4;
    written_ledger l(3, small);
    CHECK(l.verify().lines == 4);
    CHECK(l.verify().anchor == ledger_line::first_anchor());
    l.more(3, 9);
    CHECK(l.verify().files > 1);
    CHECK(l.verify().broken.empty());
    l.more(9, 60);  // the oldest files go: what is left says from where on it is whole
    const ledger_check check = l.verify();
    CHECK(check.broken.empty());
    CHECK(check.files == 4);
    CHECK(check.first > 1);
    CHECK(check.anchor != ledger_line::first_anchor());
    CHECK(check.last - check.first + 1 == check.lines);
    std::uintmax_t bytes = 0;
    for (const auto& f : fs::directory_iterator(l.dir.path())) bytes += f.file_size();
    CHECK(bytes < 4 * (1500 + 600));
}

TEST_CASE("what was changed is found, with file and line") {
    struct row {
        const char* name;
        std::function<std::string(std::string)> change;
        const char* where;
    };
    const auto without_line = [](std::string text, int line) {
        std::size_t from = 0;
        for (int i = 1; i < line; ++i) from = text.find('\n', from) + 1;
        return text.erase(from, text.find('\n', from) + 1 - from);
    };
    const row rows[] = {
        {"a word in the third line", [](std::string t) { return replaced(std::move(t), "the 1th", "the 9th"); },
         ":3: "},
        {"a line is gone", [&](std::string t) { return without_line(std::move(t), 3); }, ":3: does not follow"},
        {"the header is gone", [&](std::string t) { return without_line(std::move(t), 1); }, ":1: "},
        {"a line stands there twice",
         [](std::string t) { return t.insert(t.find('\n') + 1, t.substr(0, t.find('\n') + 1)); }, ":2: "},
        {"a hash was made up",
         [](std::string t) { return replaced(std::move(t), t.substr(t.find("\"hash\":\"") + 8, 8), "00000000"); },
         ":1: "},
        {"an empty line", [](std::string t) { return t.insert(t.find('\n'), "\n"); }, ":2: is no line of a ledger"},
        {"another anchor", [](std::string t) { return replaced(std::move(t), "0000", "1111"); }, ":1: "},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            const written_ledger l;
            write(l.file(), r.change(read(l.file())));
            const std::string broken = l.verify().broken;
            INFO(broken);
            CHECK(broken.starts_with(l.file().string() + r.where));
            CHECK(l.page().lines.size() >= 4);  // what is readable is shown all the same
        }
    }
}

TEST_CASE("a file that was taken out of the middle is missed") {
    ledger_limits small;
    small.largest_file = 1500;
    const written_ledger l(12, small);
    REQUIRE(l.verify().files > 2);
    fs::remove(l.file(2));
    CHECK(l.verify().broken.find("ledger-00000002.jsonl is missing") != std::string::npos);
}

TEST_CASE("a line that a crash has torn is removed, and that is said; everything before it stays") {
    struct row {
        const char* name;
        std::string tail;
    };
    const row rows[] = {
        {"half a line", R"({"seq":7,"when":"2027-01)"},
        {"space that was never filled", std::string(4096, '\0')},
        {"one byte", "{"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            written_ledger l;
            write(l.file(), read(l.file()) + r.tail);
            CHECK(l.verify().broken.empty());
            CHECK(l.verify().note.find("bytes without line end") != std::string::npos);
            l.more(5, 6);
            CHECK(l.found.find(std::to_string(r.tail.size()) + " bytes of a line that a crash has torn") == 0);
            CHECK_FALSE(l.is_damaged);
            CHECK(l.verify().broken.empty());
            CHECK(l.verify().lines == 7);
        }
    }
    SECTION("a file without a line") {
        written_ledger l;
        write(l.file(2), "{\"seq");
        l.more(5, 6);
        CHECK(l.verify().broken.empty());
        CHECK(l.verify().files == 1);
    }
}

TEST_CASE("where the chain does not hold a new file begins, and the damage stays as evidence") {
    written_ledger l;
    write(l.file(), replaced(read(l.file()), "the 3th", "the 4th"));
    l.more(5, 7);
    CHECK(l.is_damaged);
    CHECK(l.found.find("ledger-00000001.jsonl:5 does not follow") == 0);
    CHECK(fs::exists(l.file(2)));
    CHECK(l.verify().broken.find("ledger-00000001.jsonl:5: ") != std::string::npos);
    CHECK(read(l.file(2)).find("does not follow the line before it; a new file goes on") != std::string::npos);
}

TEST_CASE("the newest lines are read, about one thing or all, since a time") {
    ledger_limits small;
    small.largest_file = 1500;
    const written_ledger l(20, small);
    CHECK(l.page("ct/102").lines.size() == 10);
    CHECK(l.page("ct/10").lines.empty());
    CHECK(l.page("ct/102", 3).lines.size() == 3);
    CHECK(l.page("ct/102", 1).lines.front().find("the 18th") != std::string::npos);
    ledger_query late("", 100);
    late.since = noon + 15s;
    const auto page = ledger_files::read(l.dir.path(), late);
    REQUIRE(page);
    CHECK(page->lines.size() == 5);
    CHECK(ledger_files::read(l.dir.path() / "none", late).error().code == errc::not_found);
}

TEST_CASE("nothing that stands in a ledger's directory breaks its reader") {
    std::mt19937 chance(6);  // NOLINT: the same garbage each time
    const written_ledger good(8);
    const std::string text = read(good.file());
    for (int round = 0; round < 400; ++round) {
        const written_ledger l(0);
        std::string garbage = text;
        for (unsigned n = chance() % 8 + 1; n > 0; --n) {
            const std::size_t at = chance() % garbage.size();
            switch (chance() % 4) {
                case 0: garbage[at] = static_cast<char>(chance()); break;
                case 1: garbage.erase(at, chance() % 200); break;
                case 2: garbage.insert(at, garbage.substr(chance() % garbage.size(), chance() % 300)); break;
                default: garbage.insert(at, std::string(chance() % 50, static_cast<char>(chance()))); break;
            }
            if (garbage.empty()) garbage = "\n";
        }
        write(l.file(), garbage);
        const auto check = ledger_files::verify(l.dir.path());
        REQUIRE(check);
        const auto page = ledger_files::read(l.dir.path(), ledger_query("", 100));
        REQUIRE(page);
        // One that goes on from it is whole from there on, or the damage is named.
        ledger_writer writer(l.dir.path(), ledger_limits());
        std::deque<std::string> queue{ledger_line::to_json(some_decision(1))};
        REQUIRE(writer.append(queue, noon));
        CHECK(ledger_files::verify(l.dir.path())->broken.empty() != writer.found_damage());
    }
}

TEST_CASE("files that are none of the ledger's are left alone") {
    const written_ledger l;
    for (const char* name :
         {"ledger-1.jsonl", "ledger-00000001.jsonl.bak", "ledger-.jsonl", "ledger-99999999999999999999.jsonl", "x"})
        write(l.dir.path() / name, "garbage");
    CHECK(l.verify().broken.empty());
    CHECK(l.verify().files == 1);
}

TEST_CASE("texts from outside stay one valid line, however long or strange") {
    decision d = some_decision(1);
    d.text = "\xff\xfe evil\n{\"seq\":1}\n\x1b[31m" + std::string(100'000, 'x');
    d.observed.emplace_back("\xc3", std::string("\0nul", 4));
    for (int i = 0; i < 1000; ++i) d.gates.emplace_back("g", false, std::string(5000, 'y'));
    const std::string line = ledger_line::seal(ledger_line::to_json(d), 1, ledger_line::first_anchor()).text;
    CHECK(line.find('\n') == std::string::npos);
    CHECK(line.size() < 64 * 1024);
    CHECK(ledger_line::is_json_about(line, d.about, ""));
    CHECK(ledger_line::follows(*ledger_line::take_apart(line), ledger_line::first_anchor()));
}

TEST_CASE("text from outside is made fit to be shown") {
    struct row {
        const char* name;
        std::string given, shown;
        std::size_t most;
    };
    const row rows[] = {
        {"plain", "web-1", "web-1", 100},
        {"letters of several bytes stay whole when it is cut", "äöüäöü", "äö…", 8},
        {"no UTF-8", "a\xff\xc3z", "a\xEF\xBF\xBD\xEF\xBF\xBDz", 100},
        {"overlong and surrogates", "\xc0\xaf\xed\xa0\x80",
         "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD", 100},
        {"escape sequences", "\x1b[2Jx\x07", "?[2Jx?", 100},
        {"C1 controls",
         "a\xc2\x9b"
         "31m",
         "a?31m", 100},
        {"lines", "a\nb\r\tc", "a b  c", 100},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) { CHECK(one_line(r.given, r.most) == r.shown); }
    }
}

TEST_CASE("since: a time ago or a date in UTC, nothing else") {
    const auto at = [](const char* text) { return parse_since(text, noon); };
    CHECK(*at("2h") == noon - 2h);
    CHECK(*at("2027-01-15") == wall_time(std::chrono::sys_days(std::chrono::year(2027) / 1 / 15)));
    CHECK(*at("2027-01-15T07:30") == *at("2027-01-15") + 7h + 30min);
    CHECK(*at("2027-01-15T07:30:10Z") == *at("2027-01-15T07:30:10"));
    for (const char* bad :
         {"", "yesterday", "2027-13-01", "2027-02-30", "2027-01-15T25:00", "2027-01-15T07:30:10X", "2027-1-5", "-2h"}) {
        INFO(bad);
        CHECK(at(bad).error().detail.find("2026-11-28") != std::string::npos);
    }
}

TEST_CASE("the same refusal is written once an hour, whatever its numbers, and then with how often it was meant") {
    memory_ledger book;
    decision d = some_decision(0);
    d.from = d.to = "held";
    for (int i = 0; i < 100; ++i) {
        d.when = noon + std::chrono::seconds(30 * i);
        d.text = "the backup is " + std::to_string(i) + " hours old";
        book.add(d);
    }
    CHECK(book.all().size() == 1);
    decision other = some_decision(1);
    book.add(other);  // about something else: says nothing about this one
    d.when = noon + 1h;
    book.add(d);
    REQUIRE(book.all().size() == 3);
    CHECK(book.all().back().repeats == 99);
    d.code = "no_target";
    book.add(d);
    CHECK(book.all().size() == 4);
    CHECK(book.all().back().repeats == 0);
    d.from = "watching";  // it was released and held anew: that is no repeat
    book.add(d);
    book.add(d);
    CHECK(book.all().size() == 6);
}

TEST_CASE("a full disk loses nothing that was there, and what it refused is written afterwards") {
    written_ledger l(3);
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    const auto size = fs::file_size(l.file());
    ledger_writer writer(l.dir.path(), ledger_limits());
    std::deque<std::string> queue{ledger_line::to_json(some_decision(3))};
    REQUIRE(writer.append(queue, noon));
    queue = {ledger_line::to_json(some_decision(4)), ledger_line::to_json(some_decision(5))};
    {
        // Half a line fits.
        rlimit full = before;
        full.rlim_cur = fs::file_size(l.file()) + 100;
        ::signal(SIGXFSZ, SIG_IGN);
        REQUIRE(::setrlimit(RLIMIT_FSIZE, &full) == 0);
        const auto written = writer.append(queue, noon);
        REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
        ::signal(SIGXFSZ, SIG_DFL);
        REQUIRE_FALSE(written);
        CHECK(written.error().code == errc::io);
    }
    CHECK(queue.size() == 2);
    CHECK(l.verify().broken.empty());
    CHECK(l.verify().note.empty());
    CHECK(fs::file_size(l.file()) > size);
    REQUIRE(writer.append(queue, noon));
    CHECK(queue.empty());
    CHECK(l.verify().lines == 7);
}
