#include "guard/carry_out.hpp"

#include "core/handover/config_text.hpp"
#include "core/handover/handover.hpp"
#include "guard/config_lock.hpp"
#include "guard/pve_files.hpp"

#include <algorithm>
#include <array>
#include <fmt/core.h>
#include <variant>

namespace steward::guard {

using namespace handover;  // the decisions; here are the hands

namespace {

/// More rounds than the longest way through takes: a file system that accepts writes without keeping them ends it.
constexpr unsigned most_rounds = 12;

/// Reads into `into`; false, with `why` set, when that fails.
bool read_into(pve_files& files, const std::string& directory, const std::string& name,
               std::optional<std::string>& into, std::optional<failure>& why) {
    auto content = files.read(directory, name);
    if (auto* failed = std::get_if<failure>(&content)) {
        why = std::move(*failed);
        return false;
    }
    into = std::move(std::get<std::optional<std::string>>(content));
    return true;
}

/// Looks for the vmid on every node, under both types, except where it may be.
std::optional<failure> find_taker(pve_files& files, const request& r, observed& seen) {
    auto nodes = files.list("nodes");
    if (auto* why = std::get_if<failure>(&nodes)) return std::move(*why);
    for (const std::string& node : std::get<std::vector<std::string>>(nodes)) {
        if (!parse_node_name(node)) continue;
        for (const guest_type type : {guest_type::ct, guest_type::vm}) {
            const bool is_known = type == r.guest.type && (node == r.source.str() || node == r.target.str());
            if (is_known) continue;
            const std::string directory = node_directory(node_name(node), type);
            std::optional<std::string> other;
            std::optional<failure> why;
            if (!read_into(files, directory, config_name(r.guest.id), other, why)) return why;
            if (other) seen.taken_by = directory + "/" + config_name(r.guest.id);
        }
    }
    return std::nullopt;
}

outcome<observed> look(pve_files& files, const request& r) {
    observed seen;
    std::optional<failure> why;
    const std::string home = node_directory(r.source, r.guest.type);
    const std::string name = config_name(r.guest.id);
    if (!read_into(files, home, name, seen.home, why)) return std::move(*why);
    if (!read_into(files, parked_directory, parked_name(r), seen.parked, why)) return std::move(*why);
    if (!read_into(files, parked_directory, kept_name(r), seen.original, why)) return std::move(*why);
    if (r.what == verb::unlock && !read_into(files, record_directory, record_name(r.guest.id), seen.record, why))
        return std::move(*why);
    if (r.what == verb::relocate || r.what == verb::unlock) {
        const std::string target = node_directory(r.target, r.guest.type);
        if (!read_into(files, target, name, seen.away, why)) return std::move(*why);
        auto there = files.has_directory(target);
        if (auto* failed = std::get_if<failure>(&there)) return std::move(*failed);
        seen.has_target = std::get<bool>(there);
    }
    if (r.what != verb::park)
        if (auto failed = find_taker(files, r, seen)) return std::move(*failed);
    return seen;
}

std::optional<failure> take(step what, pve_files& files, const request& r, const observed& seen) {
    const std::string home = node_directory(r.source, r.guest.type);
    const std::string target = node_directory(r.target, r.guest.type);
    const std::string name = config_name(r.guest.id);
    switch (what) {
        case step::finish: break;
        case step::keep_original: return files.write(parked_directory, kept_name(r), *seen.home);
        case step::lock_home: return files.write(home, name, locked_text(*seen.original));
        case step::park_home: return files.move(home, name, parked_directory, parked_name(r));
        case step::lock_parked: return files.write(parked_directory, parked_name(r), locked_text(*seen.original));
        case step::unlock_parked: return files.write(parked_directory, parked_name(r), *seen.original);
        case step::bring_home: return files.move(parked_directory, parked_name(r), home, name);
        case step::unlock_home: return files.write(home, name, *seen.original);
        case step::move_to_target: return files.move(home, name, target, name);
        case step::unlock_away: return files.write(target, name, unlocked_text(*seen.away));
    }
    return std::nullopt;
}

/// What a failed step means. Nothing: go on, the next look decides.
std::optional<reply> after_failure(const failure& why, pve_files& files, const request& r) {
    if (!why.may_have_happened) {
        // pmxcfs says EACCES before and, rarely, after it sent the change: look once more before saying no.
        auto seen = look(files, r);
        if (const auto* now = std::get_if<observed>(&seen)) {
            const decision next = next_step(r, *now);
            if (next.answer.ok) return next.answer;
        }
        return refusal(why);
    }
    if (files.prove_writable()) return refusal(errc::outcome_unknown, why.detail);
    return std::nullopt;
}

reply step_by_step(const request& r, pve_files& files, unsigned most_steps) {
    for (unsigned round = 0; round < most_rounds; ++round) {
        auto seen = look(files, r);
        if (const auto* why = std::get_if<failure>(&seen)) return refusal(*why);
        const decision next = next_step(r, std::get<observed>(seen));
        if (next.what == step::finish) return next.answer;
        if (most_steps-- == 0) return refusal(errc::outcome_unknown, "stopped half-way");
        const auto failed = take(next.what, files, r, std::get<observed>(seen));
        if (!failed) continue;
        if (auto answer = after_failure(*failed, files, r)) return std::move(*answer);
    }
    return refusal(errc::outcome_unknown, "the cluster file system does not keep what is written");
}

}  // namespace

reply carry_out(const request& r, const workplace& where, unsigned most_steps) {
    auto opened = pve_files::open(where.pve_root, where.local_node);
    if (const auto* why = std::get_if<failure>(&opened)) return refusal(*why);
    pve_files& files = std::get<pve_files>(opened);
    if (r.what == verb::check) {
        // Asked by every plan, also in observe mode: it only looks.
        const auto nodes = files.has_directory("nodes");
        if (const auto* why = std::get_if<failure>(&nodes)) return refusal(*why);
        return next_step(r, {}).answer;
    }
    if (const auto why = files.prove_writable()) return refusal(*why);
    if (where.permit)
        if (auto why = where.permit(files, r)) return std::move(*why);
    const node_name& changed = r.what == verb::unlock ? r.target : r.source;
    if (where.lock_root.empty() || changed != where.local_node) return step_by_step(r, files, most_steps);
    const auto held = config_lock::take(where.lock_root, r.guest);
    if (!held) return refusal(held.error().code, held.error().detail);
    return step_by_step(r, files, most_steps);
}

}  // namespace steward::guard
