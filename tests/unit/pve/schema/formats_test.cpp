#include "pve/schema/formats.hpp"

#include "pve/schema/all_facts.hpp"

#include <catch2/catch.hpp>

using namespace steward::pve::schema;
using namespace std::string_literals;

namespace {

class row {
  public:
    const char* format;
    std::string good;
    std::string bad;
    std::string why;  ///< what PVE says about the bad one
};

}  // namespace

TEST_CASE("each format takes its own and says why it does not take others") {
    const row rows[] = {
        {"CIDR", "fd00::/64", "10.0.0.0/7", "value does not look like a valid CIDR network"},
        {"CIDRv4", "10.0.0.0/8", "10.0.0.0/33", "value does not look like a valid IPv4 network"},
        {"CIDRv6", "fd00::/8", "10.0.0.0/8", "value does not look like a valid IPv6 network"},
        {"FullRangeCIDR", "0.0.0.0/0", "0.0.0.0", "value does not look like a valid CIDR network"},
        {"IPorCIDR", "10.0.0.1", "gw", "value does not look like a valid IP address or CIDR network"},
        {"IPorCIDRorAlias", "dc/gw", "10.300.0.1", "value does not look like a valid IP address or CIDR network"},
        {"address", "n1.example.org", "n1_x", "value does not look like a valid address: n1_x"},
        {"bridge-pair", "vmbr0:vmbr1", "vmbr0:v b",
         "entry 'vmbr0:v b' contains invalid ID - invalid bridge ID 'v b'\n"},
        {"disk-size", "32.5G", "32 G", "value does not look like a valid disk size: 32 G"},
        {"dns-name", "a-b.c", "a..c", "value does not look like a valid DNS name"},
        {"dns-name", "a", "-a", "value does not look like a valid DNS name"},
        {"email", "a.b+c@x.org", "a@", "value does not look like a valid email address"},
        {"email-opt", "", "@x", "value does not look like a valid email address"},
        {"email-or-username", "root", "a b", "value does not look like a valid email address or user name"},
        {"ip", "::1", "1.2.3", "value does not look like a valid IP address"},
        {"ipv4", "255.0.0.1", "256.0.0.1", "value does not look like a valid IPv4 address"},
        {"ipv4", "1.2.3.4", "1.2.3.04", "value does not look like a valid IPv4 address"},
        {"ipv4", "1.2.3.4", "1.2.3.4\0"s, "value does not look like a valid IPv4 address"},
        {"ipv4mask", "255.255.254.0", "255.0.255.0", "value does not look like a valid IPv4 netmask"},
        {"ipv6", "fe80::1", "fe80::1%eth0", "value does not look like a valid IPv6 address"},
        {"ldap-simple-attr", "uid", "u-id", "value 'u-id' does not look like a simple ldap attribute name"},
        {"mac-addr", "BC:24:11:00:00:01", "BD:24:11:00:00:01", "value is not a valid unicast MAC address"},
        {"mac-prefix", "BC:24:11", "BC:24:11:00", "value is not a valid unicast MAC address prefix"},
        {"pve-bridge-id", "vmbr0.5", "vm/br", "invalid bridge ID 'vm/br'"},
        {"pve-calendar-event", "mon..fri 02:30", "now!", "unable to parse calendar event 'now!'"},
        {"pve-configid", "snap_1", "1snap", "invalid configuration ID '1snap'"},
        {"pve-fw-addr-spec", "10.0.0.1-10.0.0.9", "10.0.0.1,,10.0.0.2", "extraneous commas in list"},
        {"pve-fw-addr-spec", "fd00::/64,fe80::1", "10.0.0.1,fe80::1",
         "detected mixed ipv4/ipv6 addresses in address list '10.0.0.1,fe80::1'"},
        {"pve-fw-addr-spec", "10.0.0.1,10.0.0.2", "10.0.0.1,10.0.0.2-10.0.0.9", "you can't use a range in a list"},
        {"pve-fw-addr-spec", "+dc/bl", "10.0.0", "invalid IP address: 10.0.0"},
        {"pve-fw-dport-spec", "22,80:85,https", "80:70", "backwards range '80:70' not allowed, did you mean '70:80'?"},
        {"pve-fw-sport-spec", "0", "65536", "invalid port '65536'"},
        {"pve-fw-sport-spec", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15", "1,2,3,4,5,6,7,8,9,10,11,12,13,14:15,16",
         "too many entries in port list (> 15 numbers)"},
        {"pve-groupid", "g.1", "g 1", "group name 'g 1' contains invalid characters"},
        {"pve-iface", "eno1.100", "1eno", "invalid network interface name '1eno'"},
        {"pve-ipv4-config", "manual", "10.0.0.1", "value does not look like a valid ipv4 network configuration"},
        {"pve-ipv6-config", "auto", "fd00::1", "value does not look like a valid ipv6 network configuration"},
        {"pve-lxc-mp-string", "/srv/..a", "/srv/../a", "/srv/../a contains illegal character sequences"},
        {"pve-node", "n-1", "n_1", "value does not look like a valid node name"},
        {"pve-phys-bits", "host", "7", "value must be an integer between 8 and 64 or 'host'"},
        {"pve-poolid", "a/b/c", "a/b/c/d", "pool name 'a/b/c/d' contains invalid characters"},
        {"pve-realm", "pve", "1", "value does not look like a valid realm"},
        {"pve-replication-job-id", "100-0", "99-0", "invalid replication job id '99-0'"},
        {"pve-roleid", "PVEAdmin", "PVE/Admin", "role name 'PVE/Admin' contains invalid characters"},
        {"pve-startup-order", "order=1,up=30", "1;2", "unable to parse startup options"},
        {"pve-startup-order", "5", std::string(5000, '1') + "x", "unable to parse startup options"},
        {"pve-storage-content-list", "images,iso", "images,isos", "invalid content type 'isos'"},
        {"pve-storage-id", "local-lvm", "local-", "storage ID 'local-' contains illegal characters"},
        {"pve-storage-path", "/mnt/pve/x", "mnt", "value does not look like a valid absolute path"},
        {"pve-storage-portal-dns", "[fd00::1]:3260", "san:0", "value does not look like a valid portal address"},
        {"pve-storage-server", "nas.lan", "nas lan", "value does not look like a valid server name or IP address"},
        {"pve-tag-list", "a;b c,d", "a;#b", "invalid characters in tag"},
        {"pve-userid", "root@pam", "root", "value 'root' does not look like a valid user name"},
        {"pve-userid", "a@b.", "x", "user name 'x' is too short"},
        {"pve-vmid", "100", "99", "value does not look like a valid VM ID"},
        {"pve-vmid-list", "", "100 1", "value does not look like a valid VM ID"},
        {"pve-vmid-list", "100\000101"s, "100\0001 2"s, "value does not look like a valid VM ID"},
        {"pve-volume-id", "local:iso/a b.iso", "local", "unable to parse volume ID 'local'"},
        {"pve-volume-id-or-qm-path", "none", "cdrom2", "unable to parse volume ID 'cdrom2'"},
        {"pve-volume-id-or-absolute-path", "/dev/sda", "dev", "unable to parse volume ID 'dev'"},
        {"storage-pair-list", "1",
         "a b:c:", "entry 'a' contains invalid ID - storage ID 'a' contains illegal characters\n"},
        {"urlencoded", "ssh-rsa%20AAAA", "ssh rsa", "invalid urlencoded string: ssh rsa"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.format << " " << r.good.substr(0, 40) << " / " << r.bad.substr(0, 40)) {
            CHECK(format_problem(r.format, r.good) == "");
            CHECK(format_problem(r.format, r.bad) == r.why);
            CHECK(is_known_format(r.format));
        }
    }
}

TEST_CASE("a format that is not known accepts everything") {
    CHECK(format_problem("pve-something-new", "\x01 any").empty());
    CHECK_FALSE(is_known_format("pve-something-new"));
    CHECK(is_known_format("prune-backups"));
}

TEST_CASE("the formats of the schema without a rule are these") {
    CHECK(unknown_formats(catalogue_of_everything().methods()) ==
          std::vector<std::string>{"graphite-path", "pve-command-batch", "pve-cpuset", "pve-ct-timezone",
                                   "pve-dir-override-list", "pve-qm-usb-device", "pve-sdn-bgp-rt-list",
                                   "pve-sdn-fabric-wireguard-interface", "pve-sdn-prefix-list-id",
                                   "pve-sdn-route-map-id", "pve-sdn-subnet-id", "pve-storage-options",
                                   "pve-storage-zfs-blocksize"});
}

TEST_CASE("a certificate of normal size has its format") {
    const std::string one = "-----BEGIN CERTIFICATE-----\n" + std::string(8000, 'A') + "\n-----END CERTIFICATE-----\n";
    CHECK(format_problem("pem-certificate", one).empty());
    CHECK(format_problem("pem-certificate-chain", one + one + one).empty());
    CHECK_FALSE(format_problem("pem-certificate", "hello").empty());
}
