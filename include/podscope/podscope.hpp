// SPDX-License-Identifier: BSL-1.0
#pragma once

/// The core and the embedded default. Headers of optional third parties (TOML, SQLite, etcd) are
/// included by name.

#include <podscope/backend/concept.hpp>
#include <podscope/backend/memory.hpp>
#include <podscope/error.hpp>
#include <podscope/fwd.hpp>
#include <podscope/names.hpp>
#include <podscope/notification.hpp>
#include <podscope/pod/grant.hpp>
#include <podscope/pod/manifest.hpp>
#include <podscope/pod/open_runtime.hpp>
#include <podscope/pod/pod.hpp>
#include <podscope/pod/runtime.hpp>
#include <podscope/pod/schema.hpp>
#include <podscope/probe/combinators.hpp>
#include <podscope/probe/default_probe.hpp>
#include <podscope/probe/responder.hpp>
#include <podscope/result.hpp>
#include <podscope/scope/canonical_path.hpp>
#include <podscope/scope/fixed_scope.hpp>
#include <podscope/scope/lexical_path.hpp>
#include <podscope/scope/scope.hpp>
#include <podscope/scope/shared_scope.hpp>
#include <podscope/session/file.hpp>
#include <podscope/session/memory.hpp>
#include <podscope/sink/callback.hpp>
#include <podscope/sink/queue.hpp>
#include <podscope/sink/session_log.hpp>
#include <podscope/sink/tee.hpp>
#include <podscope/version.hpp>
