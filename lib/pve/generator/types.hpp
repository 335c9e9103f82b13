#pragma once
#include "pve/generator/plan.hpp"

#include <map>
#include <string>
#include <vector>

namespace steward::pve::generator {

/// Decides the C++ type of everything in one branch. Property strings and enumerations with one name are one type where
/// their shapes allow it, so that what was read from a configuration can be written to another.
class type_book {
  public:
    explicit type_book(branch_plan& plan) : plan_(plan) {}

    /// Members for `values`; neighbours of one name are alternatives of one member. Structs within are named after
    /// `owner`.
    [[nodiscard]] struct_plan members_of(const std::vector<schema::value>& values, const std::string& scope,
                                         struct_plan::role role, const std::string& owner);
    /// What a call gives back, with the structs it needs.
    [[nodiscard]] member_plan returned(const schema::method& m, const std::string& scope, const std::string& call);
    /// Names the enumerations and adds the property structs. Nothing is added afterwards.
    void finish();

  private:
    using alternatives = std::vector<const schema::value*>;

    [[nodiscard]] member_plan member(const alternatives& all, const std::string& scope, struct_plan::role role,
                                     const std::string& owner);
    void set_element(member_plan& m, const alternatives& all, const std::string& scope, struct_plan::role role,
                     const std::string& owner);
    void set_string(member_plan& m, const alternatives& all, const std::string& scope, struct_plan::role role);
    void set_object(member_plan& m, const schema::value& v, const std::string& scope, const std::string& name);
    void set_choice(member_plan& m, const alternatives& all, const std::string& scope);
    /// The struct of a property string, merged with all others of that name in the branch.
    std::string property_struct(const std::string& ident, const alternatives& all);
    [[nodiscard]] std::string add_struct(const std::vector<schema::value>& members, const std::string& name,
                                         const std::string& scope);

    void add_property_structs();
    void name_choices();

    branch_plan& plan_;
    std::map<std::string, std::vector<schema::value>> property_keys_;  ///< struct name → merged keys
    /// ident → scope → values
    std::map<std::string, std::map<std::string, std::vector<std::string>>> choices_;
};

}  // namespace steward::pve::generator
