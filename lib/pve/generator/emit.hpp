#pragma once
#include "pve/generator/plan.hpp"

#include <string>
#include <vector>

/// Text of the generated files. The same plan gives the same bytes.
namespace steward::pve::generator {

[[nodiscard]] std::string header_of(const branch_plan& branch, const std::vector<branch_plan>& all);
[[nodiscard]] std::string source_of(const branch_plan& branch, const std::vector<branch_plan>& all);
/// The branch whose place the root of `branch` is a child of; null for the root of all.
[[nodiscard]] const branch_plan* branch_above(const branch_plan& branch, const std::vector<branch_plan>& all);
/// A header that includes all branches.
[[nodiscard]] std::string umbrella_of(const std::vector<branch_plan>& all);

/// The C++ type of the place "{vmid}" in a path.
[[nodiscard]] std::string argument_type(const std::string& segment);
/// "std::optional<choice<arch_choice>>"
[[nodiscard]] std::string type_of(const member_plan& m, const branch_plan& branch);
/// What an awaited call yields without its result<>: "void", "std::vector<get_row>".
[[nodiscard]] std::string returned_type(const verb_plan& v, const branch_plan& branch);

/// Every call once, for tests: its signature, and its request and result by their tables (registry.hpp).
[[nodiscard]] std::string registry_of(const std::vector<branch_plan>& all);

/// The report on how much of each version is typed, as Markdown.
[[nodiscard]] std::string coverage_of(const std::vector<branch_plan>& all);

}  // namespace steward::pve::generator
