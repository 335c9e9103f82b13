#include "text_table.hpp"

#include <algorithm>
#include <string_view>

namespace steward::cli {

namespace {

/// Columns of a terminal: neither the bytes that go on a letter (UTF-8) nor those that only choose its colour.
std::size_t width_of(std::string_view cell) {
    std::size_t width = 0;
    for (std::size_t i = 0; i < cell.size(); ++i) {
        if (cell[i] == '\x1b') {
            i = std::min(cell.find('m', i), cell.size());
            continue;
        }
        if ((static_cast<unsigned char>(cell[i]) & 0xC0U) != 0x80U) ++width;
    }
    return width;
}

}  // namespace

std::string table(const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widths;
    for (const auto& row : rows)
        for (std::size_t i = 0; i < row.size(); ++i) {
            if (widths.size() <= i) widths.push_back(0);
            widths[i] = std::max(widths[i], width_of(row[i]));
        }
    std::string out;
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i)
            out += i + 1 == row.size() ? row[i] : row[i] + std::string(widths[i] - width_of(row[i]) + 2, ' ');
        out += '\n';
    }
    return out;
}

}  // namespace steward::cli
