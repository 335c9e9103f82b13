#include "pve/schema/check.hpp"
#include "sim/api/call.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/core.h>
#include <set>

namespace steward::sim::api {

namespace {

namespace schema = pve::schema;

}  // namespace

std::map<std::string, std::string> check_parameters(const cluster& model, const schema::method& what,
                                                    const std::map<std::string, std::string>& path,
                                                    const parameters& given) {
    std::map<std::string, std::string> errors;
    schema::parameters all(path.begin(), path.end());
    for (const auto& [name, value] : given) {
        const auto in_path = path.find(name);
        if (in_path == path.end())
            all.emplace_back(name, value);
        else if (in_path->second != value)
            errors[name] = "duplicate parameter (already defined in URI) with conflicting values!";
    }
    for (const auto& wrong : schema::check(what, model.version(), all)) {
        std::string& text = errors[wrong.parameter];
        text += (text.empty() ? "" : "\\n") + wrong.text;  // PVE joins with these two characters
    }
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
