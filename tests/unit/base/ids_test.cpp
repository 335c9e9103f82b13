#include "base/ids.hpp"

#include <catch2/catch.hpp>

using namespace steward;

TEST_CASE("guests are named type/vmid") {
    CHECK(to_string(*parse_guest_id("ct/101")) == "ct/101");
    CHECK(to_string(*parse_guest_id("qemu/200")) == "vm/200");
    for (const char* bad : {"", "101", "ct/", "ct/99", "ct/1000000000", "ct/0101x", "host/101", "ct/-5", "CT/101"}) {
        DYNAMIC_SECTION("refused: " << bad) { CHECK_FALSE(parse_guest_id(bad)); }
    }
}

TEST_CASE("a recorded UPID is taken apart") {
    const auto u = parse_upid("UPID:pve:000007A0:0003EEAE:6B00A5C6:vzrestore:120:root@pam!full:");
    REQUIRE(u);
    CHECK(u->node.str() == "pve");
    CHECK(u->pid == 0x7a0);
    CHECK(u->pstart == 0x3eeae);
    CHECK(u->type == "vzrestore");
    CHECK(u->id == "120");
    CHECK(u->user == "root@pam!full");
    CHECK(parse_upid("UPID:pve1:0012A3F4:0A1B2C3D:66F0A1B2:vzdump::root@pam:")->id.empty());
    for (const char* bad : {"", "OK", "UPID:", "UPID:pve:7A0:0003EEAE:6B00A5C6:vzrestore:120:root@pam:",
                            "UPID:pve:000007A0:0003EEAE:6B00A5C6:vzrestore:120:root@pam",
                            "UPID:pve:000007A0:0003EEAE:6B00A5C6:vzrestore:120:root@pam:x"}) {
        DYNAMIC_SECTION("refused: " << bad) { CHECK_FALSE(parse_upid(bad)); }
    }
}

TEST_CASE("node and storage names follow PVE's rules") {
    CHECK(parse_node_name("pve-1"));
    CHECK_FALSE(parse_node_name("-pve"));
    CHECK_FALSE(parse_node_name("a/b"));
    CHECK_FALSE(parse_node_name("n1\n"));
    CHECK(parse_storage_id("local-lvm"));
    CHECK_FALSE(parse_storage_id("1st"));
    CHECK(storage_of(volid("backup:backup/vzdump-lxc-101-x.tar.zst")).str() == "backup");
}
