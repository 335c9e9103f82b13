#include "pve/api/method_entry.hpp"

#include "pve/schema/facts_text.hpp"

#include <cassert>
#include <memory>

namespace steward::pve::api {

const schema::method& method_entry::get() const {
    if (const schema::method* known = known_.load(std::memory_order_acquire)) return *known;
    auto read = schema::parse_method(path_, facts_);
    assert(read.has_value());  // the generator printed this text from facts that it had read
    auto fresh = std::make_unique<const schema::method>(std::move(*read));
    const schema::method* expected = nullptr;
    // Two threads may read the same text at once; one of the two is kept, for ever.
    if (known_.compare_exchange_strong(expected, fresh.get(), std::memory_order_acq_rel)) return *fresh.release();
    return *expected;
}

}  // namespace steward::pve::api
