// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/hana/adapt_struct.hpp>

#include <cstdint>
#include <string>

/// What the story and the programs on its hosts say to each other.
namespace demo {

/// What a program can be told to do. What it is refused by the library is the answer, as an error.
enum class verb : std::uint8_t {
    boot, ///< start the host's member of the cluster
    join, ///< open the library on the cluster, once that answers

    create,      ///< create the planner, and supervise what it delegates
    delegate,    ///< delegate `place` to `pod`: answers the grant
    await_write, ///< wait until the planner may write at `place`: answers since when it knows
    told,        ///< what the planner was told so far
    ended,       ///< what its record says of delegations that have ended
    children,    ///< what its record says of those that have not
    owner,       ///< who may write at `place`, by the registry
    validate,    ///< whether the permit `shown` still holds
    reconcile,   ///< look for what has to be taken back once more

    adopt,       ///< adopt the grant `shown`
    check,       ///< whether `pod` may write at `place`
    permit,      ///< the same, with a permit to show for it
    work,        ///< ask that again and again until the answer is no, and when the last yes was
    ask_cluster, ///< ask until it is the cluster that answers

    release, ///< give `pod` back
};

struct order {
    verb what{};
    std::string pod{};
    std::string place{};
    std::string shown{};
};

struct answer {
    std::string text{};
    std::int64_t at{}; ///< by the one steady clock that the three hosts have, being one machine
};

} // namespace demo

BOOST_HANA_ADAPT_STRUCT(demo::order, what, pod, place, shown);
BOOST_HANA_ADAPT_STRUCT(demo::answer, text, at);
