#include "samples.hpp"

#include "pve/schema/check.hpp"
#include "pve/schema/named_formats.hpp"
#include "pve/schema/property_string.hpp"

#include <catch2/catch.hpp>
#include <fmt/core.h>

namespace steward::tests {

using namespace pve::schema;

namespace {

bool is_accepted(const value& facts, version v, const std::string& text) {
    return check_value(facts, v, facts.name, text).empty();
}

std::string number_for(const value& facts, version v) {
    // Before 8.0 the least vmid was 1, and its format said three digits all the same.
    const double least = facts.minimum ? *facts.minimum : facts.maximum.value_or(7);
    const std::string text = fmt::format("{:.17g}", least);
    return is_accepted(facts, v, text) ? text : "101";
}

/// All keys of the version, so that the longest form is tried as well.
std::string property_string_for(const value& facts, const std::vector<value>& keys, version v) {
    properties pairs;
    for (const value& key : keys)
        if (key.alias.empty() && key.when.contains(v)) pairs.emplace_back(key.name, sample_of(key, v));
    return join_property_string(facts, pairs);
}

constexpr const char* likely[] = {
    "a1",
    "101",
    "n1",
    "local",
    "local:101/vm-101-disk-0.raw",
    "8G",
    "10.0.0.1",
    "fd00::1",
    "10.0.0.0/24",
    "fd00::/64",
    "BC:24:11:00:00:01",
    "BC:24:11",
    "web.example.org",
    "admin@pve",
    "vmbr0",
    "/mnt/data",
    "/dev/sdb",
    "mon..fri 02:30",
    "order=1",
    "me@example.org",
    "255.255.255.0",
    "49.0001.0000.0000.0001.00",
    "65000:1",
    "1",
    "ct:101",
    "101-0",
    "local:local",
    "vmbr0:vmbr1",
    "dc=example,dc=org",
    "0000:01:00.0",
    "1234:5678",
    "aes-ni",
    "+aes",
    "a",
    "0755",
    "password1",
    "deadbeef",
    "UPID:n1:0000C5B9:0002DA13:6566C3E7:vzstart:101:root@pam:",
    "abcdefgh",
    "cn=admin,dc=example,dc=org",
    "images",
    "123e4567-e89b-12d3-a456-426614174000",
    "00000000-0000-0000-0000-000000000000",
    "root@pam!token",
    "pool/data",
    "uid=admin",
    "objectClass=person",
    "https://example.org/",
    "http://example.org:8080",
    "user=1,group=2",
    "0,2-4",
    "u:0:100000:65536",
    "10-20",
    "ab:cd",
    "a=b",
    "100%",
    "20",
    "aa11",
    "64k",
    "host=10.0.0.2,apitoken=PVEAPIToken=a@pve!b=123e4567-e89b-12d3-a456-426614174000",
    "KEY=value",
    "dev-1",
    "10.0.0.1:6789",
    "vztmpl",
    "0000000000000000000000000000000000000000",
    "acl;properties",
    "0x1234567890abcdef",
    "0x1234",
    "/dev/parport0",
    "noatime;nodev",
    "scsi0",
    "mon.n1",
    "mon",
    "pve1c-0123456789",
    "2026-11-21 02:30",
    "10/second",
    "ftp",
    "echo-request",
    "tag:ff0000",
    "-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n",
    "q35",
    "/var/tmp/pveupload-0a1b",
    "net0=1500",
    "ok",
    "02:30",
    "now",
    "qcow2",
    "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF",
};

}  // namespace

std::string sample_of(const value& facts, version v) {
    if (facts.type == value_type::boolean) return "1";
    if (!facts.choices.empty()) return facts.choices.front();
    if (facts.type == value_type::integer || facts.type == value_type::number) return number_for(facts, v);
    if (const std::vector<value>* keys = property_keys(facts)) return property_string_for(facts, *keys, v);
    for (const char* text : likely)
        if (is_accepted(facts, v, text)) return text;
    const std::string padded(facts.min_length.value_or(1), 'x');
    if (is_accepted(facts, v, padded)) return padded;
    FAIL_CHECK("no sample fits " << facts.name << " format=" << facts.format << " pattern=" << facts.pattern);
    return {};
}

}  // namespace steward::tests
