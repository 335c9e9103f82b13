#include "core/handover/handover.hpp"

#include "base/key_lines.hpp"
#include "base/sha1.hpp"
#include "core/handover/config_text.hpp"

#include <algorithm>
#include <array>
#include <fmt/core.h>

namespace steward::handover {

using guard::parked_path;
using guard::refusal;
using guard::verb;

namespace {

reply success(std::string path = {}) {
    reply r;
    r.ok = true;
    r.path = std::move(path);
    return r;
}

std::string home_path(const request& r) {
    return node_directory(r.source, r.guest.type) + "/" + config_name(r.guest.id);
}

/// Whether the configuration may be taken at all: nobody else's lock on it, and still what the asker has seen.
std::optional<reply> reason_against(const request& r, const std::string& text) {
    // The lock first: PVE's lock also changes the digest, and is the better explanation.
    if (const auto lock = head_value(text, "lock"); lock && !r.is_source_gone)
        return refusal(errc::locked, fmt::format("{} is locked ({})", to_string(r.guest), *lock));
    if (sha1_hex(text) != r.digest)
        return refusal(errc::changed, home_path(r) + " was changed meanwhile: its digest is another one");
    return std::nullopt;
}

decision park(const request& r, const observed& seen) {
    const bool is_ours = seen.original && sha1_hex(*seen.original) == r.digest;
    if (seen.parked) {
        if (!is_ours) return refusal(errc::exists, parked_name(r) + " is there already and of another configuration");
        if (*seen.parked == *seen.original) return step::lock_parked;
        if (*seen.parked != locked_text(*seen.original))
            return refusal(errc::changed, parked_name(r) + " was edited after it was parked");
        return success(parked_path(r.guest.id, r.source, r.generation));
    }
    if (!seen.home) return refusal(errc::not_found, home_path(r) + " does not exist");
    if (is_ours && *seen.home == locked_text(*seen.original)) return step::park_home;
    if (auto why = reason_against(r, *seen.home)) return std::move(*why);
    if (!seen.original) return step::keep_original;
    // A kept original is never overwritten: it may be all that is left of a configuration.
    if (!is_ours) return refusal(errc::exists, kept_name(r) + " is there already and of another configuration");
    return step::lock_home;
}

decision unpark(const request& r, const observed& seen) {
    const bool is_ours = seen.original && (r.digest.empty() || sha1_hex(*seen.original) == r.digest);
    if (!seen.parked) {
        if (!seen.home) return refusal(errc::not_found, parked_name(r) + " does not exist");
        if (is_ours && *seen.home == locked_text(*seen.original)) return step::unlock_home;
        return success();
    }
    if (!seen.original) return refusal(errc::not_found, kept_name(r) + " is missing: the exact original is not known");
    if (!is_ours) return refusal(errc::changed, kept_name(r) + " is of another configuration");
    if (seen.home) return refusal(errc::exists, home_path(r) + " was created meanwhile");
    if (!seen.taken_by.empty()) return refusal(errc::exists, "the vmid is taken by " + seen.taken_by);
    if (*seen.parked == *seen.original) return step::bring_home;
    if (*seen.parked == locked_text(*seen.original)) return step::unlock_parked;
    return refusal(errc::changed, parked_name(r) + " was edited after it was parked");
}

decision relocate(const request& r, const observed& seen) {
    if (r.source == r.target) return refusal(errc::invalid, "source and target are the same node");
    if (!seen.home) {
        if (!seen.away) return refusal(errc::not_found, home_path(r) + " does not exist");
        if (sha1_hex(*seen.away) == r.digest) return success();
        return refusal(errc::changed, fmt::format("it is on {} already, but with another digest", r.target.str()));
    }
    if (auto why = reason_against(r, *seen.home)) return std::move(*why);
    if (!seen.has_target) return refusal(errc::not_found, fmt::format("node {} has no directory", r.target.str()));
    if (seen.away) return refusal(errc::exists, fmt::format("the vmid is taken on {} as well", r.target.str()));
    if (!seen.taken_by.empty()) return refusal(errc::exists, "the vmid is taken by " + seen.taken_by);
    return step::move_to_target;
}

/// Whether that record says that its hand-over is cleaning up on the target. The guard parses no JSON: within a text
/// each quotation mark has a backslash before it, so what is found here are the record's own members (failover/record).
bool is_cleaned_up(const std::string& record, const request& r) {
    const std::array<std::string, 3> members{"\"state\":\"cleaning\",", fmt::format("\"claim\":{},", r.generation),
                                             fmt::format("\"target\":\"{}\",", r.target.str())};
    return std::all_of(members.begin(), members.end(),
                       [&](const std::string& m) { return record.find(m) != std::string::npos; });
}

/// Only of what is provably this hand-over's own unfinished restore: the original is parked and nowhere else, the
/// record says that the target is cleaned up, and the file is still what the asker has seen (reliability P13, P14).
decision unlock(const request& r, const observed& seen) {
    if (r.source == r.target) return refusal(errc::invalid, "on its source a guest is the original");
    if (!seen.parked || !seen.original)
        return refusal(errc::not_found, parked_name(r) + " does not exist: nothing is on its way elsewhere");
    if (r.epoch != 0 && !is_cleaned_up(seen.record.value_or(""), r))
        return refusal(errc::refused, fmt::format("{} does not say that hand-over {} is cleaned up on {}",
                                                  record_name(r.guest.id), r.generation, r.target.str()));
    if (seen.home) return refusal(errc::exists, home_path(r) + " was created meanwhile");
    if (!seen.taken_by.empty()) return refusal(errc::exists, "the vmid is taken by " + seen.taken_by);
    if (!seen.away) return refusal(errc::not_found, "nothing is left on " + r.target.str());
    const auto lock = head_value(*seen.away, "lock");
    if (!lock) return success();
    if (*lock != "create")
        return refusal(errc::locked, fmt::format("{} is locked ({}) on {}", to_string(r.guest), *lock, r.target.str()));
    if (sha1_hex(*seen.away) != r.digest)
        return refusal(errc::changed, fmt::format("what is on {} was changed meanwhile", r.target.str()));
    if (!is_half_made(*seen.away, generation_tag(r.generation)))
        return refusal(errc::refused,
                       fmt::format("what is on {} is no unfinished restore of this hand-over", r.target.str()));
    return step::unlock_away;
}

}  // namespace

decision next_step(const request& r, const observed& seen) {
    switch (r.what) {
        case verb::park: return park(r, seen);
        case verb::unpark: return unpark(r, seen);
        case verb::relocate: return relocate(r, seen);
        case verb::unlock: return unlock(r, seen);
        default: return success();
    }
}

std::string node_directory(const node_name& node, guest_type type) {
    return fmt::format("nodes/{}/{}", node.str(), config_directory(type));
}

std::string config_name(vmid id) { return to_string(id) + ".conf"; }

std::string parked_name(const request& r) {
    const std::string whole = parked_path(r.guest.id, r.source, r.generation);
    return whole.substr(whole.rfind('/') + 1);
}

std::string kept_name(const request& r) {
    return fmt::format("{}.{}.g{}.orig", r.guest.id.number(), r.source.str(), r.generation);
}

std::string record_name(vmid id) { return fmt::format("guest.{}", id.number()); }

std::string generation_tag(std::uint32_t generation) { return fmt::format("steward-g{}", generation); }

std::optional<parked_name_parts> parse_parked_name(const std::string& file) {
    constexpr std::string_view suffix = ".conf";
    const std::size_t first = file.find('.');
    const std::size_t last = file.rfind(".g");
    if (!file.ends_with(suffix) || last == std::string::npos || last <= first) return std::nullopt;
    const auto id = parse_vmid(file.substr(0, first));
    const auto source = parse_node_name(file.substr(first + 1, last - first - 1));
    const auto generation = parse_number(file.substr(last + 2, file.size() - suffix.size() - last - 2));
    if (!id || !source || !generation || *generation > UINT32_MAX) return std::nullopt;
    return parked_name_parts{*id, *source, static_cast<std::uint32_t>(*generation)};
}

bool was_parked(const std::vector<std::string>& files, vmid id, const node_name& source) {
    return std::any_of(files.begin(), files.end(), [&](const std::string& file) {
        const auto parts = parse_parked_name(file);
        return parts && parts->id == id && parts->source == source;
    });
}

}  // namespace steward::handover
