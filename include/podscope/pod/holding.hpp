// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <podscope/backend/concept.hpp>
#include <podscope/fork_stamp.hpp>
#include <podscope/pod/entitlement.hpp>
#include <podscope/pod/grant.hpp>
#include <podscope/pod/judgement.hpp>
#include <podscope/pod/layer_changes.hpp>
#include <podscope/pod/parts.hpp>
#include <podscope/pod/reconcile.hpp>
#include <podscope/pod/runtime_core.hpp>
#include <podscope/registry/records.hpp>
#include <podscope/registry/registry.hpp>
#include <podscope/result.hpp>
#include <podscope/scope/rule.hpp>
#include <podscope/scope/scope.hpp>
#include <podscope/scope/shared_scope.hpp>

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace podscope {

/// A pod's hold on its allocation: the scope in memory, kept equal to what the registry says, and
/// the knowledge of having lost it. Used by several threads at once.
template <class Parts>
class holding {
public:
    holding(std::shared_ptr<runtime_core<Parts>> core, const settled& from)
        : core_{std::move(core)},
          own_{.pod = from.row().pod, .granted = from.row().granted},
          scope_{podscope::scope{from.row().allow, from.layers()}},
          fence_{from.row().fence()},
          segment_{from.row().segment},
          layers_revision_{from.row().layers_revision} {
        core_->grants().hold(from.row());
    }

    holding(const holding&) = delete;
    holding& operator=(const holding&) = delete;

    /// Leaves the allocation as a dead process leaves it, but with nobody as its owner, so that it
    /// is seen as dead at once. Not in a forked copy, and not for what is lost already. What was
    /// never told to be committed, or cannot be written, may be left: this runtime knows that
    /// nobody holds it, and others see it by the death of this process.
    ~holding() {
        if (born_.is_current()) {
            const bool is_left = !has_ended() && !vacate();
            core_->grants().let_go(own_, is_left);
        }
    }

    [[nodiscard]] runtime_core<Parts>& core() const noexcept { return *core_; }

    [[nodiscard]] const grant& own() const noexcept { return own_; }

    [[nodiscard]] const shared_scope& scope() const noexcept { return scope_; }

    /// The fence under which it holds its scope, after a look, if `allows(scope)` finds no fault
    /// with that. Both are of one moment: with a later fence it would be above who has got a place
    /// since, and with an earlier one below who had one before. May wait for a look that another
    /// thread is at.
    ///
    /// Errors: those of `confirm` and of `allows`.
    template <class F>
    [[nodiscard]] result<epoch> fence_if(F&& allows) {
        if (auto current = confirm(); !current) {
            return fail(current);
        }
        const std::lock_guard alone{looking_};
        result<void> allowed = scope_.read(allows);
        return allowed ? result<epoch>{fence_} : fail(allowed);
    }

    [[nodiscard]] std::string segment() const {
        const std::lock_guard alone{looking_};
        return segment_;
    }

    /// Whether the allocation is known to be this pod's still, and the scope in memory to be what
    /// the registry says: nothing was committed since the last look. Never so on a backend without
    /// a generation. No system call.
    [[nodiscard]] bool is_confirmed() const noexcept {
        if constexpr (has_generation<typename Parts::backend_type>) {
            return core_->parts().backend.generation() == seen_.load(std::memory_order_acquire) &&
                   born_.is_current(); // once it is lost, something was committed
        } else {
            return false;
        }
    }

    /// Makes sure of that, by a look at the registry if need be.
    ///
    /// Errors: `revoked`, `forked`, those of the backend.
    [[nodiscard]] result<void> confirm() {
        if (is_confirmed()) {
            return {};
        }
        if (auto here = not_forked(); !here) {
            return here;
        }
        if (has_ended()) {
            return fail(loss());
        }
        if constexpr (has_generation<typename Parts::backend_type>) {
            // Taken before the look, so that a commit during the look is looked at again.
            const std::uint64_t now = core_->parts().backend.generation();
            auto done = look();
            if (done) {
                seen_.store(now, std::memory_order_release);
            }
            return done;
        } else {
            return look();
        }
    }

    /// Notes that the allocation has been committed. A hold is made before that, within the
    /// transaction, so that nothing can fail once it stands.
    void set_committed() noexcept {
        committed_ = true;
        core_->grants().set_committed(own_);
    }

    /// Errors: `forked`.
    [[nodiscard]] result<void> not_forked() const {
        if (born_.is_current()) {
            return {};
        }
        return fail({.category = errc::forked,
                     .message = "the pod '" + own_.pod +
                                "' belongs to the process that this one was forked from: delegate "
                                "to this one, and let it adopt",
                     .subject = own_.pod});
    }

    /// Everybody below the live pod. Those below a lost one are another one's business.
    ///
    /// Errors: `revoked`, `forked`, those of the backend.
    [[nodiscard]] result<std::vector<descendant>> descendants() const {
        if (auto here = not_forked(); !here) {
            return fail(here);
        }
        return core_->read([&](auto& txn) -> result<std::vector<descendant>> {
            auto own = peek_own(txn, own_);
            return own ? descendants_of(txn, own_.pod) : fail(own);
        });
    }

    /// What is found out about them before a reconciliation, by the probe and by the reclaim
    /// policy.
    ///
    /// Errors: `revoked`, `forked`, those of the backend and of the probe.
    [[nodiscard]] result<judgements> judge_descendants(deadline until) const {
        auto below = descendants();
        if (!below) {
            return fail(below);
        }
        auto judged = core_->probe(subjects_among(*below), until);
        if (!judged || !core_->reviews(*below)) {
            return judged;
        }
        below = descendants();
        auto reviewed = below ? core_->review(own_.pod, *below, *judged) : fail(below);
        return reviewed ? std::move(judged) : fail(reviewed);
    }

    /// Runs `body(txn, own row)` as a commit of the live pod, and lets the scope in memory follow.
    /// The row is the table's own, there until the body changes it.
    ///
    /// Errors: what `body` returns; `revoked`, `forked`, those of the backend.
    template <class F>
    [[nodiscard]] auto commit(F&& body)
        -> std::invoke_result_t<F, typename Parts::backend_type::writer&, const allocation&> {
        using outcome =
            std::invoke_result_t<F, typename Parts::backend_type::writer&, const allocation&>;
        return guarded([&]() -> outcome {
            if (auto here = not_forked(); !here) {
                return fail(here);
            }
            std::uint64_t before{};
            layers_state after;
            auto done = core_->write([&](auto& txn) -> outcome {
                auto row = peek_own(txn, own_);
                if (!row) {
                    return fail(row);
                }
                before = (**row).layers_revision;
                auto changed = body(txn, **row);
                auto left = registry{txn}.peek(own_.pod);
                if (!left) {
                    return fail(left);
                }
                after = *left ? layers_state{(**left).layers_revision, (**left).fence()}
                              : layers_state{before};
                return changed;
            });
            if (done) {
                follow(done, before, after);
            }
            return done;
        });
    }

    /// The same for a commit that may have queued notifications: offers them to the sink.
    template <class F>
    [[nodiscard]] result<reconcile_report> commit_and_tell(F&& body) {
        auto report = commit(std::forward<F>(body));
        if (report) {
            core_->deliver_into(own_.pod, *report);
        }
        return report;
    }

    /// Notes that the pod gave its allocation up itself.
    void set_released() noexcept { end_.store(end::released, std::memory_order_release); }

private:
    // How the allocation ceased to be this pod's, as far as it is known.
    enum class end : std::uint8_t { none, lost, released };

    // Whether nothing of the allocation can be left with this process as its owner.
    [[nodiscard]] bool vacate() noexcept {
        if (!committed_) {
            return false;
        }
        auto done = guarded([&] {
            return core_->write([&](auto& txn) -> result<void> {
                auto row = require_own(txn, own_);
                if (!row) {
                    return fail(row);
                }
                row->owner = {};
                return registry{txn}.update(*row);
            });
        });
        return done || done.error().category == errc::revoked;
    }

    static constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();

    // What the row says of its layers: which they are, and the fence that it has with them.
    struct layers_state {
        std::uint64_t revision{};
        epoch fence{};
    };

    // The commit stands: memory that runs out here only costs the next check a look.
    template <class T>
    void follow(const result<T>& done, std::uint64_t before, const layers_state& after) noexcept {
        if constexpr (!std::is_void_v<T>) { // else it has not to do with layers
            (void)guarded([&]() -> result<void> {
                follow(before, after, changes_of(*done));
                return {};
            });
        }
    }

    // Takes the layers that a commit of this pod's own has added and removed over into the scope in
    // memory, without reading all of them again; unless somebody else changed them before, which
    // the next look finds. `before` and `after` are of the commit's begin and end.
    void follow(std::uint64_t before, const layers_state& after, const layer_changes& changes) {
        const std::lock_guard alone{looking_};
        if (layers_revision_ != before || before == after.revision) {
            return;
        }
        scope_.update([&](podscope::scope& now) {
            now.add(changes.added);
            for (const auto& one : changes.gone) {
                now.remove(one);
            }
        });
        layers_revision_ = after.revision;
        fence_ = after.fence;
    }

    [[nodiscard]] result<void> look() {
        const std::lock_guard alone{looking_};
        std::vector<deny_layer> layers;
        auto row = core_->read([&](auto& txn) -> result<allocation> {
            auto mine = require_own(txn, own_);
            if (mine && mine->layers_revision != layers_revision_) {
                auto all = registry{txn}.layers_of(own_.pod);
                if (!all) {
                    return fail(all);
                }
                layers = std::move(*all);
            }
            return mine;
        });
        if (!row) {
            if (row.error().category == errc::revoked) {
                successor_.store(row.error().current.value_or(epoch::none),
                                 std::memory_order_relaxed);
                // A thread that has just released it knows better.
                auto known = end::none;
                end_.compare_exchange_strong(known, end::lost, std::memory_order_release);
            }
            return fail(row);
        }
        if (row->layers_revision != layers_revision_) {
            scope_.replace(podscope::scope{std::move(row->allow), layers});
            layers_revision_ = row->layers_revision;
        }
        fence_ = row->fence();
        segment_ = std::move(row->segment);
        return {};
    }

    [[nodiscard]] bool has_ended() const noexcept {
        return end_.load(std::memory_order_acquire) != end::none;
    }

    [[nodiscard]] error loss() const {
        if (end_.load(std::memory_order_acquire) == end::released) {
            return {.category = errc::revoked,
                    .message = "the pod '" + own_.pod + "' was released",
                    .subject = own_.pod,
                    .shown = own_.granted};
        }
        return loss_of(own_, successor_.load(std::memory_order_relaxed));
    }

    std::shared_ptr<runtime_core<Parts>> core_;
    const grant own_;
    const fork_stamp born_{};
    shared_scope scope_;
    bool committed_{false};
    std::atomic<end> end_{end::none};
    std::atomic<epoch> successor_{epoch::none}; // who had the allocation when the loss was seen
    std::atomic<std::uint64_t> seen_{never};
    mutable mutex_of<typename Parts::backend_type> looking_; // over a look, which is a transaction
    epoch fence_;
    std::string segment_;
    std::uint64_t layers_revision_;
};

} // namespace podscope
