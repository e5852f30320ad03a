// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>

namespace podscope {

struct error;
enum class errc;
enum class epoch : std::uint64_t;

enum class permission : std::uint8_t;
class resource;
struct scope_rule;
struct deny_layer;
class scope;
class shared_scope;

struct process_identity;
struct notification;
struct allocation;
struct pod_record;
struct delegation;
struct ended_delegation;

struct manifest;
struct grant;
struct reconcile_report;
struct stale_report;

template <class Schema>
class basic_memory;

template <class Parts>
class basic_runtime;
template <class Parts>
class basic_pod;
template <class Parts>
struct restored;

} // namespace podscope
