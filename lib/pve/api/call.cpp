#include "pve/api/call.hpp"

#include "pve/api/encode.hpp"
#include "pve/encoding.hpp"

namespace steward::pve::api {

place::place(const place& parent, std::string_view segment) : place(parent) {
    path_ += '/';
    path_ += segment;
}

place::place(const place& parent, std::string_view parameter, const std::string& value) : place(parent) {
    path_ += '/';
    path_ += percent_encode(value);
    in_path_.emplace_back(std::string(parameter), value);
}

prepared_call place::prepare(const method_entry& what) const {
    prepared_call call(what.get(), path_);
    call.in_path = in_path_;
    return call;
}

prepared_call place::prepare(const method_entry& what, const struct_table& table, const void* request,
                             const schema::parameters& more) const {
    prepared_call call = prepare(what);
    call.params = encode(table, request);
    call.params.insert(call.params.end(), more.begin(), more.end());
    return call;
}

}  // namespace steward::pve::api
