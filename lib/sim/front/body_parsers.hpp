#pragma once
#include "base/result.hpp"
#include "sim/api/api.hpp"

#include <string>
#include <string_view>

/// Bodies and queries as PVE reads them (pve-facts B.2). Pure functions of bytes.
namespace steward::sim::wire {

/// "a=1;b=x%20y&a=2": a name given twice stays twice, `_dc` is dropped.
[[nodiscard]] api::parameters read_form(std::string_view text);

/// The members of a JSON object: arrays as a name given several times, booleans as 1 and 0, null as not given. A
/// fault's detail is PVE's sentence (its JSON parser's, with the place).
[[nodiscard]] result<api::parameters> read_json(const std::string& text);

/// What came as multipart/form-data: plain fields, and the file.
class form_data {
  public:
    api::parameters fields;
    std::optional<api::uploaded_file> file;
};
/// `content_type` names the boundary.
[[nodiscard]] result<form_data> read_multipart(std::string_view content_type, std::string_view body);

/// What PVE's parser says of a text that is no JSON, and where: "malformed JSON string, neither …, at character offset
/// 9 (before "(end of string)")". Empty when it finds nothing wrong.
[[nodiscard]] std::string json_complaint(std::string_view text);

}  // namespace steward::sim::wire
