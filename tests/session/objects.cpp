// SPDX-License-Identifier: BSL-1.0
// A session store as somebody may write it over object storage, where whole objects are put, and
// nothing is ever appended to one: an object for each entry.
#include "support/catch.hpp"

#include <podscope/session/checks.hpp>
#include <podscope/session/concept.hpp>
#include <podscope/verify/conformance/catch2.hpp>
#include <podscope/verify/conformance/sessions.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using podscope::errc;
using podscope::lineage;
using podscope::result;
using podscope::segment_info;
using podscope::session_entry;

/// What object storage can do, and no more. Copies are clients of the same bucket.
class bucket {
public:
    /// Whether there was no such object yet, as with `If-None-Match: *`.
    [[nodiscard]] bool put_new(const std::string& name, std::string content) const {
        const std::lock_guard alone{all_->mutex};
        return all_->objects.emplace(name, std::move(content)).second;
    }

    [[nodiscard]] std::optional<std::string> get(const std::string& name) const {
        const std::lock_guard alone{all_->mutex};
        const auto found = all_->objects.find(name);
        return found == all_->objects.end() ? std::nullopt : std::optional{found->second};
    }

    [[nodiscard]] std::vector<std::string> names(const std::string& prefix) const {
        const std::lock_guard alone{all_->mutex};
        std::vector<std::string> found;
        for (auto at = all_->objects.lower_bound(prefix);
             at != all_->objects.end() && at->first.starts_with(prefix); ++at) {
            found.push_back(at->first);
        }
        return found;
    }

private:
    struct contents {
        std::mutex mutex;
        std::map<std::string, std::string> objects;
    };

    std::shared_ptr<contents> all_ = std::make_shared<contents>();
};

class object_sessions {
public:
    explicit object_sessions(bucket in) : in_{std::move(in)} {}

    [[nodiscard]] result<std::string> create(const lineage& from) const {
        if (auto sound = podscope::check_lineage(from); !sound) {
            return podscope::fail(sound);
        }
        auto id = podscope::fresh_segment_id();
        if (id) {
            (void)in_.put_new("segments/" + *id, std::to_string(from.at) + ' ' +
                                                     std::to_string(from.forked_from.size()) + ' ' +
                                                     from.forked_from + from.compacted_from);
        }
        return id;
    }

    [[nodiscard]] result<std::uint64_t> append(std::string_view id,
                                               const session_entry& entry) const {
        if (auto sound = podscope::check_entry(entry); !sound) {
            return podscope::fail(sound);
        }
        auto known = info(id);
        if (!known) {
            return podscope::fail(known);
        }
        const auto content = std::to_string(entry.kind.size()) + ' ' + entry.kind + entry.body;
        // Whoever is quicker has that index.
        for (auto index = known->entries;; ++index) {
            if (in_.put_new(name_of(id, index), content)) {
                return index;
            }
        }
    }

    template <class Visitor>
    [[nodiscard]] result<void>
    read(std::string_view id, std::uint64_t from, Visitor&& visit) const {
        auto known = info(id);
        if (!known) {
            return podscope::fail(known);
        }
        for (auto index = from; index < known->entries; ++index) {
            const auto content = in_.get(name_of(id, index)).value();
            const auto space = content.find(' ') + 1;
            const auto kind = std::stoull(content);
            if (visit(index, session_entry{.kind = content.substr(space, kind),
                                           .body = content.substr(space + kind)}) ==
                podscope::scan::stop) {
                break;
            }
        }
        return {};
    }

    [[nodiscard]] result<segment_info> info(std::string_view id) const {
        const auto begun = in_.get("segments/" + std::string{id});
        if (!begun) {
            return podscope::fail({.category = errc::unknown_segment,
                                   .message = "no segment '" + std::string{id} + "'"});
        }
        const auto names = begun->find(' ') + 1;
        const auto forked_from = begun->find(' ', names) + 1;
        const auto length = std::stoull(begun->substr(names));
        return segment_info{.comes_from = {.forked_from = begun->substr(forked_from, length),
                                           .compacted_from = begun->substr(forked_from + length),
                                           .at = std::stoull(*begun)},
                            .entries = in_.names(entries_of(id)).size()};
    }

    [[nodiscard]] result<std::vector<std::string>> list() const {
        auto ids = in_.names("segments/");
        for (auto& one : ids) {
            one.erase(0, std::string_view{"segments/"}.size());
        }
        return ids;
    }

private:
    static std::string entries_of(std::string_view id) {
        return "entries/" + std::string{id} + '/';
    }

    static std::string name_of(std::string_view id, std::uint64_t index) {
        return entries_of(id) + std::to_string(index);
    }

    bucket in_;
};

static_assert(podscope::session_store<object_sessions>);

struct in_bucket {
    bucket made{};

    [[nodiscard]] object_sessions open() const { return object_sessions{made}; }
};

} // namespace

TEST_CASE("F40 F42 a session store over whole objects keeps all that session stores promise",
          "[session][concurrent]") {
    PODSCOPE_CHECK_PROMISES(podscope::verify::check_session_store([] { return in_bucket{}; }));
}
