#include "core/handover/config_text.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::handover;

TEST_CASE("taking a lock off changes no other byte") {
    CHECK(unlocked_text("lock: create\n") == "");
    CHECK(unlocked_text("lock: create\nmemory: 128\n") == "memory: 128\n");
    CHECK(unlocked_text("arch: amd64\n\nlock: create\n\n[old]\nlock: backup\n") ==
          "arch: amd64\n\n\n[old]\nlock: backup\n");
    CHECK(unlocked_text("unlock: x\nlocked: y") == "unlock: x\nlocked: y");
}

TEST_CASE("what an unfinished restore leaves is told from what is somebody's") {
    struct row {
        const char* name;
        const char* text;
        bool is_half_made;
    };
    const row rows[] = {
        {"a container, before its archive was read", "lock: create\n", true},
        {"a VM, before its archive was read", "lock: create\nmemory: 128\n", true},
        {"nothing at all", "", true},
        {"with our tag", "hostname: web\nlock: create\ntags: a;steward-g2;web\nrootfs: local:vm-102-disk-0\n", true},
        {"with the tag of another hand-over", "lock: create\ntags: steward-g21\n", false},
        {"without a tag", "hostname: web\nlock: create\n", false},
        {"with a note, as people write them", "#mine\nlock: create\n", false},
        {"with a snapshot", "lock: create\ntags: steward-g2\n\n[old]\nhostname: web\n", false},
        {"the tag is in a snapshot", "lock: create\n\n[old]\ntags: steward-g2\n", false},
    };
    for (const row& r : rows) {
        INFO(r.name);
        CHECK(is_half_made(r.text, "steward-g2") == r.is_half_made);
    }
}

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
