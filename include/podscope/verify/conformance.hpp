// SPDX-License-Identifier: BSL-1.0
#pragma once

/// The conformance kits: each puts a plug-in through all that the core relies on.
#include <podscope/verify/conformance/probe.hpp>
#include <podscope/verify/conformance/report.hpp>
#include <podscope/verify/conformance/resource_namespace.hpp>
#include <podscope/verify/conformance/sessions.hpp>
#include <podscope/verify/conformance/sink.hpp>
#include <podscope/verify/conformance/store.hpp>
