#include "core/failover/parked.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using failover::read_parked;

TEST_CASE("parked configurations are known by their name, and their kind by their content") {
    const auto ct =
        read_parked("101.pve-2.g7.conf", "arch: amd64\nhostname: web\nrootfs: l:vm-101-disk-0\nlock: migrate\n");
    REQUIRE(ct);
    CHECK(to_string(ct->guest) == "ct/101");
    CHECK(ct->name == "101.pve-2.g7");
    CHECK(ct->source.str() == "pve-2");
    CHECK(ct->generation == 7);
    CHECK(ct->title == "web");
    const auto vm = read_parked("200.n1.g12.conf", "name: db\nscsi0: l:vm-200-disk-0\n[snap]\nrootfs: x\n");
    REQUIRE(vm);
    CHECK(to_string(vm->guest) == "vm/200");
    CHECK(vm->title == "db");
    for (const char* bad : {"", "101.n1.g7.orig", "101.n1.conf", "x.n1.g7.conf", "101.n1.g.conf", "101..g7.conf",
                            "101.n1.g99999999999.conf", "99.n1.g1.conf", ".g7.conf"}) {
        INFO(bad);
        CHECK_FALSE(read_parked(bad, "rootfs: x\n"));
    }
}
