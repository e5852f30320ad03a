// SPDX-License-Identifier: BSL-1.0
// Whose the precompiled header is that the tests share.
#include "support/precompiled.hpp"
