#include "core/backup/retention.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace steward;
using namespace steward::backup;
using namespace std::chrono_literals;

namespace {

const wall_time now{std::chrono::seconds(1'800'000'000)};

/// "g30": good, 30 h old; "b" bad, "e" empty, "p" good and protected, "q" bad and protected.
model::backup archive(const std::string& word) {
    model::backup b;
    b.volume = volid("s:" + word);
    b.created = now - std::chrono::hours(std::stol(word.substr(1)));
    b.bytes = word[0] == 'e' ? 0 : 1000;
    b.verify_failed = word[0] == 'b' || word[0] == 'q';
    b.is_protected = word[0] == 'p' || word[0] == 'q';
    return b;
}

std::vector<model::backup> archives(const std::vector<std::string>& words) {
    std::vector<model::backup> all;
    for (const std::string& w : words) all.push_back(archive(w));
    return all;
}

}  // namespace

TEST_CASE("what goes is older than what is kept, and the last good archive never does") {
    struct row {
        const char* what;
        std::vector<std::string> there;
        keep_rules rules;
        std::vector<std::string> gone;
    };
    const row rows[] = {
        {"the newest two", {"g1", "g2", "g3", "g4"}, {2, {}}, {"g3", "g4"}},
        {"whatever the order of the list", {"g4", "g1", "g3", "g2"}, {2, {}}, {"g3", "g4"}},
        {"by age", {"g1", "g30", "g60"}, {0, 40h}, {"g60"}},
        {"just as old is old enough", {"g1", "g40"}, {0, 40h}, {"g40"}},
        {"either reason is enough", {"g1", "g30", "g60", "g90"}, {3, 10h}, {"g90"}},
        {"the last good one stays, however old", {"g900"}, {0, 10h}, {}},
        {"also when newer ones are bad", {"b1", "e2", "g900", "g901"}, {0, 1h}, {"b1", "e2", "g901"}},
        {"bad ones do not count", {"b1", "g2", "b3", "g4", "g5"}, {2, {}}, {"b1", "b3", "g5"}},
        {"a young bad one is left for whoever looks into it", {"b1", "g2"}, {1, 2h}, {}},
        {"protected ones stay, and count", {"p1", "g2", "q3", "p99"}, {1, {}}, {"g2"}},
        {"of the future", {"g-5", "g2"}, {1, {}}, {"g2"}},
        {"none", {}, {1, {}}, {}},
    };
    for (const row& r : rows) {
        INFO(r.what);
        std::vector<std::string> gone;
        for (const judged_archive& j : judge(archives(r.there), r.rules, now)) {
            CHECK_FALSE(j.why.empty());
            if (j.goes) gone.push_back(j.archive.volume.str().substr(2));
        }
        CHECK(gone == r.gone);
    }
}

TEST_CASE("the only good archive is known as such") {
    CHECK(is_last_good(archives({"g1", "b2", "e3"}), volid("s:g1")));
    CHECK_FALSE(is_last_good(archives({"g1", "g2"}), volid("s:g1")));
    CHECK_FALSE(is_last_good(archives({"g1", "b2"}), volid("s:b2")));
    CHECK_FALSE(is_last_good(archives({"b2"}), volid("s:b2")));
    CHECK_FALSE(is_last_good({}, volid("s:b2")));
}
