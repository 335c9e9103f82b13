#pragma once
#include "pve/schema/schema.hpp"

#include <string>
#include <string_view>
#include <vector>

/// The schema as text, made to be read and compared by people: one fact per line, children indented by two blanks.
///
///     /nodes/{node}/lxc                                        (a path, in column 0)
///       POST create_vm protected proxied since=8.0             (verb, PVE's name, flags)
///         perm ["perm","/vms/{vmid}",["VM.Allocate"]] until=8.4
///         perm all since=9.0                                   (all, world, code, root: words)
///         node string format=pve-node                          (a required parameter)
///         memory? integer min=16 default="512" until=8.0       (an optional one, of old versions …)
///         memory? string since=8.1                             (… and what it is now)
///           current integer min=16 default_key                 (a property string has children)
///         net[n]? string count=32                              (net0 … net31)
///           model string enum=e1000|virtio|"a b" default_key
///           virtio alias=macaddr key_alias=model
///         exclude-path? array
///           [] string                                          (the element)
///         delete? array for=ospf|bgp by=protocol
///         returns array
///           [] object open
///             vmid integer min=100 max=999999999
///             …                                                (fields)
///             * object                                         (what undeclared fields look like)
///
/// Flags of a method: protected, proxied, notoken, open (accepts_more), download. Attributes of a value: min= max=
/// len=A..B (either may be missing) pattern= format= enum= requires=a|b default= default_key alias= key_alias= unit=
/// renderer= by= for= count= open since= until=. A text with a blank, '"', '|', '=' or a control character, and the
/// empty text, is written as a JSON string. An object without children and without `{}` after its type is free-form;
/// "object {}" has no fields. A value without a type has the type `any` and is written with no type word.
namespace steward::pve::schema {

/// Errors: garbage, with the line number and what was expected.
[[nodiscard]] result<std::vector<method>> parse_facts(std::string_view text);
/// The lines of one method, beginning with its verb line; `path` is not in them.
[[nodiscard]] result<method> parse_method(std::string_view path, std::string_view text);
/// The inverse: parse_facts(print_facts(x)) is x. Sorted by path, then GET POST PUT DELETE; parameters in the order
/// given.
[[nodiscard]] std::string print_facts(const std::vector<method>& methods);
/// The lines of one method at column 0, without its path.
[[nodiscard]] std::string print_method(const method& what);

}  // namespace steward::pve::schema
