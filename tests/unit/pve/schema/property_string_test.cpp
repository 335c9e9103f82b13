#include "pve/schema/property_string.hpp"

#include "pve/schema/facts_text.hpp"
#include "pve/schema/named_formats.hpp"

#include <catch2/catch.hpp>
#include <fstream>
#include <set>
#include <sstream>

using namespace steward;
using namespace steward::pve::schema;

namespace {

/// One parameter from its lines: "net string", "  model string default_key".
value read_value(const std::vector<std::string>& lines) {
    std::string text = "POST create\n";
    for (const std::string& line : lines) text += "  " + line + "\n";
    auto read = parse_method("/x", text);
    INFO(text);
    if (!read) FAIL(read.error().text());
    REQUIRE(read->parameters.size() == 1);
    return std::move(read->parameters.front());
}

const value& network() {
    static const value facts = read_value({
        "net[n]? string count=32",
        "  model string enum=e1000|virtio default_key",
        "  bridge? string",
        "  e1000 alias=macaddr key_alias=model",
        "  firewall? boolean",
        "  macaddr? string format=mac-addr",
        "  mtu? integer min=1 max=65520 since=8.0",
        "  virtio alias=macaddr key_alias=model",
    });
    return facts;
}

const value& disk() {
    static const value facts = read_value({
        "ide[n]? string",
        "  backup? boolean",
        "  file string format=pve-volume-id default_key",
        "  size? string format=disk-size",
        "  volume alias=file",
    });
    return facts;
}

std::string shown(const properties& pairs) {
    std::string text;
    for (const auto& [key, value] : pairs) text += (text.empty() ? "" : " ") + key + "=" + value;
    return text;
}

}  // namespace

TEST_CASE("a property string falls into canonical keys") {
    struct row {
        const char* name;
        const value& facts;
        const char* text;
        const char* pairs;
    };
    const row rows[] = {
        {"nothing", network(), "", ""},
        {"a bare value belongs to the default key", network(), "virtio,bridge=vmbr0", "model=virtio bridge=vmbr0"},
        {"wherever it stands", network(), "bridge=vmbr0,virtio", "bridge=vmbr0 model=virtio"},
        {"a key that is a value: how PVE prints VM networks", network(), "virtio=BC:24:11:00:00:01,bridge=vmbr0",
         "model=virtio macaddr=BC:24:11:00:00:01 bridge=vmbr0"},
        {"an alias is another name", disk(), "volume=local:1/a.raw,size=4G", "file=local:1/a.raw size=4G"},
        {"booleans in words", network(), "model=virtio,firewall=On", "model=virtio firewall=1"},
        {"booleans in other words", disk(), "local:1/a.raw,backup=no", "file=local:1/a.raw backup=0"},
        {"what is no boolean is left to the checker", disk(), "a:b,backup=maybe", "file=a:b backup=maybe"},
        {"blank parts mean nothing", network(), ",virtio, ,bridge=a,", "model=virtio bridge=a"},
        {"a value may hold an equals sign", network(), "virtio,bridge=a=b", "model=virtio bridge=a=b"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            const auto pairs = split_property_string(r.facts, {8, 4}, r.text);
            REQUIRE(pairs);
            CHECK(shown(*pairs) == r.pairs);
        }
    }
}

TEST_CASE("what a property string cannot be is said in PVE's words") {
    struct row {
        const char* name;
        const value& facts;
        const char* text;
        const char* why;
    };
    const row rows[] = {
        {"unknown key", network(), "virtio,speed=1", "invalid key in comma-separated list property: speed"},
        {"key of a later version", network(), "virtio,mtu=9000", "invalid key in comma-separated list property: mtu"},
        {"the same key twice", network(), "bridge=a,bridge=b",
         "duplicate key in comma-separated list property: bridge"},
        {"two bare values", network(), "virtio,e1000", "duplicate key in comma-separated list property: model"},
        {"bare value after its key", network(), "model=virtio,e1000",
         "duplicate key in comma-separated list property: model"},
        {"two models with their addresses", network(), "virtio=BC:24:11:00:00:01,e1000=BC:24:11:00:00:02",
         "key alias 'model' is already defined"},
        {"name and other name", disk(), "file=a:b,volume=a:c", "duplicate key in comma-separated list property: file"},
        {"a key without a value", network(), "virtio,bridge=", "missing key in comma-separated list property"},
        {"a value without a key", network(), "virtio,=vmbr0", "missing key in comma-separated list property"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            const auto pairs = split_property_string(r.facts, {7, 4}, r.text);
            REQUIRE_FALSE(pairs);
            CHECK(pairs.error().code == errc::invalid);
            CHECK(pairs.error().detail == r.why);
        }
    }
    const value no_default = read_value({"numa0? string", "  cpus string"});
    CHECK(split_property_string(no_default, {}, "0-3").error().detail ==
          "value without key, but schema does not define a default key");
    CHECK(split_property_string(read_value({"name? string"}), {}, "a=b").error().detail == "not a property string");
}

TEST_CASE("a property string is printed in the order of its facts") {
    struct row {
        const char* name;
        const value& facts;
        properties pairs;
        const char* text;
    };
    const row rows[] = {
        {"default key first and bare", network(), {{"bridge", "vmbr0"}, {"model", "virtio"}}, "virtio,bridge=vmbr0"},
        {"no default key given", network(), {{"macaddr", "m"}, {"bridge", "vmbr0"}}, "bridge=vmbr0,macaddr=m"},
        {"a default value with an equals sign needs its key", disk(), {{"file", "a:b=c"}}, "file=a:b=c"},
        {"and so does a blank one", disk(), {{"file", " "}}, "file= "},
        {"booleans are 1 and 0", disk(), {{"file", "a:b"}, {"backup", "off"}}, "a:b,backup=0"},
        {"unknown keys are kept at the end", disk(), {{"x", "1"}, {"file", "a:b"}}, "a:b,x=1"},
        {"nothing", disk(), {}, ""},
    };
    for (const row& r : rows) DYNAMIC_SECTION(r.name) {
            CHECK(join_property_string(r.facts, r.pairs) == r.text);
        }
}

TEST_CASE("the named formats are the eighteen that dumps only name") {
    const auto names = named_format_names();
    const std::set<std::string> found(names.begin(), names.end());
    CHECK(found == std::set<std::string>{"backup-fleecing", "backup-performance", "proxmox-remote", "prune-backups",
                                         "pve-qemu-sev-fmt", "pve-qemu-tdx-fmt", "pve-qm-boot", "pve-qm-cicustom",
                                         "pve-qm-hostpci", "pve-qm-ide", "pve-qm-ipconfig", "pve-qm-rng",
                                         "pve-qm-smbios1", "pve-qm-watchdog", "pve-sdn-dhcp-range", "pve-tfa-config",
                                         "pve-vm-cpu-conf", "realm-sync-options"});
    CHECK(named_format("pve-node").error().code == errc::not_found);
}

TEST_CASE("the file of named formats is printed as it was read") {
    std::ifstream in(STEWARD_NAMED_FORMATS, std::ios::binary);
    std::ostringstream file;
    file << in.rdbuf();
    std::string printed;
    for (const std::string& name : named_format_names()) {
        method call;
        call.verb = "POST";
        call.name = "x";
        value holder;
        holder.name = "y";
        holder.type = value_type::string;
        holder.has_members = true;
        holder.members = *named_format(name);
        call.parameters = {holder};
        printed += "format " + name + "\n";
        std::istringstream lines(print_method(call));
        for (std::string line; std::getline(lines, line);)
            if (line.starts_with("    ")) printed += line.substr(2) + "\n";
    }
    CHECK(printed == file.str());
}

TEST_CASE("a named format reads what PVE writes") {
    struct row {
        const char* format;
        const char* text;
        const char* pairs;
    };
    const row rows[] = {
        {"pve-qm-boot", "order=scsi0;ide2;net0", "order=scsi0;ide2;net0"},
        {"pve-qm-boot", "cdn", "legacy=cdn"},
        {"pve-qm-hostpci", "0000:01:00.0,pcie=1", "host=0000:01:00.0 pcie=1"},
        {"pve-qm-ipconfig", "ip=10.0.0.5/24,gw=10.0.0.1", "ip=10.0.0.5/24 gw=10.0.0.1"},
        {"pve-vm-cpu-conf", "host,flags=+aes;-pcid", "cputype=host flags=+aes;-pcid"},
        {"prune-backups", "keep-daily=7,keep-last=3", "keep-daily=7 keep-last=3"},
        {"backup-fleecing", "1,storage=local-lvm", "enabled=1 storage=local-lvm"},
        {"pve-qm-ide", "none,media=cdrom", "file=none media=cdrom"},
        {"pve-sdn-dhcp-range", "start-address=10.0.0.1,end-address=10.0.0.9",
         "start-address=10.0.0.1 end-address=10.0.0.9"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.format << " " << r.text) {
            const auto pairs =
                split_property_string(read_value({"x? string format=" + std::string(r.format)}), {9, 1}, r.text);
            REQUIRE(pairs);
            CHECK(shown(*pairs) == r.pairs);
        }
    }
}
