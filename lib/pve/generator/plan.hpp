#pragma once
#include "base/result.hpp"
#include "pve/schema/schema.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

/// What will be written, before it is written: every type, member and function with its name.
namespace steward::pve::generator {

enum class holding { one, maybe, list, indexed, named };

class member_plan {
  public:
    std::string wire;
    std::string ident;
    std::string type;       ///< of one value, when it is neither of the next two: "std::string"
    std::string structure;  ///< name of a struct of this branch
    std::string choice_of;  ///< key into the branch's choices: its ident; and
    std::string scope;      ///< the place that the choice belongs to
    holding how = holding::maybe;
    bool is_required = false;
    bool is_joined = false;
    bool is_default_key = false;
    std::string remark;  ///< "integer 16…, default 512, since 8.1"
};

class struct_plan {
  public:
    enum class role { request, result, property };
    std::string name;
    role what = role::request;
    std::vector<member_plan> members;
    const schema::value* keys = nullptr;  ///< of a property string: all alternatives merged
};

class choice_plan {
  public:
    std::string name;
    std::vector<std::string> values;
};

class verb_plan {
  public:
    const schema::method* facts = nullptr;
    std::string call;     ///< get, create, set, remove
    std::string entry;    ///< "status_start_create"
    std::string request;  ///< empty: takes nothing
    bool needs_request = false;
    member_plan returns;  ///< `type` "void" for nothing
};

class place_plan {
  public:
    std::string path;
    std::string handle;   ///< class name
    std::string segment;  ///< last segment of the path
    std::vector<std::string> children;
    std::vector<verb_plan> verbs;
};

class branch_plan {
  public:
    std::string name;                  ///< namespace and file name: "nodes_lxc"
    std::string root;                  ///< "/nodes/{node}/lxc"
    std::vector<place_plan> places;    ///< children before their parents
    std::vector<struct_plan> structs;  ///< those that others use first
    std::vector<choice_plan> choices;
    /// The C++ name of the enumeration for a member.
    [[nodiscard]] std::string choice_name(const member_plan& m) const;
    std::map<std::string, std::string> choice_names;  ///< "scope ident" → name
    std::vector<schema::value> owned;                 ///< merged keys of property strings
};

/// A branch as the build names it: "nodes_lxc" and "/nodes/{node}/lxc".
class branch_name {
  public:
    std::string name;
    std::string root;
};

/// Errors: invalid, when two names collide or a branch does not exist; the text says what to rename.
[[nodiscard]] result<std::vector<branch_plan>> make_plan(const std::vector<schema::method>& methods,
                                                         const std::vector<branch_name>& branches);

/// The branch with the longest root above `path`.
[[nodiscard]] const branch_name& branch_of(const std::vector<branch_name>& branches, const std::string& path);

}  // namespace steward::pve::generator
