#include "core/handover/config_text.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::handover;

TEST_CASE("locking a configuration changes two lines of its head and no other byte") {
    struct row {
        const char* name;
        const char* before;
        const char* after;
    };
    const row rows[] = {
        {"neither line is there", "arch: amd64\nhostname: web\n",
         "arch: amd64\nhostname: web\nlock: migrate\nonboot: 0\n"},
        {"onboot is there", "onboot: 1\nhostname: web\n", "hostname: web\nlock: migrate\nonboot: 0\n"},
        {"snapshots keep theirs", "hostname: web\n\n[before]\nonboot: 1\nlock: backup\n",
         "hostname: web\nlock: migrate\nonboot: 0\n\n[before]\nonboot: 1\nlock: backup\n"},
        {"it was locked for something else", "lock: backup\nhostname: web\n",
         "hostname: web\nlock: migrate\nonboot: 0\n"},
        {"other keys begin alike", "locked: no\nonbooted: 1\n", "locked: no\nonbooted: 1\nlock: migrate\nonboot: 0\n"},
        {"the last line is not ended", "hostname: web", "hostname: web\nlock: migrate\nonboot: 0\n"},
        {"blank lines at the end", "hostname: web\n\n\n", "hostname: web\nlock: migrate\nonboot: 0\n\n\n"},
        {"nothing is in it", "", "lock: migrate\nonboot: 0\n"},
        {"nothing but a snapshot", "[before]\nonboot: 1\n", "lock: migrate\nonboot: 0\n[before]\nonboot: 1\n"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            const std::string locked = locked_text(r.before);
            CHECK(head_value(locked, "lock") == "migrate");
            CHECK(head_value(locked, "onboot") == "0");
            CHECK(locked == r.after);
            CHECK(locked_text(locked) == locked);
        }
    }
}

TEST_CASE("a value in a snapshot is not the guest's") {
    CHECK_FALSE(head_value("hostname: web\n[snap]\nlock: backup\n", "lock"));
    CHECK(head_value("# lock: no\nlock: backup\n", "lock") == "backup");
    CHECK_FALSE(head_value("", "lock"));
    CHECK_FALSE(head_value("locked: yes\n", "lock"));
    CHECK_FALSE(head_value("lock", "lock"));
    CHECK(head_value("lock:\n", "lock") == "");
    CHECK(head_value("lock: \t backup\t \r\n", "lock") == "backup");
    CHECK(head_value("lock: backup", "lock") == "backup");
    CHECK(head_value("lock: backup\nlock: migrate\n", "lock") == "migrate");
}
