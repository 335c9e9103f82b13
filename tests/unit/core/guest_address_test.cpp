#include "core/health/guest_address.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::health;

TEST_CASE("the addresses that a configuration gives a guest") {
    using lines = std::map<std::string, std::string>;
    using texts = std::vector<std::string>;
    struct row {
        const char* name;
        guest_type type;
        lines values;
        texts addresses;
    };
    const row rows[] = {
        {"a container's",
         guest_type::ct,
         {{"net0", "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:65,ip=192.0.2.31/24,gw=192.0.2.1,type=veth"}},
         {"192.0.2.31"}},
        {"dhcp is none", guest_type::ct, {{"net0", "name=eth0,ip=dhcp,ip6=auto"}}, {}},
        {"manual is none", guest_type::ct, {{"net0", "name=eth0,ip=manual"}}, {}},
        {"IPv4 of any before IPv6 of the first, in order of numbers",
         guest_type::ct,
         {{"net0", "name=eth0,ip=dhcp,ip6=2001:db8::31/64"},
          {"net10", "name=eth10,ip=192.0.2.41/24"},
          {"net2", "name=eth2,ip=192.0.2.42/24"}},
         {"192.0.2.42", "192.0.2.41", "2001:db8::31"}},
        {"link-local and loopback are none",
         guest_type::ct,
         {{"net0", "name=eth0,ip=169.254.3.4/16,ip6=fe80::1/64"}, {"net1", "name=eth1,ip=127.0.0.1/8,ip6=::1/128"}},
         {}},
        {"multicast and the unspecified are none",
         guest_type::ct,
         {{"net0", "name=eth0,ip=224.0.0.1/4,ip6=ff02::1/64"}, {"net1", "name=eth1,ip=0.0.0.0/0,ip6=::/0"}},
         {}},
        {"a VM's",
         guest_type::vm,
         {{"ipconfig0", "ip=192.0.2.33/24,gw=192.0.2.1"}, {"net0", "virtio=BC:24"}},
         {"192.0.2.33"}},
        {"a VM's net lines hold none", guest_type::vm, {{"net0", "virtio=BC:24,ip=192.0.2.33/24"}}, {}},
        {"what only begins like one", guest_type::ct, {{"nett", "ip=192.0.2.1/24"}, {"net", "ip=192.0.2.2/24"}}, {}},
        {"no address at all", guest_type::ct, {{"net0", "name=eth0,ip=what/24"}}, {}},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            model::guest_config config;
            config.values = r.values;
            CHECK(configured_addresses(r.type, config) == r.addresses);
        }
    }
}

TEST_CASE("of the addresses that a guest has, one that others can reach") {
    CHECK_FALSE(usable_address({}));
    CHECK_FALSE(usable_address({{"lo", "127.0.0.1"}, {"eth0", "fe80::1"}, {"docker0", "172.17.0.1"}}));
    CHECK(usable_address({{"lo", "127.0.0.1"}, {"eth0", "fe80::1"}, {"eth0", "192.0.2.5"}}) == "192.0.2.5");
    CHECK(usable_address({{"eth0", "2001:db8::5"}, {"eth1", "192.0.2.6"}}) == "192.0.2.6");
    CHECK(usable_address({{"eth0", "2001:db8::5"}, {"eth0", "169.254.1.1"}}) == "2001:db8::5");
}

TEST_CASE("whether a VM is said to have an agent") {
    for (const auto& [text, expected] : std::map<std::string, bool>{{"", false},
                                                                    {"0", false},
                                                                    {"1", true},
                                                                    {"1,fstrim_cloned_disks=1", true},
                                                                    {"enabled=1", true},
                                                                    {"fstrim_cloned_disks=1,enabled=1", true},
                                                                    {"enabled=0", false}}) {
        model::guest_config config;
        config.values["agent"] = text;
        CHECK(has_agent(config) == expected);
    }
}
