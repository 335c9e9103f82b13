#include "sim/api_call.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/core.h>
#include <set>

namespace steward::sim::api {

namespace {

constexpr std::string_view container_options =
    "arch:s cmode:s console:b cores:i cpulimit:s cpuunits:i debug:b description:s dev#:s features:s hookscript:s "
    "hostname:s lock:s memory:i mp#:s nameserver:s net#:s onboot:b ostype:s protection:b rootfs:s searchdomain:s "
    "startup:s swap:i tags:s template:b timezone:s tty:i unprivileged:b unused#:s";
constexpr std::string_view machine_options =
    "acpi:b agent:s args:s balloon:i bios:s boot:s cores:i cpu:s cpulimit:s cpuunits:i description:s efidisk0:s "
    "hotplug:s ide#:s ipconfig#:s kvm:b lock:s machine:s memory:s name:s nameserver:s net#:s numa:b onboot:b ostype:s "
    "protection:b sata#:s scsi#:s scsihw:s searchdomain:s serial#:s smbios1:s sockets:i startup:s tablet:b tags:s "
    "template:b unused#:s vga:s virtio#:s vmgenid:s";

class property {
  public:
    std::string name;
    char type = 's';
    bool required = false;
};

void read_words(std::string_view words, std::vector<property>& into) {
    for (std::size_t at = 0; at < words.size();) {
        const std::size_t end = std::min(words.find(' ', at), words.size());
        const std::string_view word = words.substr(at, end - at);
        at = end + 1;
        if (word.empty()) continue;
        if (word == "+ct") {
            read_words(container_options, into);
        } else if (word == "+vm") {
            read_words(machine_options, into);
        } else {
            property p;
            const std::size_t colon = word.find(':');
            p.name = std::string(word.substr(0, colon));
            p.type = word[colon + 1];
            p.required = word.back() == '!';
            into.push_back(std::move(p));
        }
    }
}

/// "net0" and "net#".
bool names(const property& p, const std::string& given) {
    if (p.name.back() != '#') return p.name == given;
    const std::size_t stem = p.name.size() - 1;
    return given.size() > stem && given.compare(0, stem, p.name, 0, stem) == 0 &&
           given.find_first_not_of("0123456789", stem) == std::string::npos;
}

bool is_integer(const std::string& text) {
    const std::size_t digits = !text.empty() && text.front() == '-' ? 1 : 0;
    return text.size() > digits && text.find_first_not_of("0123456789", digits) == std::string::npos;
}

std::string check_value(const property& p, const std::string& value) {
    if (p.type == 'i' && !is_integer(value)) return fmt::format("type check ('integer') failed - got '{}'", value);
    if (p.type == 'b' && value != "0" && value != "1")
        return fmt::format("type check ('boolean') failed - got '{}'", value);
    std::int64_t number = 0;
    std::from_chars(value.data(), value.data() + value.size(), number);
    if (p.name == "memory" && p.type == 'i' && number < 16) return "value must have a minimum value of 16";
    return {};
}

}  // namespace

std::map<std::string, std::string> check_parameters(std::string_view schema, const parameters& given) {
    std::vector<property> properties;
    read_words(schema, properties);
    std::map<std::string, std::string> errors;
    std::set<std::string> seen;
    for (const auto& [name, value] : given) {
        const auto p = std::find_if(properties.begin(), properties.end(),
                                    [&, n = name](const property& q) { return names(q, n); });
        if (p == properties.end())
            errors[name] = "property is not defined in schema and the schema does not allow additional properties";
        else if (!seen.insert(name).second)
            errors[name] = "type check ('string') failed - got ARRAY";
        else if (const std::string why = check_value(*p, value); !why.empty())
            errors[name] = why;
    }
    for (const property& p : properties)
        if (p.required && seen.count(p.name) == 0) errors[p.name] = "property is missing and it is not optional";
    return errors;
}

std::string privilege_of_option(guest_type type, const std::string& option) {
    const std::string stem = option.substr(0, option.find_first_of("0123456789"));
    static const std::set<std::string> network = {"net", "nameserver", "searchdomain", "ipconfig"};
    static const std::set<std::string> disk = {"rootfs", "mp", "scsi", "virtio", "sata", "ide", "unused", "efidisk"};
    static const std::set<std::string> cpu = {"cores", "cpulimit", "cpuunits", "cpu", "sockets", "numa"};
    static const std::set<std::string> memory = {"memory", "swap", "balloon"};
    if (network.count(stem) != 0 || (type == guest_type::ct && stem == "hostname")) return "VM.Config.Network";
    if (disk.count(stem) != 0) return "VM.Config.Disk";
    if (cpu.count(stem) != 0) return "VM.Config.CPU";
    if (memory.count(stem) != 0) return "VM.Config.Memory";
    return "VM.Config.Options";
}

std::optional<reply> check_options(const call& c, guest_id guest, const std::vector<std::string>& options) {
    for (const std::string& option : options) {
        const std::string privilege = privilege_of_option(guest.type, option);
        if (!c.may_guest(guest.id, privilege)) return forbidden("/vms/" + to_string(guest.id), privilege);
    }
    return std::nullopt;
}

boost::json::value number_or_text(const std::string& text) {
    std::int64_t number = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (ec == std::errc() && end == text.data() + text.size()) return number;
    return boost::json::value(text);
}

std::string normalised_tags(const std::string& given) {
    std::set<std::string> tags;
    for (std::size_t at = 0; at < given.size();) {
        const std::size_t end = std::min(given.find_first_of(",; ", at), given.size());
        std::string tag = given.substr(at, end - at);
        std::transform(tag.begin(), tag.end(), tag.begin(),
                       [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        if (!tag.empty()) tags.insert(std::move(tag));
        at = end + 1;
    }
    std::string joined;
    for (const std::string& tag : tags) joined += (joined.empty() ? "" : ";") + tag;
    return joined;
}

}  // namespace steward::sim::api
